"""The link that opens the MLflow UI on the trials of a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tlsearch.tracking.location import locate
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.tracker import Tracker
from tlsearch.tracking.ui_view import CHART_PARAMS, NAME_WIDTH, TAG_PREFIX, SearchesView, TrialsView, view_link

with quiet():
    from mlflow import MlflowClient


def shown(tracker: Tracker, view: TrialsView) -> list[str]:
    """The ids of the runs that the UI shows, in its order."""
    state = json.loads(view.value())
    order = f"{state['orderByKey']} {'ASC' if state['orderByAsc'] else 'DESC'}"
    found = MlflowClient(tracker.uri).search_runs([tracker.experiment_id], state["searchFilter"], order_by=[order])
    return [run.info.run_id for run in found]


def test_the_view_is_kept_where_the_ui_looks_for_it(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    tracker = Tracker.open(None, "flowers", directory=store)
    parent = tracker.start_parent("search", {}, {"role": "search"})
    view = TrialsView(parent=parent, figures=["val_macro_f1"])
    link = tracker.offer_view(view)
    address, key = link.split("?viewStateShareKey=")
    assert address == f"http://127.0.0.1:5000/#/experiments/{tracker.experiment_id}/runs"
    ranked = replace(view, ranked=True, letters=40)
    assert tracker.offer_view(ranked) == link  # the same address, whatever it shows
    experiment = MlflowClient(tracker.uri).get_experiment(tracker.experiment_id)
    (name, value), = ((n, v) for n, v in experiment.tags.items() if n.startswith(TAG_PREFIX))  # fmt: skip
    assert name == TAG_PREFIX + key
    assert value == ranked.value()
    assert len(value) < 5000  # what MLflow keeps of a tag

    best, worse, other = (tracker.start_child(parent, name, {}, {"role": "trial"}) for name in ("a", "b", "c"))
    baseline = tracker.start_child(parent, "baseline", {}, {"role": "baseline"})
    stranger = tracker.start_child(tracker.start_parent("another", {}, {}), "trial", {}, {"role": "trial"})
    for run_id, figure in ((worse, 0.5), (best, 0.9), (baseline, 0.95), (stranger, 0.99)):
        tracker.finish(run_id, "FINISHED", {"val_macro_f1": figure})
    tracker.finish(other, "FAILED")
    assert shown(tracker, view) == [best, worse, other]
    assert shown(tracker, replace(view, ascending=True)) == [worse, best, other]
    for rank, run_id in enumerate((worse, best), 1):  # the simpler of two that cannot be told apart has won
        tracker.add(run_id, {"rank": rank}, {})
    assert shown(tracker, ranked) == shown(tracker, replace(ranked, ascending=True)) == [worse, best, other]


def test_the_rank_is_a_column_once_there_is_one() -> None:
    view = TrialsView(parent="abc", figures=["val_on_shared_folds", "val_accuracy"])
    before, after = (json.loads(replace(view, ranked=ranked).value()) for ranked in (False, True))
    assert after["selectedColumns"] == ["metrics.`rank`", *before["selectedColumns"]]
    for state in (before, after):
        assert state["columnOrder"][2:] == state["selectedColumns"]
        assert set(state["columnWidths"]) == set(state["columnOrder"])


def test_the_column_of_names_is_as_wide_as_they_are() -> None:
    def width(letters: int | None) -> int:
        view = TrialsView(parent="abc", figures=["val_accuracy"], letters=letters)
        return int(json.loads(view.value())["columnWidths"]["attributes.`Run Name`"])

    assert 6 * 40 < width(40) < width(60) < NAME_WIDTH
    assert width(None) == width(500) == NAME_WIDTH


def test_the_parallel_coordinates_have_what_was_searched() -> None:
    view = json.loads(TrialsView(parent="abc", figures=["val_accuracy"]).value())
    parallel = next(chart for chart in view["compareRunCharts"] if chart["type"] == "PARALLEL")
    assert parallel["selectedParams"] == list(CHART_PARAMS)
    assert parallel["selectedMetrics"] == ["val_accuracy"]
    sections = {section["uuid"] for section in view["compareRunSections"]}
    assert {chart["metricSectionId"] for chart in view["compareRunCharts"]} <= sections
    assert view["runsHiddenMode"] == "SHOW_ALL"


def test_another_run_has_a_view_of_its_own() -> None:
    first, second = (TrialsView(parent=parent, figures=["val_accuracy"]) for parent in ("abc", "def"))
    assert first.key != second.key
    assert replace(first, ranked=True, figures=["val_macro_f1"]).key == first.key


def test_all_searches_have_one_view_that_the_ui_offers(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    tracker = Tracker.open(None, "searches", directory=store)
    client = MlflowClient(tracker.uri)
    link = tracker.offer_view(SearchesView(1_000))
    key = TAG_PREFIX + link.partition("?viewStateShareKey=")[2]
    saved = json.loads(client.get_experiment(tracker.experiment_id).tags[key])
    assert (saved["name"], saved["createdAt"]) == ("All searches", 1_000)
    state = json.loads(saved["state"])
    assert state["columnOrder"][2:] == state["selectedColumns"]
    shown = ["metrics.`test`", "metrics.`gain_over_baseline`", "tags.`pretraining_helped`", "tags.`search_paid`"]
    assert state["selectedColumns"][:4] == shown

    first, second = (tracker.start_parent(name, {}, {"role": "search"}) for name in ("first", "second"))
    tracker.start_child(first, "trial", {}, {"role": "trial"})
    order = f"{state['orderByKey']} {'ASC' if state['orderByAsc'] else 'DESC'}"
    found = client.search_runs([tracker.experiment_id], state["searchFilter"], order_by=[order])
    assert [run.info.run_id for run in found] == [second, first]
    # What somebody has changed and saved stays.
    client.set_experiment_tag(tracker.experiment_id, key, "changed")
    assert tracker.offer_view(SearchesView(2_000)) == link
    assert client.get_experiment(tracker.experiment_id).tags[key] == "changed"


def test_the_link_leads_to_the_server_that_has_the_record(tmp_path: Path) -> None:
    address = locate("http://me:secret@records.example/mlflow/", tmp_path).ui_address
    assert view_link(address, "7", "k") == "http://records.example/mlflow/#/experiments/7/runs?viewStateShareKey=k"
