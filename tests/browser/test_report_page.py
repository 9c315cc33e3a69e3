"""report.html of a real run in a real browser, without a network: on a phone and a screen, light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import pytest

from tests.helpers.browser.web_page import FITS, Watched
from tests.helpers.results.verdict_texts import verdict_texts
from tests.helpers.runs.small_run import MARKS, TrialRecord
from tlsearch.report import numbers
from tlsearch.report.text import STATES
from tlsearch.results.schema import TrialRow

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Route

pytestmark = MARKS

Scheme = Literal["light", "dark"]

PHONE, SCREEN = 390, 1400

# Red, green and blue of a colour as the browser gives it, as luminance by WCAG 2.
LUMINANCE = """
element => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const of = colour => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(value => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return [of(getComputedStyle(element).backgroundColor), of(getComputedStyle(element).color)];
}
"""


def opened(browser: Browser, finished: TrialRecord, width: int = SCREEN, scheme: Scheme = "light") -> Watched:
    """The report in a window ``width`` pixels wide, with no network and everything refused but the file itself."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    context.set_default_timeout(60_000)
    report = (finished.output / "report.html").as_uri()

    def refuse(route: Route) -> None:
        if route.request.url == report:
            route.continue_()
        else:
            route.abort()

    context.route("**/*", refuse)
    watched = Watched(context.new_page())
    watched.page.goto(report)
    return watched


@pytest.fixture(scope="module")
def page(browser: Browser, finished: TrialRecord) -> Iterator[Page]:
    """The report on a screen."""
    watched = opened(browser, finished)
    yield watched.page
    watched.page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, SCREEN])
def test_everything_fits_and_nothing_is_asked_for(
    browser: Browser, finished: TrialRecord, width: int, scheme: Scheme
) -> None:
    watched = opened(browser, finished, width, scheme)
    page = watched.page
    for details in page.locator("details").all():
        details.evaluate("element => { element.open = true; }")
    assert page.locator("h2").count() >= 8
    assert watched.overflow() == FITS
    assert watched.console == []
    asked = {urlsplit(url).scheme for url in watched.requests}
    assert watched.requests[0].startswith("file:")
    assert sum(url.startswith("file:") for url in watched.requests) == 1
    assert asked <= {"file", "data"}
    background, text = page.locator("body").evaluate(LUMINANCE)
    assert (background > 0.8) == (scheme == "light")
    assert (background < 0.1) == (scheme == "dark")
    assert (max(background, text) + 0.05) / (min(background, text) + 0.05) > 7  # WCAG 2, AAA
    page.context.close()


def test_pictures_are_there_and_have_something_in_them(page: Page) -> None:
    drawings = page.locator("figure svg")
    assert drawings.count() >= 4
    for drawing in drawings.all():
        box = drawing.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) > 80
        assert drawing.locator("path, circle, use, line, polyline, rect").count() > 5
    pictures = page.locator("img")
    assert pictures.count() >= 1  # mistakes, for some pictures lie in the folder of another class
    assert all(picture.evaluate("image => image.complete && image.naturalWidth > 0") for picture in pictures.all())


def test_the_figures_are_those_of_the_result(page: Page, finished: TrialRecord) -> None:
    result = finished.result
    hero = page.locator(".hero")
    assert hero.locator(".score").inner_text() == numbers.percent(result.metrics.test)
    shown = " ".join(hero.locator(".verdict").inner_text().split())
    assert result.verdict is not None
    assert shown.startswith(result.verdict.use)
    assert all(text in shown for text in verdict_texts(result))
    rows = page.locator("table.models tbody tr")
    assert result.linear_probe is not None
    assert result.baseline is not None
    tested = [result.metrics.test, result.linear_probe.test, result.baseline.test]
    intervals = [result.metrics.test_ci95, result.linear_probe.test_ci95, result.baseline.test_ci95]
    for number, (score, ci95) in enumerate(zip(tested, intervals, strict=True)):
        cell = rows.nth(number).locator("td").nth(3).inner_text()
        assert cell.split("\n")[0].strip() == numbers.percent(score)
        assert numbers.percent_interval(ci95) in cell
        assert "MB" in rows.nth(number).locator("td").nth(4).inner_text()
    facts = dict(zip(page.locator("dt").all_inner_texts(), page.locator("dd").all_inner_texts(), strict=True))
    assert facts["seed"] == "0"
    assert facts["data fingerprint"] == result.dataset.fingerprint[:16]
    assert facts["keras"] == result.versions["keras"]


