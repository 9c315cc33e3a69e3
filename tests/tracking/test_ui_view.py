"""The link that opens the MLflow UI on the trials of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tlsearch.tracking.location import Location
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.tracker import Tracker
from tlsearch.tracking.ui_view import CHART_PARAMS, TAG_PREFIX, shared_view, view_link

with quiet():
    from mlflow import MlflowClient


def test_the_view_is_kept_where_the_ui_looks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    tracker = Tracker.open(None, "flowers", directory=tmp_path)
    parent = tracker.start_parent("search", {}, {"role": "search"})
    link = tracker.offer_view(parent, ["val_macro_f1"])
    address, key = link.split("?viewStateShareKey=")
    assert address == f"http://127.0.0.1:5000/#/experiments/{tracker.experiment_id}/runs"
    assert tracker.offer_view(parent, ["val_macro_f1"]) == link
    experiment = MlflowClient(tracker.uri).get_experiment(tracker.experiment_id)
    (name, value), = ((n, v) for n, v in experiment.tags.items() if n.startswith(TAG_PREFIX))  # fmt: skip
    assert name == TAG_PREFIX + key
    assert len(value) < 5000  # what MLflow keeps of a tag

    view = json.loads(value)
    best, worse, other = (tracker.start_child(parent, name, {}, {"role": "trial"}) for name in ("a", "b", "c"))
    baseline = tracker.start_child(parent, "baseline", {}, {"role": "baseline"})
    stranger = tracker.start_child(tracker.start_parent("another", {}, {}), "trial", {}, {"role": "trial"})
    for run_id, figure in ((worse, 0.5), (best, 0.9), (baseline, 0.95), (stranger, 0.99)):
        tracker.finish(run_id, "FINISHED", {"val_macro_f1": figure})
    order = f"{view['orderByKey']} {'ASC' if view['orderByAsc'] else 'DESC'}"
    found = MlflowClient(tracker.uri).search_runs([tracker.experiment_id], view["searchFilter"], order_by=[order])
    assert [run.info.run_id for run in found] == [best, worse, other]
    assert json.loads(shared_view(parent, ["val_cost"], ascending=True)[1])["orderByAsc"] is True
    assert view["orderByAsc"] is False


def test_the_parallel_coordinates_have_what_was_searched() -> None:
    view = json.loads(shared_view("abc", ["val_accuracy"])[1])
    parallel = next(chart for chart in view["compareRunCharts"] if chart["type"] == "PARALLEL")
    assert parallel["selectedParams"] == list(CHART_PARAMS)
    assert parallel["selectedMetrics"] == ["val_accuracy"]
    sections = {section["uuid"] for section in view["compareRunSections"]}
    assert {chart["metricSectionId"] for chart in view["compareRunCharts"]} <= sections
    assert view["runsHiddenMode"] == "SHOW_ALL"


def test_another_run_has_a_view_of_its_own() -> None:
    keys = {
        shared_view(parent, [figure])[0] for parent in ("abc", "def") for figure in ("val_accuracy", "val_macro_f1")
    }
    assert len(keys) == 4


def test_the_link_leads_to_the_server_that_has_the_record(tmp_path: Path) -> None:
    uri = "http://records.example/mlflow/"
    address = Location(uri=uri, ui_command=uri, ledger=tmp_path).ui_address
    assert view_link(address, "7", "k") == "http://records.example/mlflow/#/experiments/7/runs?viewStateShareKey=k"
