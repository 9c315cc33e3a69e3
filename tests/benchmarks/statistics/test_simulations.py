"""Simulated test sets: their worlds are what they say, what falls short is counted, and a quick run of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.common.results import Result
from benchmarks.statistics import bootstrap, coverage, more_data, p_values, simulated_tests, wilson
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
