"""Who wins when the best few are trained anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from tests.helpers.pipeline.contexts import make_context, make_data, make_plan
from tests.helpers.pipeline.made_up import LITE, VGG, make_costs, make_space
from tlsearch.data.split import Fold
from tlsearch.listeners.running_trial import CompletedTrial, RunningTrial
from tlsearch.pipeline import trials as module
from tlsearch.pipeline.baseline import BaselineResult
from tlsearch.pipeline.confirm import Confirmation, confirm
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.messages import confirm_line
from tlsearch.runs.budget import TimeBudget
from tlsearch.search.trial_record import TrialRecord
from tlsearch.stats.intervals import wilson
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, State, TrialResult, TrialSpec

SPACE = make_space()
TRAIN, VAL = 80, 20
LABELS = tuple(n % 2 for n in range(TRAIN + VAL))


def contender(candidate: Candidate, value: float, **chosen: object) -> TrialRecord:
    spec = SPACE.spec(SPACE.params(candidate, **chosen))
    return TrialRecord(number=1, spec=spec, state="complete", value=value, val_loss=0.5, seconds=1.0)


LIGHT = contender(LITE, 0.90)
JOINED = contender(LITE, 0.91, pooling="avgmax")
TUNED = contender(LITE, 0.93, train_suffix=True, freeze_depth=6, policy="standard")
HEAVY = contender(VGG, 0.92)
PROBE = contender(VGG, 0.60, pooling="avgmax")


SCRATCH = replace(LIGHT.spec, backbone="small_cnn", weights=None, image_size=64, depth=5, freeze_depth=0, steps=10)


def scratch(seconds: float = 12.0) -> BaselineResult:
    candidate = Candidate(backbone="small_cnn", weights=None, weights_file=None, weights_id="", image_size=64, depth=5)
    result = TrialResult(spec=SCRATCH, state="complete", value=0.5, seconds=seconds, metrics={})
    return BaselineResult(
        candidate=candidate,
        result=result,
        rows=(),
        seconds=seconds,
        stopped_by="schedule",
        still_improving=False,
        not_affordable=(),
        epochs=5,
    )


def answers(fold: Fold, value: float) -> np.ndarray[Any, Any]:
    """Probabilities (n, 2) by which about ``value`` of a fold's images are right, always the same ones first."""
    right = np.arange(len(fold.val)) < round(value * len(fold.val))
    label = np.where(right, 0, 1) ^ np.asarray([LABELS[row] for row in fold.val])
    return np.asarray(np.eye(2)[label])


