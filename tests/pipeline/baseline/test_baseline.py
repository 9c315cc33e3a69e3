"""What callbacks are told of the networks that are trained from scratch, and what they decide there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.pipeline.contexts import make_context, make_data, make_plan
from tests.helpers.pipeline.made_up import LITE, facts_of
from tests.helpers.workers.fake_worker import FakeWorker
from tlsearch.callbacks import Callback, EpochInfo, TrialInfo
from tlsearch.errors import OutOfTimeError, PluginFailedError
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.baseline import RATES, BaselineResult, train_baseline
from tlsearch.pipeline.baseline.affordable import not_affordable
from tlsearch.pipeline.baseline.result import not_learned
from tlsearch.pipeline.scratch_time import UNLIMITED_EPOCHS, costs_of, share_of
from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.runs.budget import SHARES
from tlsearch.search.cost import HALVING_WORK, RENDER_SECONDS
from tlsearch.training.trial import Outcome
from tlsearch.types import Decision, TrialResult, TrialSpec
from tlsearch.worker.events import Listener, RateEpochEnd
from tlsearch.worker.models.requests import SaveModel
from tlsearch.worker.protocol import MeasureCandidate, RunSuccessiveHalving


class Diary(Callback):
    """Writes down how trials begin and end; would end every one of them."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[tuple[str, str, str]] = []
        self.epochs: list[str] = []
        self.lines: list[str] = []

    def on_step(self, step: str, text: str) -> None:
        self.lines.append(text)

    def on_trial_begin(self, trial: TrialInfo) -> None:
        self.begun.append(trial.name)

    def on_epoch_end(self, trial: TrialInfo, epoch: EpochInfo) -> Decision | None:
        self.epochs.append(trial.name)
        return Decision.PRUNE

    def on_trial_end(self, trial: TrialInfo, result: TrialResult) -> None:
        self.ended.append((trial.name, result.state, result.reason))


def measured(request: MeasureCandidate, listener: Listener | None) -> MeasuredCandidate:
    return facts_of(request.candidate)


def train(folder: Path, replies: dict[Any, Any], diary: Diary, *, compares: bool = True) -> BaselineResult | None:
    """The baseline of a made-up plan, for which the large network is not affordable."""
    worker = FakeWorker({MeasureCandidate: measured, SaveModel: None, **replies})
    plan = make_plan()
    plan.costs.facts = {**plan.measured, LITE: facts_of(LITE, forward_seconds=100.0)}
    context = make_context(folder, worker, limit=600.0, heard=diary)
    context.budget.compares = compares
    return train_baseline(context, plan, LITE)


def test_where_training_from_scratch_fails_every_trial_that_began_ends(tmp_path: Path) -> None:
    diary = Diary()
    with pytest.raises(PluginFailedError, match="no more paint"):
        train(tmp_path, {RunSuccessiveHalving: PluginFailedError("no more paint", "backbone small_cnn")}, diary)
    assert len(diary.begun) == len(RATES)
    assert diary.ended == [(name, "failed", "no more paint") for name in diary.begun]


def test_no_callback_ends_a_network_from_scratch(tmp_path: Path) -> None:
    decisions: list[Decision] = []

    def halve(request: RunSuccessiveHalving, listener: Listener) -> tuple[Outcome, ...]:
        for number in range(len(request.specs)):
            numbers = {"epoch": 1.0, "fraction": 0.5, "objective": 0.5}
            decisions.append(listener(RateEpochEnd(number, numbers)))
        metrics = {"val_loss": 1.0}
        first, *others = request.specs
        history = ({"epoch": 1.0, "objective": 0.5},)
        results = [TrialResult(spec=first, state="complete", value=0.5, seconds=1.0, metrics=metrics, history=history)]
        results += [TrialResult(spec=spec, state="pruned", value=None, seconds=1.0) for spec in others]
        val = make_plan().data.fold.val
        return tuple(Outcome(r, np.asarray(val), np.full((len(val), 2), 0.5, np.float32)) for r in results)

    diary = Diary()
    baseline = train(tmp_path, {RunSuccessiveHalving: halve}, diary)
    assert baseline is not None
    assert baseline.result.state == "complete"
    assert decisions == [Decision.CONTINUE] * len(RATES)
    assert diary.epochs == diary.begun
    assert [state for _, state, _ in diary.ended] == ["complete", "pruned", "pruned"]
    assert "no fair comparison: after" in diary.lines[-1]
    assert f"(learning rate {RATES[0]:g} of {len(RATES)}; " in diary.lines[-1]


FLAT = [0.5, 0.7, 0.8, 0.81, 0.8, 0.8, 0.81, 0.8]