# --- the table of trials


def values_of(table: Locator, heading: str) -> list[str]:
    """The values by which a column is sorted, from top to bottom."""
    headings = [text.strip() for text in table.locator("thead th").all_inner_texts()]
    cells = table.locator(f"tbody tr td:nth-child({headings.index(heading) + 1})")
    return [
        str(value)
        for value in cells.evaluate_all("cells => cells.map(cell => cell.dataset.value ?? cell.textContent.trim())")
    ]


def head_of(table: Locator, heading: str) -> Locator:
    """The heading of a column, with a button in it, to whose name the browser adds the arrow behind it."""
    return table.locator("thead th", has_text=re.compile(rf"^\s*{re.escape(heading)}\s*$"))


def numbers_of(table: Locator, heading: str) -> list[float | None]:
    return [float(value) if value else None for value in values_of(table, heading)]


def in_order(values: list[float | None], *, up: bool) -> list[float | None]:
    """Sorted, with what is not known at the end."""
    known = sorted((value for value in values if value is not None), reverse=not up)
    return [*known, *[None] * (len(values) - len(known))]


def parts_of(finished: TrialRecord) -> list[list[TrialRow]]:
    """The trials of the search, and below them, sorted apart, what else was trained."""
    rows = finished.result.trials
    return [[row for row in rows if row.role == "trial"], [row for row in rows if row.role != "trial"]]


def test_the_table_has_every_trial(page: Page, finished: TrialRecord) -> None:
    table = page.locator("table.trials")
    assert table.locator("tbody tr").count() == len(finished.result.trials)
    shown = table.inner_text()
    states = {row.state for row in finished.result.trials}
    assert {"complete", "pruned"} <= states
    for row in finished.result.trials:
        assert row.label in shown
        assert row.reason in shown
    assert sorted(values_of(table, "state")) == sorted(STATES[row.state] for row in finished.result.trials)


def test_trials_are_sorted_by_a_click_on_a_heading(page: Page, finished: TrialRecord) -> None:
    table = page.locator("table.trials")
    parts = parts_of(finished)
    expected: dict[str, list[list[float | None]]] = {
        "time": [[row.seconds for row in part] for part in parts],
        "score": [[row.value for row in part] for part in parts],
        "#": [[float(row.number) for row in part] for part in parts],
    }
    for heading, values in expected.items():
        assert len(set(values[0])) > 2, "so few values are sorted by chance"
        head = head_of(table, heading)
        button = head.get_by_role("button")
        button.click()
        assert head.get_attribute("aria-sort") == "descending"
        assert numbers_of(table, heading) == pytest.approx([v for part in values for v in in_order(part, up=False)])
        button.focus()
        page.keyboard.press("Enter")  # as without a mouse
        assert head.get_attribute("aria-sort") == "ascending"
        assert numbers_of(table, heading) == pytest.approx([v for part in values for v in in_order(part, up=True)])
        assert table.locator("thead th[aria-sort]").count() == 1


def test_words_are_sorted_upwards_first(page: Page, finished: TrialRecord) -> None:
    table = page.locator("table.trials")
    head_of(table, "state").get_by_role("button").click()
    parts = [[STATES[row.state] for row in part] for part in parts_of(finished)]
    assert values_of(table, "state") == [state for part in parts for state in sorted(part)]
    head_of(table, "state").get_by_role("button").click()
    assert values_of(table, "state") == [state for part in parts for state in sorted(part, reverse=True)]