class Confirming:
    """Confirms with made-up scores by spec and fold; keeps what was run: (spec of the search, fold, repeat)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, limit: float | None = None) -> None:
        self.runs: list[tuple[TrialSpec, Fold, int]] = []
        self.views: dict[TrialSpec, int] = {}
        self.seconds: list[float | None] = []
        self.without_value = "failed"
        self.scores: Mapping[TrialSpec, Sequence[float | None]] = {}
        self.budget = TimeBudget(limit)
        self.costs = make_costs(SPACE)
        monkeypatch.setattr(module, "run_trial", self._run_trial)

    def _run_trial(self, context: RunContext, trial: RunningTrial, *_: object) -> CompletedTrial:
        spec, candidate, folds = trial.spec, trial.candidate, trial.folds
        assert trial.role == "confirmation"
        assert (candidate.backbone, candidate.weights) == (spec.backbone, spec.weights)
        (searched,) = [s for s in self.scores if replace(s, views=spec.views, repeat=spec.repeat) == spec]
        self.views[searched] = spec.views
        self.seconds.append(trial.seconds)
        value = self.scores[searched][sum(s == searched for s, _, _ in self.runs)]
        self.runs.append((searched, folds[0], spec.repeat))
        state = "complete" if value is not None else self.without_value
        result = TrialResult(spec=spec, state=cast("State", state), value=value, seconds=1.0, metrics={})
        outcome = None if value is None else Outcome(result, np.asarray(folds[0].val), answers(folds[0], value))
        return CompletedTrial(result=result, outcome=outcome, run_id=f"run{len(self.runs)}", epochs=())

    def folds(self, spec: TrialSpec) -> list[Fold]:
        return [fold for s, fold, repeat in self.runs if s == spec and not repeat]

    def __call__(
        self,
        *scores: tuple[TrialRecord, Sequence[float | None]],
        probe: tuple[TrialRecord, Sequence[float | None]] = (PROBE, [0.5] * 5),
        baseline: Sequence[float] = (),
        seconds: float = 12.0,
        validated: bool = True,
    ) -> Confirmation:
        self.scores = {probe[0].spec: probe[1], **{c.spec: s for c, s in scores}}
        if baseline:
            self.scores = {**self.scores, SCRATCH: baseline}
        data = make_data(LABELS, val=range(TRAIN, TRAIN + VAL), groups=[n // 4 * 4 for n in range(TRAIN + VAL)])
        if not validated:  # the same first fold, but of a pool without a validation part
            split = replace(data.split, train=data.pool, val=())
            data = replace(data, split=split)
        context = replace(make_context(Path("images")), budget=self.budget)
        plan = make_plan(SPACE, self.costs, data=data)
        from_scratch = [scratch(seconds)] if baseline else []
        return confirm(context, plan, [c for c, _ in scores], probe[0], from_scratch, {})


@pytest.fixture
def confirming(monkeypatch: pytest.MonkeyPatch) -> Confirming:
    return Confirming(monkeypatch)


def test_the_best_mean_wins_where_it_is_clearly_ahead(confirming: Confirming) -> None:
    found = confirming((LIGHT, [0.70] * 5), (HEAVY, [0.90, 0.92, 0.91, 0.90, 0.92]))
    assert found.winner is HEAVY
    figures = found.confirmed[HEAVY.spec]
    assert figures.mean == pytest.approx(0.91)
    assert figures.folds == 5
    assert figures.sampling_error is not None


def test_the_sampling_error_is_that_of_the_groups_in_all_folds(confirming: Confirming) -> None:
    values = [0.90, 0.92, 0.91, 0.90, 0.92]
    figures = confirming((LIGHT, values)).confirmed[LIGHT.spec]
    shares: dict[int, float] = {}
    for fold, value in zip(confirming.folds(LIGHT.spec), values, strict=True):
        right = np.arange(VAL) < round(value * VAL)
        for row, is_right in zip(fold.val, right, strict=True):
            shares[row // 4] = shares.get(row // 4, 0.0) + (is_right - right_share(values)) / (5 * VAL)
    assert figures.sampling_error == pytest.approx(np.sqrt(sum(share**2 for share in shares.values())))


def right_share(values: Sequence[float]) -> float:
    """The share of right answers over folds of VAL images."""
    return sum(round(value * VAL) for value in values) / (len(values) * VAL)


def test_the_sampling_error_does_not_hang_on_how_folds_happen_to_agree(confirming: Confirming) -> None:
    agreeing = confirming((LIGHT, [0.9] * 5)).confirmed[LIGHT.spec].sampling_error
    assert agreeing is not None
    assert agreeing > 0.02  # the spread of these folds is 0


def test_a_contender_that_is_clearly_behind_stops(confirming: Confirming) -> None:
    # One fold of 20 images leaves .07 of doubt, two folds that agree leave none.
    confirming((HEAVY, [0.90] * 5), (LIGHT, [0.86] * 5), (JOINED, [0.50] * 5))
    assert len(confirming.folds(JOINED.spec)) == 1
    assert len(confirming.folds(LIGHT.spec)) == 2
    assert len(confirming.folds(HEAVY.spec)) == 5


def test_who_stopped_cannot_win(confirming: Confirming) -> None:
    # After the first fold LIGHT is out, however bad HEAVY becomes.
    assert confirming((HEAVY, [0.95, 0.1, 0.1, 0.1, 0.1]), (LIGHT, [0.5] * 5)).winner is HEAVY


def test_within_one_standard_error_the_cheapest_at_inference_wins(confirming: Confirming) -> None:
    found = confirming((HEAVY, [0.90] * 5), (LIGHT, [0.88, 0.93, 0.87, 0.93, 0.88]))
    assert found.winner is LIGHT
    assert found.confirmed[HEAVY.spec].mean > found.confirmed[LIGHT.spec].mean


def test_the_error_is_that_of_the_paired_differences(confirming: Confirming) -> None:
    # The folds differ by .1, but HEAVY is .02 ahead on each: that is no accident.
    found = confirming((HEAVY, [0.80, 0.90, 0.85, 0.9, 0.8]), (LIGHT, [0.78, 0.88, 0.83, 0.88, 0.78]))
    assert found.winner is HEAVY


def test_of_equally_cheap_ones_the_better_mean_wins(confirming: Confirming) -> None:
    found = confirming((LIGHT, [0.90] * 5), (JOINED, [0.93, 0.88, 0.92, 0.88, 0.93]))
    assert found.winner is JOINED


def test_of_equals_the_better_on_validation_wins(confirming: Confirming) -> None:
    assert confirming((LIGHT, [0.9] * 5), (JOINED, [0.9] * 5)).winner is JOINED


def test_who_fails_on_a_fold_is_out(confirming: Confirming) -> None:
    found = confirming((LIGHT, [0.9, None]), (JOINED, [0.88] * 5))
    assert found.winner is JOINED
    assert [row.state for row in found.rows].count("failed") == 1
    assert len(confirming.folds(LIGHT.spec)) == 2


def test_where_all_fail_the_first_wins_unconfirmed(confirming: Confirming) -> None:
    found = confirming((LIGHT, [None]), (JOINED, [None]), probe=(PROBE, [None]))
    assert found.winner is LIGHT
    assert LIGHT.spec not in found.confirmed


def test_where_only_the_linear_probe_does_not_fail_it_wins(confirming: Confirming) -> None:
    assert confirming((LIGHT, [None]), (JOINED, [0.9, None])).winner is PROBE


def test_a_linear_probe_that_cannot_be_told_apart_ships_before_tuned_layers(confirming: Confirming) -> None:
    plain = contender(LITE, 0.92, pooling="avg")
    found = confirming((TUNED, [0.90, 0.95, 0.90, 0.85, 0.90, 0.9, 0.9]), probe=(plain, [0.9] * 5))
    assert found.winner is plain
    assert found.level == (TUNED.spec,)
    assert (
        "1 other cannot be told apart from it; it costs least at use, and of equals it is the simplest"
        in confirm_line(found)
    )


def test_what_leads_by_less_than_half_an_error_ships_only_where_it_costs_no_more(confirming: Confirming) -> None:
    """About 0.4 errors: enough for tuned layers of the same network, too little for a network that costs more."""
    ahead, behind = [0.90, 0.95, 0.90, 0.85, 0.90, 0.9, 0.9], [0.9, 0.9, 0.9, 0.9, 0.85]
    same = confirming((TUNED, ahead), probe=(contender(LITE, 0.92, pooling="avg"), behind))
    assert same.winner is TUNED
    confirming.runs.clear()
    assert HEAVY.score == pytest.approx(LIGHT.score, abs=0.05)
    assert confirming((HEAVY, ahead), (LIGHT, behind)).winner is LIGHT


def test_a_linear_probe_that_is_clearly_behind_does_not_ship(confirming: Confirming) -> None:
    plain = contender(LITE, 0.88, pooling="avg")
    found = confirming((TUNED, [0.95] * 7), probe=(plain, [0.70] * 5))
    assert found.winner is TUNED
    assert found.level == ()
    assert len(confirming.folds(plain.spec)) == 5  # the winner is compared with it all the same


def test_what_takes_long_is_compared_on_the_folds_that_both_have(
    confirming: Confirming, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cheap contenders get all folds though a dear one gets three, and its first fold is the hardest."""
    dear = contender(LITE, 0.93, train_suffix=True, freeze_depth=6)
    clock_with(monkeypatch, confirming, 4 * seconds_of(confirming, dear) + 6 * seconds_of(confirming, LIGHT, PROBE))
    found = confirming((LIGHT, [0.7, 0.86, 0.8, 0.9, 0.9]), (dear, [0.8, 0.84, 0.85, 0.8]))
    assert found.confirmed[LIGHT.spec].folds == 5
    assert found.confirmed[dear.spec].folds == 3
    assert found.winner is dear  # on the four folds that both have; the easier folds of LIGHT count for nothing


