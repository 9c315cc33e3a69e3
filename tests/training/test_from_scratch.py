"""Successive halving of learning rates from scratch."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.helpers.networks.tiny import make_extractor, make_fold, make_network, make_spec
from tlsearch.errors import OutOfTimeError, TrialError
from tlsearch.features.prefix import Network
from tlsearch.plugins.load_metric import load_metric
from tlsearch.training import from_scratch
from tlsearch.training.from_scratch import _compiling, _Rate, successive_halving
from tlsearch.training.schedule import warm_up_cosine
from tlsearch.training.trainer import Trainer
from tlsearch.training.trial import Outcome, TrialRunner
from tlsearch.types import AVERAGED, TrialResult, TrialSpec
from tlsearch.utils import deadline
from tlsearch.utils.deadline import time_limit

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

STEPS = 27  # nine epochs of three steps
FOLD = make_fold()


@pytest.fixture(scope="module")
def network() -> Network:
    """The small network without weights."""
    return make_network(weights=None)


def specs(*rates: float) -> list[TrialSpec]:
    """From scratch with fresh views, one for each learning rate."""
    scratch: dict[str, Any] = {"weights": None, "freeze_depth": 0, "views": 0, "policy": "speckle", "strength": 0.25}
    return [make_spec(**scratch, steps=STEPS, lr_suffix=rate, lr_head=rate) for rate in rates]


def run(network: Network, folder: Path, *rates: float) -> tuple[list[Outcome], list[tuple[int, float]], TrialRunner]:
    """The outcomes, (number, share of the schedule) of each epoch, and the runner."""
    epochs: list[tuple[int, float]] = []
    runner = TrialRunner(make_extractor(folder), load_metric("accuracy"))
    outcomes = successive_halving(
        runner, network, specs(*rates), FOLD, lambda n, numbers: epochs.append((n, numbers["fraction"]))
    )
    return outcomes, epochs, runner


def test_two_are_pruned_after_a_third_and_the_best_is_trained_to_the_end(network: Network, tmp_path: Path) -> None:
    outcomes, epochs, runner = run(network, tmp_path, 1e-6, 1e-2, 1e-7)
    assert [o.result.state for o in outcomes] == ["pruned", "complete", "pruned"]
    ninths = [i / 9 for i in range(1, 10)]
    until_rung = [(n, f) for n in range(3) for f in ninths[:3]]
    assert epochs == [*until_rung, *((1, f) for f in ninths[3:])]
    best = outcomes[1]
    assert best.result.value == best.result.metrics["objective"]
    assert best.result.value == pytest.approx(np.mean([h["objective"] for h in best.result.history[-3:]]))
    assert best.result.value > 0.6
    assert best.result.metrics["trainable_params"] > 1000
    assert best.val_rows.tolist() == list(FOLD.val)
    assert best.val_probabilities.shape == (12, 3)
    for loser in (outcomes[0], outcomes[2]):
        assert loser.result.value is None
        assert len(loser.result.history) == 3
        assert loser.result.reason == "another learning rate was better after 3 of 9 planned epochs"
    assert runner.fitted is not None
    assert runner.fitted.spec == best.result.spec


def test_a_race_repeats(network: Network, tmp_path: Path) -> None:
    first, _, _ = run(network, tmp_path, 1e-2)
    again, _, _ = run(network, tmp_path, 1e-2)
    assert [o.result.state for o in first] == ["complete"]
    assert len(first[0].result.history) == 9
    assert first[0].result.history == again[0].result.history
    np.testing.assert_array_equal(first[0].val_probabilities, again[0].val_probabilities)


@pytest.fixture
def diverging(monkeypatch: pytest.MonkeyPatch) -> dict[float, int]:
    """Learning rates that diverge, and the epoch in which they do."""
    when: dict[float, int] = {}
    run_epoch = Trainer.run_epoch

    def fragile(trainer: Trainer, renew_norm: bool = False) -> dict[str, float]:
        if len(trainer.history) + 1 == when.get(trainer.spec.lr_head):
            raise TrialError("Training diverged.")
        return run_epoch(trainer, renew_norm)

    monkeypatch.setattr(Trainer, "run_epoch", fragile)
    return when


def test_a_rate_that_diverges_is_out_and_the_others_are_trained_on(
    network: Network, tmp_path: Path, diverging: dict[float, int]
) -> None:
    diverging.update({1e-1: 1, 1e-2: 5})
    outcomes, _, runner = run(network, tmp_path, 1e-1, 1e-2, 1e-6)
    assert [o.result.state for o in outcomes] == ["failed", "failed", "complete"]
    assert [len(o.result.history) for o in outcomes] == [0, 4, 9]
    assert outcomes[0].result.reason == "Training diverged."
    assert outcomes[0].result.value is None
    assert runner.fitted is not None
    assert runner.fitted.spec == outcomes[2].result.spec


def test_when_all_rates_diverge_it_is_an_error(network: Network, tmp_path: Path, diverging: dict[float, int]) -> None:
    diverging.update({1e-1: 1, 1e-2: 2})
    with pytest.raises(TrialError, match="diverged"):
        run(network, tmp_path, 1e-1, 1e-2)


@pytest.fixture
def slow_epochs(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Epochs that take so many seconds each, on a clock that nothing else moves: the next one, and all later ones."""
    seconds, now, run_epoch = [10.0], [0.0], Trainer.run_epoch

    def slow(trainer: Trainer, renew_norm: bool = False) -> dict[str, float]:
        now[0] += seconds.pop(0) if len(seconds) > 1 else seconds[0]
        return run_epoch(trainer, renew_norm)

    monkeypatch.setattr(Trainer, "run_epoch", slow)
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(deadline, "time", clock)
    monkeypatch.setattr(from_scratch, "time", clock)
    return seconds


