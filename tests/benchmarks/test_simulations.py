"""The simulations: their worlds are what they say, what falls short is counted, and a quick run of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.common.results import Result
from benchmarks.statistics import (
    bootstrap,
    choice,
    corrected,
    coverage,
    early_stop,
    more_data,
    p_values,
    selection_bias,
    simulated_tests,
    unfinished,
    wilson,
)
from benchmarks.statistics.tally import SIZES, Tally
from tlsearch.stats.metrics import score

Quick = Callable[..., Result]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("imbalance", [1, 7])
def test_simulated_classes_fall_evenly_to_the_smallest(n: int, imbalance: float) -> None:
    counts = simulated_tests.class_counts(n, imbalance)
    assert counts.sum() == n
    assert counts.min() >= 1
    assert (np.diff(counts) <= 1).all()
    assert counts[0] / counts[-1] == pytest.approx(imbalance, rel=0.5 if n < 370 else 0.2)


@pytest.mark.parametrize("grouping", ["none", "copies", "patients"])
def test_the_truth_of_a_simulated_world_is_what_many_images_show(grouping: simulated_tests.Grouping) -> None:
    simulator = simulated_tests.Simulator(replace(simulated_tests.WORLDS[2], grouping=grouping), 20_000)
    rng = np.random.default_rng(1)
    tests = [simulator.draw(rng) for _ in range(4)]
    for metric in simulated_tests.METRICS:
        for said, truth in zip(("winner", "other"), simulator.truth(metric), strict=True):
            assert np.mean([score(t.y, getattr(t, said), metric) for t in tests]) == pytest.approx(truth, abs=0.01)


def test_images_of_a_group_are_alike_and_models_agree() -> None:
    simulator = simulated_tests.Simulator(replace(simulated_tests.WORLDS[1], grouping="copies"), 4000)
    drawn = simulator.draw(np.random.default_rng(0))
    assert drawn.groups is not None
    right = (drawn.y == drawn.winner).astype(float)
    pairs = drawn.groups[1:] == drawn.groups[:-1]
    assert 0.3 < pairs.mean() < 0.5
    assert np.corrcoef(right[1:][pairs], right[:-1][pairs])[0, 1] > 0.4
    assert abs(np.corrcoef(right[1:][~pairs], right[:-1][~pairs])[0, 1]) < 0.1
    assert (drawn.winner == drawn.other).mean() > 0.85


def test_a_tally_counts_on_which_side_the_truth_lies() -> None:
    tally = Tally()
    for low, high in ((0.0, 0.2), (0.1, 0.4), (0.35, 0.5), (0.2, 0.3)):
        tally.add((low, high), 0.3)
    row = tally.row()
    assert (row["coverage"], row["below"], row["above"], row["simulations"]) == (0.5, 0.25, 0.25, 4)


def test_what_falls_short_is_named_and_what_simulation_error_explains_is_not() -> None:
    row = {"metric": "accuracy", "interval": "score", "world": "w", "groups": "none", "n": 45, "simulations": 2000}
    assert coverage.shortfalls([{**row, "coverage": 0.925}]) == []
    assert coverage.shortfalls([{**row, "coverage": 0.91}]) == ["accuracy, score, w, none, 45, 0.91"]


@pytest.mark.parametrize("grouping", ["none", "copies"])
def test_intervals_hold_the_truth_of_a_small_simulation(grouping: simulated_tests.Grouping) -> None:
    rows = list(coverage.cover_world(replace(simulated_tests.WORLDS[0], grouping=grouping), 100, 60, 0))
    assert len(rows) == 6
    assert all(float(str(row["coverage"])) >= 0.85 for row in rows)


def test_ranges_are_over_worlds_and_ways_of_grouping() -> None:
    same = {"metric": "accuracy", "interval": "score", "n": 45}
    rows: list[dict[str, object]] = [
        {**same, "groups": groups, "coverage": share}
        for groups, share in (("none", 0.94), ("none", 0.96), ("copies", 0.97), ("patients", 0.93))
    ]
    assert coverage.ranges(rows) == [
        {**same, "grouped": False, "lowest": 0.94, "highest": 0.96},
        {**same, "grouped": True, "lowest": 0.93, "highest": 0.97},
    ]


def test_coverage_of_every_metric_interval_and_size(quick: Quick) -> None:
    figures = quick(coverage.main, "--simulations", "8", "--sizes", "45").figures
    assert len(figures["rows"]) == 5 * 3 * 3 * 2
    assert len(figures["ranges"]) == 3 * 2 * 2
    assert all(0.3 < row["lowest"] <= row["highest"] <= 1 for row in figures["ranges"])


def test_the_bootstrap_holds_the_truth_too_seldom(quick: Quick) -> None:
    lowest = quick(bootstrap.main).figures["lowest"]
    assert list(lowest) == ["45", "100"]
    assert lowest["45"] < lowest["100"] < 0.95


def test_exact_coverage_of_wilsons_interval(quick: Quick) -> None:
    figures = quick(wilson.main).figures
    lowest = {(row["n"], row["interval"], row["accuracy"]): row["lowest"] for row in figures["rows"]}
    assert all(value > 0.926 for (_, _, accuracy), value in lowest.items() if accuracy == "0.60 to 0.95")
    assert lowest[100, "amended", "0.95 to 0.995"] > 0.92 > 0.9 > lowest[100, "Wilson", "0.95 to 0.995"]
    assert figures["lowest"]["Wilson"]["0.95 to 0.995"] == min(
        value for (_, name, accuracy), value in lowest.items() if (name, accuracy) == ("Wilson", "0.95 to 0.995")
    )


def test_equal_models_are_seldom_told_apart(quick: Quick) -> None:
    figures = quick(p_values.main, "--simulations", "40", "--sizes", "45").figures
    assert len(figures["rows"]) == 2 * 3 * 3
    assert 0 <= figures["lowest"] <= figures["highest"] <= 0.25
    ungrouped = [row for row in figures["rows"] if row["groups"] == "none" and row["world"].startswith("7:1")]
    assert all(row["p stated"] > 0.25 for row in ungrouped)


def test_the_interval_of_more_data_is_compared_with_the_true_gain(quick: Quick) -> None:
    (row,) = quick(more_data.main, "--simulations", "2").figures["rows"]
    assert row["n"] == 60
    assert 0.02 < row["true gain"] < 0.15
    assert row["simulations"] == 2
    assert row["width"] > 0.05


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
    assert len(rows) == len(unfinished.SIZES) * len(unfinished.BEHIND) * len(unfinished.STOPPED) * len(unfinished.ALL)
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