def halved(curve: list[float]) -> Callable[[RunSuccessiveHalving, Listener], tuple[Outcome, ...]]:
    """A stand-in for the training, whose best learning rate has this curve and every validation image right."""
    data = make_plan().data

    def halve(request: RunSuccessiveHalving, listener: Listener) -> tuple[Outcome, ...]:
        first, *others = request.specs
        history = tuple({"epoch": float(n), "objective": value} for n, value in enumerate(curve, 1))
        best = TrialResult(
            spec=first, state="complete", value=0.8, seconds=1.0, metrics={"val_loss": 1.0}, history=history
        )
        results = [best, *(TrialResult(spec=spec, state="pruned", value=None, seconds=1.0) for spec in others)]
        rows = np.asarray(data.fold.val)
        right = np.eye(2, dtype=np.float32)[[data.labels[row] for row in rows]]
        return tuple(Outcome(result, rows, right) for result in results)

    return halve


@pytest.mark.parametrize("compares", [True, False])
def test_where_the_plan_knew_that_time_is_short_nothing_is_claimed(tmp_path: Path, compares: bool) -> None:
    baseline = train(tmp_path, {RunSuccessiveHalving: halved(FLAT)}, Diary(), compares=compares)
    assert baseline is not None
    assert bool(baseline.no_claim) is not compares
    assert baseline.no_claim == "" or baseline.no_claim.startswith("its time was over after ")


def validated(right: float, curve: list[float]) -> str:
    """What is said of a network with ``right`` of 40 validation images right, of which the classes are equal."""
    data = make_data((0, 1) * 80, val=range(120, 160))
    rows = np.arange(120, 160)
    labels = np.asarray([data.labels[row] for row in rows])
    predicted = np.where(np.arange(40) < right * 40, labels, 1 - labels)
    spec = TrialSpec(backbone="small_cnn", weights=None, image_size=32, depth=4, freeze_depth=0)
    history = tuple({"epoch": float(n), "objective": value} for n, value in enumerate(curve, 1))
    result = TrialResult(spec=spec, state="complete", value=right, seconds=1.0, history=history)
    return not_learned(
        data, Outcome(result, rows, np.eye(2, dtype=np.float32)[predicted]), f"{len(curve)} of 60 epochs"
    )


def test_a_network_that_has_learned_carries_a_claim() -> None:
    assert validated(0.8, FLAT) == ""


def test_a_network_that_is_as_good_as_guessing_carries_none() -> None:
    said = validated(0.55, FLAT)
    assert said.startswith("after 8 of 60 epochs it is no better than always guessing the most frequent class")
    assert said.endswith("(0.550 against 0.500)")


class Brier:
    """A score of probabilities, of which less is better."""

    api_version, name, greater_is_better, uses_class_weights = 1, "brier", False, False

    def score(self, labels: Any, probabilities: Any) -> float:
        return float(((probabilities - np.eye(2)[labels]) ** 2).sum(axis=1).mean())


@pytest.mark.parametrize(("sure", "learned"), [(0.5, False), (0.45, False), (0.8, True)])
def test_a_network_that_gives_the_shares_of_the_classes_has_learned_nothing(sure: float, learned: bool) -> None:
    """To be sure of one class, as always guessing it is, scores far worse in a score of probabilities."""
    data = replace(make_data((0, 1) * 80, val=range(120, 160)), metric=GuardedMetric(Brier()))
    rows = np.arange(120, 160)
    right = np.eye(2, dtype=bool)[[data.labels[row] for row in rows]]
    probabilities = np.where(right ^ (rows % 7 == 0)[:, None], sure, 1 - sure).astype(np.float32)
    spec = TrialSpec(backbone="small_cnn", weights=None, image_size=32, depth=4, freeze_depth=0)
    result = TrialResult(spec=spec, state="complete", value=0.5, seconds=1.0)
    said = not_learned(data, Outcome(result, rows, probabilities), "60 of 60 epochs")
    assert (said == "") is learned
    if not learned:
        assert "no better than the best answer that is the same for every image" in said


def test_a_network_that_was_stopped_says_of_how_many_epochs_and_what_it_would_gain(tmp_path: Path) -> None:
    """The rest of the schedule counts, whatever ended the training: the time, or ``--epochs``."""
    baseline = train(tmp_path, {RunSuccessiveHalving: halved(FLAT)}, Diary())
    assert baseline is not None
    assert baseline.whole_epochs is not None
    assert baseline.epochs < baseline.whole_epochs
    assert baseline.whole_epochs >= UNLIMITED_EPOCHS
    assert baseline.rise is not None
    assert 0 <= baseline.rise.gain <= 0.2
    begun = train(tmp_path / "begun", {RunSuccessiveHalving: halved(FLAT[:3])}, Diary())
    assert begun is not None
    assert begun.rise is None


