"""Who wins when the best few are trained anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.helpers.pipeline.confirming import (
    HEAVY,
    JOINED,
    LIGHT,
    PROBE,
    SCRATCH,
    TRAIN,
    TUNED,
    VAL,
    Confirming,
    contender,
)
from tests.helpers.pipeline.made_up import LITE
from tlsearch.pipeline.messages import confirm_line
from tlsearch.stats.intervals import wilson


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


def test_networks_from_scratch_are_confirmed_beside_but_never_win(confirming: Confirming) -> None:
    found = confirming((LIGHT, [0.6, 0.7, 0.8, 0.6, 0.7]), baseline=[0.9, 0.9, 0.99, 0.9, 0.9])
    assert found.winner is LIGHT
    assert found.confirmed[SCRATCH].mean == pytest.approx(0.918)
    assert confirming.folds(SCRATCH) == confirming.folds(LIGHT.spec)
