"""Reports of made-up runs in a browser: the trials on a phone, each in view with its reason; names of other scripts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.helpers.browser.web_page import FITS, Watched
from tlsearch.report.html import write_report
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Mistake, TrialRow
from tlsearch.types import TrialResult

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LONG = "the backbone a_company_wide_backbone_with_many_words raised ValueError: the shape (None,7,7,1280) does not fit"

# For every row of the table its number, state and reason, each with the pixels by which it is outside of the window or
# of the box that scrolls around it: 0 where all of it is in view.
ROWS = """
table => {
  const box = table.closest('.scroll').getBoundingClientRect();
  const left = Math.max(box.left, 0), right = Math.min(box.right, document.documentElement.clientWidth);
  const seen = element => {
    const range = document.createRange();
    range.selectNodeContents(element);
    const text = range.getBoundingClientRect();
    return [element.textContent.trim(), text.width ? Math.max(0, left - text.left, text.right - right) : 1e4];
  };
  return [...table.querySelectorAll('tbody tr')].map(row => [
    row.cells[0], row.querySelector('.complete, .pruned, .failed, .timed_out'), ...row.querySelectorAll('small'),
  ].map(seen));
}
"""


def trials(result: RunResult) -> tuple[TrialRow, ...]:
    """The trials of a result, and beside them one that was ended by the clock and one with a long reason."""
    spec = result.trials[-1].spec
    ended = TrialResult(spec=spec, state="timed_out", value=None, seconds=4000.0, reason="its time was used up")
    failed = TrialResult(
        spec=replace(spec, backbone="a_company_wide_backbone_with_many_words", units=64),
        state="failed", value=None, seconds=3.0, reason=LONG,
    )  # fmt: skip
    return (*result.trials, TrialRow.of(98, "trial", ended, ""), TrialRow.of(99, "trial", failed, ""))


@pytest.fixture(scope="module")
def report(sample: RunResult, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a report with trials of every state."""
    folder = tmp_path_factory.mktemp("report")
    return write_report(replace(sample, trials=trials(sample)), folder, folder).as_uri()


def opened(browser: Browser, address: str, width: int) -> Watched:
    context = browser.new_context(viewport={"width": width, "height": 844}, offline=True)
    context.set_default_timeout(60_000)
    watched = Watched(context.new_page())
    watched.page.goto(address)
    return watched


# How far the probability of a mistake begins to the right of the class before it.
BEHIND = """
figure => {
  const [name, probability] = ['b', '.whole'].map(one => figure.querySelector(one).getBoundingClientRect());
  return probability.left - name.right;
}
"""


def test_a_probability_stands_behind_a_name_that_is_read_from_the_right(
    browser: Browser, sample: RunResult, tmp_path: Path
) -> None:
    mistakes = tuple(
        Mistake(path="a.png", true="cat", predicted=name, probability=0.93) for name in ("dog", "שמלה", "فستان")
    )
    address = write_report(replace(sample, mistakes=mistakes), tmp_path, tmp_path).as_uri()
    figures = opened(browser, address, 1200).page.locator(".gallery").first.locator("figure")
    assert figures.count() == 3
    assert all(figure.evaluate(BEHIND) > 0 for figure in figures.all())


@pytest.mark.parametrize("width", [360, 390])
def test_state_and_reason_of_every_trial_are_in_view(
    browser: Browser, report: str, sample: RunResult, width: int
) -> None:
    watched = opened(browser, report, width)
    table = watched.page.locator("table.trials")
    found = table.evaluate(ROWS)
    assert len(found) == len(trials(sample))
    assert {row[1][0] for row in found} == {"complete", "stopped early", "failed", "out of time"}
    assert [(text, outside) for row in found for text, outside in row if outside > 1] == []
    shown = " ".join(table.inner_text().split())
    for trial in trials(sample):
        assert trial.reason in shown
        assert trial.label in shown  # with what the columns say that are left out here
    assert watched.overflow() == FITS
    watched.page.context.close()


def test_on_a_screen_nothing_is_left_out(browser: Browser, report: str) -> None:
    page = opened(browser, report, 1400).page
    heads = [text.strip() for text in page.locator("table.trials thead th").all_inner_texts() if text.strip()]
    assert heads == ["#", "score", "configuration", "frozen", "head", "strength", "state", "time"]
    page.context.close()