def lengths(outcomes: list[Outcome]) -> list[int]:
    return [len(o.result.history) for o in outcomes]


@pytest.mark.usefixtures("slow_epochs")
def test_where_time_is_short_the_rest_of_the_schedule_is_shortened(network: Network, tmp_path: Path) -> None:
    """Nine epochs are three and six: with 35 of the 60 s that the six take, they are three."""
    with time_limit(95.0):
        outcomes, _, _ = run(network, tmp_path, 1e-6, 1e-2)
    assert lengths(outcomes) == [3, 6]
    best = outcomes[1].result
    assert (best.state, best.reason) == ("complete", "its time was over after 6 of 9 planned epochs")
    assert best.value == pytest.approx(np.mean([h["objective"] for h in best.history[-3:]]))
    with time_limit(1e6):
        assert lengths(run(network, tmp_path, 1e-6, 1e-2)[0]) == [3, 9]


@pytest.mark.usefixtures("slow_epochs")
def test_the_rate_falls_to_zero_at_the_end_of_a_shortened_schedule(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares: list[float] = []

    def noted(step: int, steps: int) -> float:
        shares.append(warm_up_cosine(step, steps))
        return shares[-1]

    monkeypatch.setattr("tlsearch.training.trainer.warm_up_cosine", noted)
    with time_limit(65.0):
        run(network, tmp_path, 1e-2)
    assert len(shares) == 6 * 3  # of nine epochs of three steps
    assert shares[-1] < 0.05
    shares.clear()
    with time_limit(95.0):
        run(network, tmp_path, 1e-6, 1e-2)
    assert shares[-1] < 0.05


@pytest.mark.usefixtures("slow_epochs")
def test_the_rates_that_there_is_time_for_are_compared(network: Network, tmp_path: Path) -> None:
    with time_limit(45.0):
        outcomes, _, runner = run(network, tmp_path, 1e-2, 1e-6, 1e-7)
    assert lengths(outcomes) == [3, 1, 0]
    assert [o.result.state for o in outcomes] == ["complete", "pruned", "pruned"]
    assert runner.fitted is not None


def test_a_machine_that_becomes_slow_ends_it_too(network: Network, tmp_path: Path, slow_epochs: list[float]) -> None:
    slow_epochs[:] = [10.0] * 7 + [100.0]  # in the first epoch after both rungs but one
    with time_limit(150.0):
        outcomes, _, _ = run(network, tmp_path, 1e-6, 1e-2)
    assert lengths(outcomes)[1] < 9
    assert outcomes[1].result.state == "complete"


@pytest.mark.usefixtures("slow_epochs")
def test_without_time_for_an_epoch_it_is_an_error(network: Network, tmp_path: Path) -> None:
    with time_limit(-1.0), pytest.raises(OutOfTimeError, match="before an epoch was trained"):
        run(network, tmp_path, 1e-2, 1e-3)


def test_the_seconds_of_compiling_are_the_best_ones(network: Network, tmp_path: Path) -> None:
    """Alone it would take them, though the first one compiled what all use."""
    slow, best = (o.result for o in run(network, tmp_path, 1e-7, 1e-2)[0])
    assert best.state == "complete"
    assert best.seconds > 3 * slow.seconds > 0


def test_compiling_is_the_start_and_what_the_first_ones_epochs_took_longer() -> None:
    nothing: Any = None
    first, second, third = [
        _Rate(spec=nothing, trainer=nothing, prepared=prepared, epoch_seconds=seconds)
        for prepared, seconds in [(2.0, [9.0, 1.0, 4.0, 5.0]), (0.1, [1.0, 1.0, 1.5]), (0.1, [1.2])]
    ]
    assert _compiling([first, second, third]) == pytest.approx(2.0 + 7.9 + 0.0 + 2.5)
    assert _compiling([second, first]) == 0.1
    assert _compiling([first]) == 2.0


def averaged_at(result: TrialResult) -> list[float]:
    """The epochs after which the average of the weights was validated."""
    return [numbers["epoch"] for numbers in result.history if AVERAGED in numbers]


def test_the_average_of_the_weights_is_validated_after_the_rung(network: Network, tmp_path: Path) -> None:
    pruned, best = (o.result for o in run(network, tmp_path, 1e-7, 1e-2)[0])
    assert averaged_at(pruned) == []
    assert averaged_at(best) == [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    last = best.history[-1]
    assert last[AVERAGED] == pytest.approx(last["objective"], abs=0.3)
    assert AVERAGED not in best.metrics  # it is no score of the model that is kept


def test_it_changes_nothing_of_the_training(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (with_it,) = run(network, tmp_path, 1e-2)[0]
    monkeypatch.setattr(Trainer, "begin_average", lambda trainer: None)
    (without,) = run(network, tmp_path, 1e-2)[0]
    assert averaged_at(without.result) == []
    assert [h["val_loss"] for h in with_it.result.history] == [h["val_loss"] for h in without.result.history]
    np.testing.assert_array_equal(with_it.val_probabilities, without.val_probabilities)


def test_in_a_long_schedule_it_is_validated_now_and_then(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(from_scratch, "AVERAGES", 3)  # of nine epochs every third
    (outcome,) = run(network, tmp_path, 1e-2)[0]
    assert averaged_at(outcome.result) == [6.0, 9.0]
