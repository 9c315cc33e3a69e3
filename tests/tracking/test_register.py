"""The model registry: a version for every winner, and a champion that only validation figures choose."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlsearch.errors import TrackingError
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.register import ALIAS, Figures
from tlsearch.tracking.tracker import Tracker

with quiet():
    from mlflow import MlflowClient

# Reading a run, MLflow asks SQLAlchemy for something that a later SQLAlchemy will not have.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")


@pytest.fixture
def tracker(store: Path) -> Tracker:
    return Tracker.open("sqlite:///mlflow.db", "models", directory=store)


def register(
    tracker: Tracker,
    name: str,
    val: float,
    fingerprint: str = "f00",
    metric: str = "accuracy",
    greater_is_better: bool = True,
) -> str:
    client = MlflowClient(tracker.uri)
    run_id = tracker.start_parent("search", {}, {})
    logged = client.create_logged_model(tracker.experiment_id, name="winner", source_run_id=run_id)
    client.finalize_logged_model(logged.model_id, "READY")
    figures = Figures(fingerprint, metric, val, greater_is_better=greater_is_better)
    return tracker.register(name, f"models:/{logged.model_id}", run_id, figures, {"test": "0.860"}, "the **winner**")


def champion(tracker: Tracker, name: str) -> str:
    return str(MlflowClient(tracker.uri).get_model_version_by_alias(name, ALIAS).version)


def test_the_better_on_validation_is_the_champion(tracker: Tracker) -> None:
    assert register(tracker, "flowers", 0.8) == "flowers version 1; it is the first champion"
    assert register(tracker, "flowers", 0.7) == (
        "flowers version 2; version 1 stays champion, for this one is not better: "
        "validation accuracy 0.700, that of version 1 0.800"
    )
    assert register(tracker, "flowers", 0.8).endswith(
        "version 1 stays champion, for this one is not better: validation accuracy 0.800, that of version 1 0.800"
    )
    assert champion(tracker, "flowers") == "1"
    assert register(tracker, "flowers", 0.85) == (
        "flowers version 4; it takes the place of version 1 as champion: "
        "validation accuracy 0.850, that of version 1 0.800"
    )
    assert champion(tracker, "flowers") == "4"


def test_what_cannot_be_compared_leaves_the_champion(tracker: Tracker) -> None:
    register(tracker, "trees", 0.5)
    assert "chosen on other images" in register(tracker, "trees", 0.9, fingerprint="f01")
    assert "chosen by accuracy, and this one by macro f1" in register(tracker, "trees", 0.9, metric="macro_f1")
    client = MlflowClient(tracker.uri)
    version = client.get_model_version_by_alias("trees", ALIAS)
    client.set_model_version_tag("trees", str(version.version), "val", "high")
    assert "no figures to compare with" in register(tracker, "trees", 0.9)
    assert champion(tracker, "trees") == "1"
    assert len(client.search_model_versions("name = 'trees'")) == 4


@pytest.mark.parametrize(("val", "place"), [(0.3, "2"), (0.5, "1"), (0.4, "1")])
def test_where_less_is_better_the_champion_has_the_least(tracker: Tracker, val: float, place: str) -> None:
    register(tracker, f"costs{val}", 0.4, metric="cost", greater_is_better=False)
    register(tracker, f"costs{val}", val, metric="cost", greater_is_better=False)
    assert champion(tracker, f"costs{val}") == place


def test_a_version_says_what_it_is(tracker: Tracker) -> None:
    register(tracker, "birds", 0.912345678)
    version = MlflowClient(tracker.uri).get_model_version_by_alias("birds", ALIAS)
    assert version.tags == {"dataset_fingerprint": "f00", "metric": "accuracy", "val": "0.912346", "test": "0.860"}
    assert version.description == "the **winner**"
    assert version.run_id
    assert "/models/m-" in (version.source or "")  # where the model lies


def test_a_store_that_fails_ends_nothing(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    tracker = Tracker.open("sqlite:///mlflow.db", "models", directory=store, warn=told.append)
    run_id = tracker.start_parent("search", {}, {})

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(tracker._client, "create_model_version", fail)
    logged = tracker._client.create_logged_model(tracker.experiment_id, name="winner", source_run_id=run_id)
    assert tracker.register("fish", f"models:/{logged.model_id}", run_id, Figures("f", "accuracy", 0.5), {}, "") == ""
    assert "the disk is full" in told[0]
    assert tracker.register("fish", "", run_id, Figures("f", "accuracy", 0.5), {}, "") == ""  # no model was logged


def test_a_store_without_a_registry_is_told_before_any_work(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    tracker.check_registry("anything")
    register(tracker, "flowers", 0.1)
    tracker.check_registry("flowers")

    def fail(*args: object, **kwargs: object) -> None:
        raise NotImplementedError("no models here")

    monkeypatch.setattr(tracker._client, "search_registered_models", fail)
    with pytest.raises(TrackingError, match=r"no model registry that answers \(no models here\)") as caught:
        tracker.check_registry("flowers")
    assert caught.value.exit_code == 2


def test_the_name_of_a_prompt_is_refused(tracker: Tracker) -> None:
    MlflowClient(tracker.uri).register_prompt("question", "How?")
    with pytest.raises(TrackingError, match="has a prompt of the name 'question'"):
        tracker.check_registry("question")