@pytest.mark.parametrize(("trials", "affordable"), [(2, False), (400, True)])
def test_without_a_limit_the_large_network_takes_no_longer_than_all_trials(
    tmp_path: Path, trials: int, affordable: bool
) -> None:
    """Its steps are those of 60 epochs, five times those of a trial, with three learning rates and nothing frozen."""
    plan = make_plan()
    context = make_context(tmp_path, trials=trials)
    reasons = not_affordable(
        context, plan, costs_of(plan.data, RENDER_SECONDS), plan.measured[LITE], None, 5 * plan.space.steps
    )
    assert bool(reasons) is not affordable
    if reasons:
        assert reasons == ("efficientnet_lite0 (it would take longer than all 2 trials together)",)
    slower = replace(plan.measured[LITE], forward_seconds=1e6)  # by no measured time, so that two runs do the same
    assert (
        not_affordable(context, plan, costs_of(plan.data, RENDER_SECONDS), slower, None, 5 * plan.space.steps)
        == reasons
    )


def test_with_a_limit_the_large_network_gets_half_of_the_share(tmp_path: Path) -> None:
    plan = make_plan()
    slow = facts_of(LITE, forward_seconds=100.0)
    costs = costs_of(plan.data, RENDER_SECONDS)
    assert not_affordable(make_context(tmp_path, limit=1e9), plan, costs, slow, 1e9 / 8, 10) == ()
    (reason,) = not_affordable(make_context(tmp_path, limit=600.0), plan, costs, slow, 75.0, 10)
    assert reason.startswith("efficientnet_lite0 (30 epochs would take about ")
    assert reason.endswith(", and 1m 15s of the run's 10m 00s are kept for it)")


def test_with_folds_the_share_holds_the_training_on_the_whole_pool_too() -> None:
    share = SHARES["baseline"] * 1000.0
    validated, folded = share_of(make_data(), share), share_of(make_data(val=()), share)
    assert validated == share
    # What ships of a network from scratch is one training; its learning rates took HALVING_WORK as much before.
    assert folded + folded / HALVING_WORK == pytest.approx(validated)


def test_without_time_for_an_epoch_there_is_none_and_the_run_goes_on(tmp_path: Path) -> None:
    diary = Warned()
    baseline = train(tmp_path, {RunSuccessiveHalving: OutOfTimeError("its time was over")}, diary)
    assert baseline is None
    assert [state for _, state, _ in diary.ended] == ["timed_out"] * len(RATES)
    assert diary.warnings == ["no network is trained from scratch: there was no time left for an epoch"]


class Warned(Diary):
    """Keeps warnings, too."""

    def __init__(self) -> None:
        super().__init__()
        self.warnings: list[str] = []

    def on_warning(self, text: str) -> None:
        self.warnings.append(text)


def shortened(curve: list[float]) -> Callable[[RunSuccessiveHalving, Listener], tuple[Outcome, ...]]:
    """A training whose schedule had to be shortened to so many epochs."""

    def halve(request: RunSuccessiveHalving, listener: Listener) -> tuple[Outcome, ...]:
        best, *others = halved(curve)(request, listener)
        reason = f"its time was over after {len(curve)} of 60 epochs"
        return (replace(best, result=replace(best.result, reason=reason)), *others)

    return halve


@pytest.mark.parametrize(("epochs", "claims"), [(8, False), (60, True)])
def test_what_was_cut_short_says_how_far_it_came_and_claims_nothing_by_too_few(
    tmp_path: Path, epochs: int, claims: bool
) -> None:
    baseline = train(tmp_path, {RunSuccessiveHalving: shortened([0.8] * epochs)}, Diary())
    assert baseline is not None
    assert (baseline.epochs, baseline.stopped_by) == (epochs, "time")
    assert (baseline.no_claim == "") is claims


def test_it_ends_in_its_share_of_the_time_and_a_slow_machine_trains_less(tmp_path: Path) -> None:
    asked: list[RunSuccessiveHalving] = []

    def halve(request: RunSuccessiveHalving, listener: Listener) -> tuple[Outcome, ...]:
        asked.append(request)
        return halved(FLAT)(request, listener)

    for slower in (1.0, 3.0):
        worker = FakeWorker({MeasureCandidate: measured, SaveModel: None, RunSuccessiveHalving: halve})
        plan = make_plan()
        plan.costs.facts = {**plan.measured, LITE: facts_of(LITE, forward_seconds=100.0)}
        context = make_context(tmp_path / f"{slower}", worker, limit=200.0)
        context.budget.pace.note(1e6, slower * 1e6)
        train_baseline(context, plan, LITE)
    share = 200.0 * SHARES["baseline"]
    seconds = [request.seconds for request in asked]
    assert all(0 < known <= 1.3 * share for known in seconds if known is not None)
    assert None not in seconds
    steps = [request.specs[0].steps for request in asked]
    assert steps[1] < steps[0]
