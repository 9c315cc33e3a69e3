"""The median rule, among rivals of one kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from tests.helpers.pipeline.made_up import LITE
from tests.helpers.pipeline.simulation import SPACE
from tlsearch.search.pruner import SameKindPruner
from tlsearch.search.trial_record import Curve, TrialRecord
from tlsearch.types import State

EPOCHS = 10


def flat(value: float) -> Curve:
    return [(number / EPOCHS, value) for number in range(1, EPOCHS + 1)]


def rising(start: float) -> Curve:
    """From ``start``, .01 an epoch."""
    return [(number / EPOCHS, start + 0.01 * number) for number in range(1, EPOCHS + 1)]


def record(curve: Curve, state: State = "complete", *, fine_tuning: bool = True) -> TrialRecord:
    spec = SPACE.spec(SPACE.params(LITE, train_suffix=fine_tuning, hidden=True))
    return TrialRecord(number=1, spec=spec, state=state, value=0.5, curve=curve)


def is_pruned(
    share: float,
    objectives: Sequence[float],
    finished: Sequence[TrialRecord],
    direction: Literal["maximize", "minimize"] = "maximize",
) -> bool:
    """Whether a trial with these objectives so far, the last after ``share`` of its steps, is pruned."""
    epochs = range(1, len(objectives) + 1)
    shares = {number: share * number / len(objectives) for number in epochs}
    trial = create_trial(state=TrialState.RUNNING, intermediate_values=dict(zip(epochs, objectives, strict=True)))
    pruner = SameKindPruner("fine_tuning", finished, shares)
    return pruner.prune(optuna.create_study(direction=direction, pruner=pruner), trial)


def should_prune(share: float, objectives: Sequence[float], rivals: Sequence[Curve]) -> bool:
    """The same among rivals of its kind."""
    return is_pruned(share, objectives, [record(curve) for curve in rivals])


RIVALS = [flat(0.5), flat(0.6), flat(0.9)]


@pytest.mark.parametrize("number", range(1, EPOCHS + 1))
def test_nothing_is_pruned_early_or_at_the_very_end(number: int) -> None:
    hopeless = [0.0] * number
    assert should_prune(number / EPOCHS, hopeless, RIVALS) == (4 <= number < EPOCHS)


def test_nothing_is_pruned_before_its_first_round() -> None:
    assert not should_prune(0.5, [], RIVALS)


def test_the_median_decides() -> None:
    assert not should_prune(0.5, [0.61] * 5, RIVALS)
    assert not should_prune(0.5, [0.60] * 5, RIVALS)
    assert should_prune(0.5, [0.59] * 5, RIVALS)
    four = [*RIVALS, flat(0.8)]  # the median is .7
    assert should_prune(0.5, [0.69] * 5, four)
    assert not should_prune(0.5, [0.71] * 5, four)


def test_where_less_is_better_the_higher_half_is_pruned() -> None:
    finished = [record(curve) for curve in RIVALS]
    assert is_pruned(0.5, [0.61] * 5, finished, "minimize")
    assert not is_pruned(0.5, [0.59] * 5, finished, "minimize")


def test_it_takes_three_rivals() -> None:
    assert not should_prune(0.5, [0.0] * 5, RIVALS[:2])
    assert not should_prune(0.5, [0.0] * 5, [])
    assert should_prune(0.5, [0.0] * 5, RIVALS[:3])


def test_rivals_are_complete_and_of_the_same_kind() -> None:
    two = [record(curve) for curve in RIVALS[:2]]
    good = flat(0.9)
    others = [record(good, fine_tuning=False), record(good, "pruned"), record(good, "timed_out"), record([])]
    assert not is_pruned(0.5, [0.0] * 5, [*two, *others])
    assert is_pruned(0.5, [0.0] * 5, [*two, *others, record(good)])


def test_the_last_three_epochs_count() -> None:
    assert not should_prune(0.5, [0.0, 0.0, 0.7, 0.7, 0.7], RIVALS)
    assert should_prune(0.5, [0.9, 0.9, 0.9, 0.9, 0.0], [flat(0.7)] * 3)  # their mean is .6


def test_rivals_are_met_at_the_same_share() -> None:
    rivals = [rising(0.5), rising(0.5), rising(0.5)]
    # After half of the epochs they had the mean of .53, .54 and .55; at the end they had .59.
    assert not should_prune(0.5, [0.545] * 3, rivals)
    assert should_prune(0.5, [0.535] * 3, rivals)


def test_rivals_with_other_epochs_are_met_where_they_were_then() -> None:
    halves: Curve = [(0.5, 0.2), (1.0, 0.9)]
    assert not should_prune(0.6, [0.3] * 6, [halves] * 3)
    assert should_prune(0.6, [0.1] * 6, [halves] * 3)
    late: Curve = [(0.7, 0.4), (1.0, 0.9)]  # nothing yet at .5: its first epoch stands in
    assert should_prune(0.5, [0.3] * 5, [late] * 3)
