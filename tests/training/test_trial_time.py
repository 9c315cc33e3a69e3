"""Trials that a clock ends: between batches, while views are made, and where the run needs their time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.helpers.networks.tiny import Patience, Speckle, make_spec
from tests.training.test_trial import AUGMENTED, FIVE, SOLVED, run
from tlsearch.features.prefix import Network
from tlsearch.training.trainer import Trainer
from tlsearch.types import Decision
from tlsearch.utils import deadline

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock by which work ends, which stands still."""
    now = [0.0]
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


class Passing(Patience):
    """Lets time pass with every epoch."""

    def __init__(self, clock: list[float], seconds: float) -> None:
        super().__init__()
        self._clock, self._seconds = clock, seconds

    def __call__(self, numbers: Mapping[str, float]) -> Decision:
        self._clock[0] += self._seconds
        return super().__call__(numbers)


def test_a_trial_that_the_clock_cut_has_no_value(network: Network, tmp_path: Path, clock: list[float]) -> None:
    result = run(network, tmp_path, make_spec(steps=18), Passing(clock, 10.0), seconds=15.0).result
    assert (result.state, result.value) == ("timed_out", None)
    assert result.reason == "its time ended after 2 of 6 epochs"
    assert len(result.history) == 2


def test_a_trial_whose_time_the_run_needs_has_no_value(network: Network, tmp_path: Path) -> None:
    result = run(network, tmp_path, make_spec(steps=18), TimeOut()).result
    assert (result.state, result.reason) == ("timed_out", "its time ended after 1 of 6 epochs")


class TimeOut(Patience):
    """Says that the time is over."""

    def __call__(self, numbers: Mapping[str, float]) -> Decision:
        return Decision.TIME_OUT


def test_a_trial_ends_between_two_batches(
    network: Network, tmp_path: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An epoch may take minutes: it is not waited for."""
    batches, train_on = [0], Trainer._train_on

    def slow(trainer: Trainer, found: Sequence[Any]) -> list[list[float]]:
        batches[0] += 1
        clock[0] += 10.0
        return train_on(trainer, found)

    monkeypatch.setattr(Trainer, "_train_on", slow)
    result = run(network, tmp_path, make_spec(steps=18), seconds=45.0).result
    assert result.reason == "its time ended after 1 of 6 epochs"  # of three batches each
    assert batches == [5]


@pytest.mark.parametrize("changes", [SOLVED, {}], ids=["solved", "suffix"])
def test_a_trial_ends_while_its_views_are_made(
    network: Network, tmp_path: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    render = Speckle.render

    def slow(plugin: Speckle, *arguments: Any) -> Any:
        clock[0] += 10.0
        return render(plugin, *arguments)

    monkeypatch.setattr(Speckle, "render", slow)
    spec = make_spec(**{**changes, **AUGMENTED})
    result = run(network, tmp_path, spec, seconds=5.0).result
    assert result.state == "timed_out"
    assert result.reason.startswith("its time ended ")
    assert clock[0] <= 20.0


def test_a_trial_of_several_folds_says_how_many_it_was_trained_on(
    network: Network, tmp_path: Path, clock: list[float]
) -> None:
    spec = make_spec(steps=6)
    epochs = len(run(network, tmp_path, spec).result.history)
    judge = Passing(clock, 10.0)
    result = run(network, tmp_path, spec, judge, folds=FIVE[:3], seconds=10.0 * epochs - 5.0).result
    assert result.reason == "its time ended after 1 of 3 folds"