def test_where_the_best_cannot_be_compared_no_lesser_one_takes_its_place(
    confirming: Confirming, monkeypatch: pytest.MonkeyPatch
) -> None:
    dear = contender(LITE, 0.93, train_suffix=True, freeze_depth=6)
    clock_with(monkeypatch, confirming, 1.1 * comparing(confirming, LIGHT, PROBE))
    found = confirming((dear, []), (LIGHT, []))
    assert found.winner is dear
    assert found.confirmed == {}


def test_the_order_of_runs_does_not_depend_on_their_times(
    confirming: Confirming, monkeypatch: pytest.MonkeyPatch
) -> None:
    dear = contender(LITE, 0.93, train_suffix=True, freeze_depth=6)
    orders = []
    for later in (0.01, 100.0):
        again = Confirming(monkeypatch)
        clock_with(monkeypatch, again, 1e9, later=later)
        again((dear, [0.9] * 7), (LIGHT, [0.9] * 5), baseline=[0.4] * 5)
        orders.append([spec for spec, _, _ in again.runs])
    assert orders[0] == orders[1]


def test_networks_from_scratch_take_no_folds_from_what_is_cheaper(
    confirming: Confirming, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, each = seconds_of(confirming, LIGHT, PROBE), training_of(confirming, LIGHT, PROBE)
    clock_with(monkeypatch, confirming, made + 4 * each + 12.0 + 0.5)
    found = confirming((LIGHT, [0.9, 0.8, 0.9, 0.8, 0.9]), baseline=[0.4])
    assert found.confirmed[LIGHT.spec].folds == 5
    assert found.confirmed[SCRATCH].folds == 1


def test_where_every_image_of_every_fold_is_right_the_error_is_that_of_a_score_interval(confirming: Confirming) -> None:
    found = confirming((LIGHT, [1.0] * 5))
    groups = {row // 4 for fold in confirming.folds(LIGHT.spec) for row in fold.val}
    low, high = wilson(len(groups), len(groups))
    assert found.confirmed[LIGHT.spec].sampling_error == pytest.approx((high - low) / 3.92, abs=1e-4)


def test_everyone_meets_the_same_folds_with_groups_together(confirming: Confirming) -> None:
    confirming((LIGHT, [0.9] * 5), (JOINED, [0.9] * 5), baseline=[0.4] * 5)
    met = confirming.folds(LIGHT.spec)
    assert len({fold.val for fold in met}) == 5
    assert met == confirming.folds(JOINED.spec) == confirming.folds(PROBE.spec) == confirming.folds(SCRATCH)
    for fold in met:
        assert sorted((*fold.train, *fold.val)) == list(range(TRAIN + VAL))
        assert not {n // 4 for n in fold.train} & {n // 4 for n in fold.val}


def test_confirmation_has_twice_the_views(confirming: Confirming) -> None:
    confirming((TUNED, [0.9] * 7), (LIGHT, [0.2]))
    assert confirming.views[TUNED.spec] == 2 * TUNED.spec.views
    assert confirming.views[LIGHT.spec] == 1


def test_the_spread_over_seeds_is_that_of_repetitions_on_one_fold(confirming: Confirming) -> None:
    # Five folds, then two repetitions on the first.
    found = confirming((TUNED, [0.90, 0.80, 0.85, 0.80, 0.90, 0.92, 0.91]))
    repeats = [(fold, repeat) for s, fold, repeat in confirming.runs if s == TUNED.spec and repeat]
    assert repeats == [(confirming.folds(TUNED.spec)[0], 1), (confirming.folds(TUNED.spec)[0], 2)]
    figures = found.confirmed[TUNED.spec]
    assert figures.seed_spread == pytest.approx(np.std([0.90, 0.92, 0.91], ddof=1))
    assert figures.mean == pytest.approx(0.85)
    assert figures.folds == 5


def test_a_single_trial_is_not_said_to_have_kept_others_from_racing(confirming: Confirming) -> None:
    found = confirming((LIGHT, [0.9] * 5))
    assert (found.compared, found.contenders) == (1, 1)
    assert "compared" not in confirm_line(found)
    assert "time" not in confirm_line(found)


def test_a_solved_head_is_not_repeated(confirming: Confirming) -> None:
    found = confirming((LIGHT, [0.9] * 5))
    assert all(not repeat for _, _, repeat in confirming.runs)
    assert found.confirmed[LIGHT.spec].seed_spread is None


def test_without_time_for_three_folds_the_first_wins_and_nothing_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    confirming = Confirming(monkeypatch, limit=1e-6)
    found = confirming((JOINED, []), (LIGHT, []), baseline=[0.1])
    assert found.winner is JOINED
    assert found.confirmed == {}
    assert found.rows == ()
    assert found.needed == pytest.approx(comparing(confirming, JOINED, PROBE))
    assert f"no folds: three would have taken {found.needed:.0f} s" in confirm_line(found)
    assert confirming.runs == []


def seconds_of(confirming: Confirming, *contenders: TrialRecord) -> float:
    return sum(confirming.costs.seconds(c.spec) for c in contenders)


def comparing(confirming: Confirming, *contenders: TrialRecord) -> float:
    """Seconds for three folds."""
    return seconds_of(confirming, *contenders) + 2 * training_of(confirming, *contenders)


def training_of(confirming: Confirming, *contenders: TrialRecord) -> float:
    return sum(confirming.costs.fold_seconds(c.spec) for c in contenders)


def clock_with(monkeypatch: pytest.MonkeyPatch, confirming: Confirming, seconds: float, later: float = 1.0) -> None:
    """A budget with ``seconds`` left, of which every run takes its estimate, ``later`` times as much on every
    fold but the first."""
    spent = 0.0
    run_trial = confirming._run_trial

    def run(context: RunContext, trial: RunningTrial, *_: object) -> CompletedTrial:
        nonlocal spent
        spec = trial.spec
        takes = 12.0 if spec.weights is None else confirming.costs.seconds(spec)
        completed = run_trial(context, trial)
        first = sum(replace(s, views=spec.views) == spec for s, _, _ in confirming.runs) == 1
        takes *= 1.0 if first or spec.repeat else later
        spent += takes
        return replace(completed, result=replace(completed.result, seconds=takes))

    monkeypatch.setattr(module, "run_trial", run)
    monkeypatch.setattr(confirming.budget, "fits", lambda wanted, *later: wanted <= seconds - spent + 1e-6)


def test_as_many_folds_as_there_is_time_for(confirming: Confirming, monkeypatch: pytest.MonkeyPatch) -> None:
    # The second fold finds the features that the first one made.
    made, each = seconds_of(confirming, LIGHT, HEAVY, PROBE), training_of(confirming, LIGHT, HEAVY, PROBE)
    clock_with(monkeypatch, confirming, made + 2.5 * each)
    found = confirming((HEAVY, [0.9, 0.8, 0.9, 0.8, 0.9]), (LIGHT, [0.88, 0.83, 0.9, 0.8, 0.9]))
    folds = [found.confirmed[c.spec].folds for c in (LIGHT, HEAVY, PROBE)]
    assert max(folds) < 5
    assert sum(folds) >= 6


def test_folds_are_expected_to_take_what_earlier_ones_took(
    confirming: Confirming, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They find the features and the models that the first one made: a tenth of its time here."""
    first, each = seconds_of(confirming, LIGHT, PROBE) + 12.0, training_of(confirming, LIGHT, PROBE) + 12.0
    clock_with(monkeypatch, confirming, first + 2.5 * each, later=0.1)
    found = confirming((LIGHT, [0.9, 0.8, 0.9, 0.8, 0.9]), baseline=[0.4] * 5)
    assert found.confirmed[LIGHT.spec].folds == found.confirmed[SCRATCH].folds == 5


def test_with_little_time_only_the_first_contenders_race(
    confirming: Confirming, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_with(monkeypatch, confirming, 1.01 * comparing(confirming, LIGHT, JOINED, PROBE))
    found = confirming((LIGHT, [0.9] * 5), (JOINED, [0.9] * 5), (HEAVY, []), baseline=[0.4] * 5)
    assert set(found.confirmed) == {LIGHT.spec, JOINED.spec, PROBE.spec}
    assert found.compared == 2
    assert "2 trials compared" in confirm_line(found)


def test_where_the_baseline_does_not_fit_the_winner_is_confirmed_without_it(
    confirming: Confirming, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_with(monkeypatch, confirming, 1.01 * comparing(confirming, JOINED, PROBE))
    found = confirming((JOINED, [0.9] * 5), (LIGHT, []), baseline=[0.4])
    assert set(found.confirmed) == {JOINED.spec, PROBE.spec}
    assert "time for the best trial only" in confirm_line(found)


def test_the_third_fold_leaves_time_for_another_seed(confirming: Confirming, monkeypatch: pytest.MonkeyPatch) -> None:
    # From the fourth fold on the clock decides: there is time for it, or for another seed.
    made, each = seconds_of(confirming, TUNED, PROBE), training_of(confirming, TUNED, PROBE)
    clock_with(monkeypatch, confirming, made + 3.2 * each)
    found = confirming((TUNED, [0.9, 0.8, 0.7, 0.6]))
    assert found.confirmed[TUNED.spec].folds == 3
    assert found.confirmed[TUNED.spec].seed_spread == pytest.approx(np.std([0.9, 0.6], ddof=1))


def test_networks_from_scratch_are_confirmed_beside_but_never_win(confirming: Confirming) -> None:
    found = confirming((LIGHT, [0.6, 0.7, 0.8, 0.6, 0.7]), baseline=[0.9, 0.9, 0.99, 0.9, 0.9])
    assert found.winner is LIGHT
    assert found.confirmed[SCRATCH].mean == pytest.approx(0.918)
    assert confirming.folds(SCRATCH) == confirming.folds(LIGHT.spec)


def test_what_ships_is_still_to_be_trained_where_folds_are_used(
    confirming: Confirming, monkeypatch: pytest.MonkeyPatch
) -> None:
    folds = comparing(confirming, TUNED, PROBE)
    clock_with(monkeypatch, confirming, folds + 0.5 * confirming.costs.fold_seconds(TUNED.spec))
    assert confirming((TUNED, []), validated=False).confirmed == {}
    assert confirming((TUNED, [0.9] * 5), validated=True).confirmed


def test_a_fold_that_the_time_cut_is_as_if_it_had_not_begun(confirming: Confirming) -> None:
    confirming.without_value = "timed_out"
    found = confirming((HEAVY, [0.9, 0.91, None]), (LIGHT, [0.7, 0.7]))
    assert found.winner is HEAVY
    assert found.confirmed[HEAVY.spec].folds == 2
    assert found.confirmed[HEAVY.spec].mean == pytest.approx(0.905)


def test_where_the_first_fold_of_the_best_is_cut_nothing_else_ships_for_that(confirming: Confirming) -> None:
    """Else the linear probe would win, which takes a moment."""
    confirming.without_value = "timed_out"
    found = confirming((TUNED, [None]), (LIGHT, [0.7] * 5))
    assert found.winner is TUNED
    assert TUNED.spec not in found.confirmed


def test_a_fold_may_take_what_is_left_before_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    free = Confirming(monkeypatch)
    free((LIGHT, [0.9] * 5))
    assert set(free.seconds) == {None}
    limited = Confirming(monkeypatch, 1e6)
    limited((LIGHT, [0.9] * 5))
    left = limited.budget.left_for("rest")
    assert left is not None
    assert [seconds for seconds in limited.seconds if seconds is not None] == pytest.approx([left] * 10, abs=60)


def test_on_a_machine_that_has_become_slow_less_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    confirming = Confirming(monkeypatch)
    confirming((TUNED, [0.9] * 7))
    needed = confirming.costs.fold_seconds(TUNED.spec) * 3 + confirming.costs.fold_seconds(PROBE.spec) * 3
    for slower, compared in ((1.0, 1), (5.0, 0)):
        confirming = Confirming(monkeypatch, 4 * needed)
        confirming.budget.pace.note(1e6, slower * 1e6)
        assert confirming((TUNED, [0.9] * 7)).compared == compared
