"""On which folds and how often the best few are trained anew, by the time that there is."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.pipeline.confirming import (
    HEAVY,
    JOINED,
    LIGHT,
    PROBE,
    SCRATCH,
    TUNED,
    Confirming,
    clock_with,
    comparing,
    contender,
    seconds_of,
    training_of,
)
from tests.helpers.pipeline.made_up import LITE
from tlsearch.pipeline.messages import confirm_line


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


def test_without_time_for_three_folds_the_first_wins_and_nothing_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    confirming = Confirming(monkeypatch, limit=1e-6)
    found = confirming((JOINED, []), (LIGHT, []), baseline=[0.1])
    assert found.winner is JOINED
    assert found.confirmed == {}
    assert found.rows == ()
    assert found.needed == pytest.approx(comparing(confirming, JOINED, PROBE))
    assert f"no folds: three would have taken {found.needed:.0f} s" in confirm_line(found)
    assert confirming.runs == []


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


def test_where_the_time_was_over_before_all_had_their_first_fold_none_is_said_to_be_compared(
    confirming: Confirming,
) -> None:
    confirming.without_value = "timed_out"
    found = confirming((TUNED, [0.9] * 3), (LIGHT, [None]))
    assert found.winner is TUNED
    assert found.confirmed[TUNED.spec].folds == 1
    assert found.compared == 0
    said = confirm_line(found)
    assert "; nothing is compared, because the time was over before each had a first fold" in said
    assert "trials compared" not in said


def test_where_all_have_failed_it_is_not_the_time_that_was_short(confirming: Confirming) -> None:
    found = confirming((LIGHT, [None]), (JOINED, [None]), probe=(PROBE, [None]))
    assert "no folds: all that were to be compared have failed" in confirm_line(found)


@pytest.mark.parametrize("own", [4, 5, 10])
def test_the_users_own_folds_stay_whole_and_no_division_of_the_search_comes_again(
    confirming: Confirming, own: int
) -> None:
    found = confirming((LIGHT, [0.9, 0.8, 0.9, 0.8, 0.9]), validated=False, own_folds=own)
    folds = confirming.folds(LIGHT.spec)
    assert len({fold.val for fold in folds}) == found.confirmed[LIGHT.spec].folds == 5
    for fold in folds:
        held, rest = ({row // 2 % own for row in rows} for rows in (fold.val, fold.train))
        assert len(held) == 2
        assert held.isdisjoint(rest)


def test_three_folds_of_the_user_leave_no_other_division_to_confirm_on(confirming: Confirming) -> None:
    found = confirming((LIGHT, []), validated=False, own_folds=3)
    assert (found.winner, found.confirmed, found.compared) == (LIGHT, {}, 0)
    assert "no folds: your own folds leave no other division" in confirm_line(found)


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
