"""Simulated searches: their worlds are what they say, what is false is counted, and a quick run of each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.common.results import Result
from benchmarks.decisions import choice, corrected, early_stop, selection_bias, unfinished

Quick = Callable[..., Result]


def test_the_old_rule_is_more_optimistic_than_ours(quick: Quick) -> None:
    rows = quick(selection_bias.main, "--simulations", "12").figures["rows"]
    gaps = {(row["validation images"], row["rule"]): row["points too high"] for row in rows}
    assert gaps[45, "best epoch of the best trial"] > gaps[45, "mean of the last three epochs"] > 1
    assert gaps[45, "best epoch of the best trial"] > gaps[340, "best epoch of the best trial"] > 0.5
    assert gaps[340, "confirmed on resampled folds"] < gaps[340, "mean of the last three epochs"]


def test_the_probe_ships_where_it_is_enough_and_nowhere_else(quick: Quick) -> None:
    rows = quick(choice.main, "--simulations", "12").figures["rows"]
    shipped = {(r["validation images"], r["time"], r["world"], r["rule"]): r["probe shipped"] for r in rows}
    assert len(rows) == 40
    enough = [shipped[340, "enough", "probe is enough", rule] for rule in choice.RULES]
    assert enough[1] > enough[0]
    assert shipped[340, "enough", "tuning pays", "everything in common"] == 0
    assert all(row["regret, points"] < 4 for row in rows)


def test_a_simulated_curve_ends_at_its_truth() -> None:
    search = selection_bias.Search(20_000, 20_000, np.random.default_rng(0))
    said, true = search.curve(3, np.arange(20_000))
    assert true[-1] == pytest.approx(search.truth[3], abs=0.001)
    assert said == pytest.approx(true, abs=0.015)
    assert true[0] < true[-1] - 0.1


def test_a_quick_run_of_corrected_figures(quick: Quick) -> None:
    rows = quick(corrected.main).figures["rows"]
    assert len(rows) == 2 * len(corrected.SIZES) * len(corrected.WORLDS)
    plain = [row for row in rows if row["figure"] == "as it is" and row["world"] == "all equal"]
    assert all(row["points too high"] > 0 for row in plain)


def test_a_quick_run_of_searches_that_end_early(quick: Quick) -> None:
    rows = quick(early_stop.main).figures["rows"]
    assert len(rows) == len(early_stop.SIZES) * len(choice.WORLDS)
    assert all(0 <= row["time saved"] < 1 for row in rows)
    assert max(row["time saved"] for row in rows) > 0.3


@pytest.mark.parametrize("name", unfinished.ALL)
def test_a_network_that_is_stopped_would_have_gone_on_to_its_end(name: str) -> None:
    curve = unfinished.ALL[name]
    whole = unfinished.scores_of(curve, 0.8, unfinished.WHOLE)
    assert whole[-1] == pytest.approx(0.8)
    for stopped in unfinished.STOPPED:
        scores = unfinished.scores_of(curve, 0.8, stopped)
        assert len(scores) == stopped
        assert unfinished.GUESSING < scores[0] < scores[-1] < 0.8
        assert scores[-1] - scores[-2] < 0.01  # flat at its end, whatever is left to learn


def test_the_noise_of_a_curve_falls_with_the_learning_rate() -> None:
    noisy = unfinished.ALL["noisy"]
    scores = unfinished.scores_of(noisy, 0.8, 30)
    drawn = [unfinished.with_noise(scores, noisy, np.random.default_rng(seed)) for seed in range(100)]
    spread = np.std(drawn, axis=0)
    assert spread[5] == pytest.approx(noisy.noise, rel=0.3)
    assert spread[-1] == pytest.approx(0.0, abs=1e-9)


def test_claims_over_stopped_networks_are_false_without_the_rule_and_seldom_with_it(quick: Quick) -> None:
    rows = quick(unfinished.main, "--simulations", "2").figures["rows"]
    assert len(rows) == len(unfinished.SIZES) * len(unfinished.BEHIND) * len(unfinished.ENDED) * len(unfinished.ALL)
    early = [row for row in rows if row["points behind"] == 0 and row["epochs"] <= 15]
    before, line, now = (float(np.mean([row[rule] for row in early])) for rule in unfinished.RULES)
    assert before > 0.7
    assert before > line > now  # the line does not see what comes after a plateau
    assert now == 0
    late = [row for row in rows if row["points behind"] == 40 and row["epochs"] >= 30]
    assert np.mean([row[list(unfinished.RULES)[-1]] for row in late]) > 0.8


RULE = list(unfinished.RULES)[-1]


def test_too_many_false_claims_are_named() -> None:
    row = {"points behind": 0, "curve": "c", "epochs": 15, "validation images": 48, "simulations": 100}
    assert unfinished.too_many([{**row, RULE: 0.09}]) == []
    assert unfinished.too_many([{**row, RULE: 0.2}]) == ["c, 15 epochs, 48 images: 0.2"]
    assert unfinished.too_many([{**row, RULE: 0.9, "points behind": 20}]) == []
