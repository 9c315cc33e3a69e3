"""The MLflow UI on the records of a real run, in a real browser: what a reviewer opens, reads and compares."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.helpers.browser.mlflow_pages import Pages, column, names, rows, trouble
from tests.helpers.runs.small_run import MARKS, TrialRecord
from tlsearch.report.numbers import format_score
from tlsearch.tracking.quiet import quiet

with quiet():
    from mlflow import MlflowClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from tlsearch.results.schema import TrialRow

pytestmark = [*MARKS, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def pages(browser: Browser, mlflow_ui: str, finished: TrialRecord) -> Pages:
    """The UI on the records of the run."""
    return Pages(browser, mlflow_ui, finished.result)


@pytest.fixture(scope="module")
def table(pages: Pages) -> Iterator[Page]:
    """The table of trials, by the link that the run gives."""
    page = pages.table()
    yield page
    page.context.close()


def searched(finished: TrialRecord) -> list[TrialRow]:
    return [row for row in finished.result.trials if row.role == "trial"]


def test_the_link_shows_the_winner_first_then_the_best(table: Page, finished: TrialRecord) -> None:
    trials = searched(finished)
    table.get_by_text(f"{len(trials)} matching runs").wait_for()
    numbers = [int(name.split()[0]) for name in names(table)]
    assert sorted(numbers) == sorted(row.number for row in trials)
    rows_of = {row.number: row for row in trials}
    assert rows_of[numbers[0]].spec == finished.result.winner.spec
    shown = [rows_of[number].value for number in numbers]
    known = [value for value in shown if value is not None]
    assert len(known) >= 5
    assert shown[: len(known)] == known  # those without a value come last
    assert known[0] != known[-1]
    figures = column(table, "metrics.`val_accuracy`")
    assert [float(text) for text in figures[: len(known)]] == pytest.approx(known, abs=1e-4)
    ranks = column(table, "metrics.`rank`")
    assert [int(text) for text in ranks[: len(known)]] == list(range(1, len(known) + 1))
    # Behind the winner and what cannot be told apart from it, at most three, the score decides.
    assert known[4:] == sorted(known[4:], reverse=True)
    assert trouble(table) == []


def test_run_names_say_the_configuration(table: Page, finished: TrialRecord) -> None:
    labels = {row.number: row.label for row in searched(finished)}
    for name in names(table):
        number, _, label = name.partition(" ")
        assert len(number) == 2
        assert label == labels[int(number)]


def test_the_columns_that_matter_come_first(table: Page, finished: TrialRecord) -> None:
    heads = table.locator(".ag-header-cell[col-id]").evaluate_all(
        "cells => cells.map(cell => [cell.getBoundingClientRect().left, cell.getAttribute('col-id')])"
    )
    order = [key for _, key in sorted(heads) if "`" in key]
    assert order[:5] == [
        "attributes.`Run Name`", "metrics.`rank`", "metrics.`val_accuracy`", "metrics.`val_gain_over_baseline`",
        "tags.`state`",
    ]  # fmt: skip
    assert {"params.`freeze_fraction`", "params.`head_units`", "params.`strength`"} <= set(order[5:11])
    states = {row.number: row.state for row in searched(finished)}
    assert column(table, "tags.`state`") == [states[int(name.split()[0])] for name in names(table)]


def test_a_small_screen_shows_the_figures(pages: Pages) -> None:
    page = pages.table(width=1280)
    assert _cut_off(page, "metrics.`val_accuracy`") <= 1
    cells = page.locator("[role=gridcell][col-id='metrics.`val_gain_over_baseline`']")
    # The heading is longer than the figures, which stand at its left.
    assert _cut_off(page, "metrics.`val_gain_over_baseline`") < 178 - 80
    assert max(len(text) for text in cells.all_inner_texts()) <= len("-0.44444")
    page.context.close()


def _cut_off(page: Page, key: str) -> float:
    """Pixels by which the column ``key`` is cut off at the right of the table."""
    cut: float = page.locator(f".ag-header-cell[col-id='{key}']").evaluate(
        "cell => cell.getBoundingClientRect().right - cell.closest('.ag-header').getBoundingClientRect().right"
    )
    return cut


def test_names_are_not_cut_off(table: Page) -> None:
    cells = table.locator("[role=gridcell][col-id='attributes.`Run Name`']")
    assert cells.count() > 5
    cut = cells.evaluate_all(
        """cells => cells.filter(cell => [cell, ...cell.querySelectorAll('*')]
          .some(part => part.clientWidth > 10 && part.scrollWidth > part.clientWidth + 1))
          .map(cell => cell.innerText)"""
    )
    assert cut == []


@pytest.mark.parametrize("view", ["table", "searches"])
def test_no_heading_and_no_age_of_a_run_is_cut_off(pages: Pages, view: str) -> None:
    page = pages.table() if view == "table" else pages.searches()
    ages = page.locator("[role=gridcell][col-id='runDateAndNestInfo'] span[title]")
    ages.first.wait_for()
    cut: list[str] = page.evaluate(
        """() => {
          // The age is the last thing in its cell: the longest that there is stands in its place.
          const ages = [...document.querySelectorAll("[role=gridcell][col-id='runDateAndNestInfo'] span[title]")]
          ages.forEach(age => { age.lastChild.textContent = '59 minutes ago' })
          const heads = [...document.querySelectorAll('.ag-header-cell[col-id*="`"], .ag-header-cell[col-id^=run]')]
          return [...heads, ...ages.map(age => age.closest('[role=gridcell]'))]
            .filter(cell => [cell, ...cell.querySelectorAll('*')]
              .some(part => part.clientWidth > 10 && part.scrollWidth > part.clientWidth + 5))  // 4 are its handle
            .map(cell => cell.innerText)
        }"""
    )
    assert ages.count() > 0
    assert cut == []
    page.context.close()


def test_a_filter_by_tag_leaves_those_that_have_it(pages: Pages, finished: TrialRecord) -> None:
    tuned = [row.number for row in searched(finished) if row.spec.kind == "fine_tuning"]
    assert 0 < len(tuned) < len(searched(finished))
    page = pages.table()
    field = page.get_by_test_id("search-box")
    field.fill(f"{field.input_value()} and tags.kind = 'fine_tuning'")
    field.press("Enter")
    page.get_by_text(re.compile(rf"^{len(tuned)} matching runs?$")).wait_for()
    assert sorted(int(name.split()[0]) for name in names(page)) == tuned
    field.fill("tags.role = 'no such role'")
    field.press("Enter")
    rows(page).first.wait_for(state="detached")
    assert rows(page).count() == 0
    page.context.close()


def test_the_list_of_searches_says_what_each_came_to(pages: Pages, finished: TrialRecord) -> None:
    page = pages.searches()
    result = finished.result
    assert result.gain is not None
    assert result.verdict is not None
    assert names(page) == ["out"]
    (score,), (gain,) = (column(page, f"metrics.`{name}`") for name in ("test", "gain_over_baseline"))
    assert [float(score), float(gain)] == pytest.approx([result.metrics.test, result.gain.test], abs=1e-4)
    answers = [column(page, f"tags.`{name}`") for name in ("pretraining_helped", "search_paid", "model_to_use")]
    assert answers == [[result.verdict.pretraining], [result.verdict.search], [result.verdict.model]]
    assert _cut_off(page, "tags.`model_to_use`") <= 1  # all of it is seen without scrolling
    page.get_by_test_id("saved-views-trigger").filter(has_text="All searches").wait_for()
    assert trouble(page) == []
    page.context.close()


def test_the_parent_tells_the_story(pages: Pages, finished: TrialRecord) -> None:
    page = pages.parent()
    result = finished.result
    story = page.locator("body").inner_text()
    assert f"{result.metrics.test:.1%}".replace("%", "") in story or format_score(result.metrics.test) in story
    for words in (result.winner.label, "linear probe", "from scratch", "How to repeat it", "--config"):
        assert words in story
    assert trouble(page) == []
    with page.expect_popup() as opened:
        page.get_by_role("link", name="report", exact=True).click()
    shown = (
        opened.value.frame_locator("iframe").locator(".verdict .said").first
    )  # the report itself, among the artifacts
    shown.wait_for()
    assert result.verdict is not None
    assert shown.inner_text() == result.verdict.use
    assert trouble(opened.value) == []
    page.context.close()


def test_the_page_of_the_model_says_what_it_is(pages: Pages, finished: TrialRecord) -> None:
    record, result = finished.result.mlflow, finished.result
    assert record is not None
    (model,) = MlflowClient(record.tracking_uri).search_logged_models([record.experiment_id])
    page = pages.model(model.model_id)
    page.get_by_text("gain_over_baseline", exact=True).wait_for()
    page.get_by_text(f'load_model("models:/{model.model_id}")').wait_for()
    text = page.locator("body").inner_text()
    for words in (result.winner.label, "ash, birch, cedar", "frozen blocks"):
        assert words in text
    assert "No description" not in text
    assert "No metrics recorded" not in text
    assert f"dataset (#{result.dataset.fingerprint[:16]})" in text
    assert trouble(page) == []
    page.context.close()


def test_the_parent_has_a_chart_of_the_best_so_far(pages: Pages, finished: TrialRecord) -> None:
    assert finished.result.mlflow is not None
    page = pages.metrics(finished.result.mlflow.parent_run_id)
    cards = page.get_by_test_id("experiment-view-compare-runs-card")
    card = cards.filter(has_text="best_val_accuracy").first
    card.locator(".js-plotly-plot").wait_for()
    heights = card.locator(".js-plotly-plot").evaluate("plot => [...plot.data[0].y]")
    best, expected = 0.0, []
    for row in sorted(searched(finished), key=lambda row: row.number):
        best = max(best, row.value or 0.0)
        expected.append(best)
    assert len(heights) >= len({value for value in expected if value})
    assert heights == sorted(heights)
    assert heights[-1] == pytest.approx(best, abs=1e-4)
    # It stands above the others, which are few: the UI makes one chart with one bar of each single number.
    tops = cards.evaluate_all("cards => cards.map(card => [card.getBoundingClientRect().top, card.innerText])")
    assert "best_val_accuracy" in min(tops)[1]
    assert len(tops) <= 8
    page.context.close()


def test_the_figures_are_a_table(pages: Pages, finished: TrialRecord) -> None:
    assert finished.result.mlflow is not None
    page = pages.artifact(finished.result.mlflow.parent_run_id, "figures.json")
    page.get_by_text("View as table").wait_for()
    page.get_by_role("cell", name="linear_probe_test_ci95_low").wait_for()
    assert trouble(page) == []
    page.context.close()


def test_trials_compare_in_parallel_coordinates(pages: Pages, finished: TrialRecord) -> None:
    page = pages.compare()
    complete = [row for row in searched(finished) if row.state == "complete"]
    page.get_by_text(f"Comparing {len(complete)} Runs from 1 Experiment").wait_for()
    plot = page.locator(".js-plotly-plot").first
    axes = plot.evaluate("plot => plot.data[0].dimensions.map(axis => [axis.label, axis.values.length])")
    assert len(axes) >= 2
    assert all(length == len(complete) for _, length in axes)
    assert page.locator(".parcoords .axis-title, .parcoords text").count() >= len(axes)
    assert trouble(page) == []
    page.context.close()


def test_the_view_has_the_settings_against_the_score(pages: Pages, finished: TrialRecord) -> None:
    """The charts of the shared view: parallel coordinates of what was searched, numeric for every trial."""
    page = pages.charts()
    chart = page.locator(".parcoords").first
    labels = chart.locator(".dimension .label").all_text_contents()
    assert labels == ["freeze_fraction", "head_units", "strength", "learning_rate", "val_accuracy"]
    for place, label in enumerate(labels):
        ticks = chart.locator(".dimension").nth(place).locator(".tick text").all_text_contents()
        assert ticks, label
        assert all(re.fullmatch(r"-?[\d.,]+(e-?\d+)?", tick.replace("\N{MINUS SIGN}", "-")) for tick in ticks), label
    drawn = chart.locator("canvas").evaluate_all(
        """layers => layers.some(layer => layer.getContext('2d').getImageData(0, 0, layer.width, layer.height)
          .data.some(value => value > 0))"""
    )
    assert drawn
    assert trouble(page) == []
    page.context.close()


def test_a_trial_shows_its_learning_curve(pages: Pages, finished: TrialRecord) -> None:
    trained = next(row for row in searched(finished) if row.state == "complete" and not row.spec.is_linear_probe)
    assert trained.run_id is not None
    page = pages.metrics(trained.run_id)
    card = page.get_by_test_id("experiment-view-compare-runs-card").filter(has_text="curve/val_loss").first
    card.locator(".js-plotly-plot").wait_for()
    steps = card.locator(".js-plotly-plot").evaluate("plot => [...plot.data[0].x]")
    assert steps == [1, 2, 3, 4]  # twice round the training images, measured twice each time
    assert trouble(page) == []
    page.context.close()
