"""Simulations of what a run claims, and what their results in benchmarks/results must not exceed."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.common.results import RESULTS, Result, read_result
from benchmarks.decisions import choice, claims, unfinished

Quick = Callable[..., Result]


def test_claims_of_a_quick_run(quick: Quick) -> None:
    rows = quick(claims.main).figures["rows"]
    assert len(rows) == 2 * (2 * 5 + len(claims.SCRATCH))
    early = [row for row in rows if row["world"] == "from scratch: as good, stopped after 3 epochs"]
    assert [(row["false gains before"], row["false gains after"]) for row in early] == [(1.0, 0.0)] * 2
    behind = [row for row in rows if "20 points behind, trained to its end" in row["world"]]
    assert all(row["true gains after"] > 0.5 and row["false gains after"] == 0 for row in behind)
    assert all(row["true gains before"] == 0 for row in rows if row["world"] == "probe is enough")
    assert all(0.3 <= row["score covered after"] <= 1 for row in rows if row["claim"] == "the search paid")


def test_what_is_worse_after_than_before_is_named() -> None:
    row: dict[str, object] = {"claim": "the search paid", "world": "close", "validation images": 48}
    grown = {f"false gains {what}": value for what, value in zip(NAMES, (0.02, 0.10, 0.02), strict=True)}
    assert claims.worse([{**row, **grown}]) == ["the search paid, close, 48: false gains"]
    assert claims.worse([{**row, **grown, "false gains after": 0.05}]) == []
    fallen = {f"gain covered {what}": value for what, value in zip(NAMES, (0.96, 0.9, 0.02), strict=True)}
    assert claims.worse([{**row, **fallen}]) == ["the search paid, close, 48: gain covered"]
    assert claims.worse([{**row, **fallen, "gain covered after": None}]) == []


NAMES = ("before", "after", "standard error")


def test_no_claim_and_no_interval_is_worse_after_than_before() -> None:
    figures = read_result(RESULTS / "claims.json").figures
    assert figures["worse"] == claims.worse(figures["rows"]) == []
    assert {row["simulations"] for row in figures["rows"]} == {600}
    stopped = [row for row in figures["rows"] if "as good, stopped" in row["world"]]
    assert len(stopped) == 6
    assert all(row["false gains after"] <= 0.05 for row in stopped)


def test_the_choice_loses_no_more_than_the_rule_before_it() -> None:
    """In no row by more than the error of two means of 200 searches each, and nowhere by more than 0.02 points."""
    rows = read_result(RESULTS / "choice.json").figures["rows"]
    before, after = ([row for row in rows if row["rule"] == rule] for rule in choice.RULES)
    for old, new in zip(before, after, strict=True):
        assert new["regret, points"] <= old["regret, points"] + 0.02, new
        assert new["probe shipped"] >= old["probe shipped"] or "enough" not in new["world"], new


def test_a_stopped_network_seldom_carries_a_false_claim() -> None:
    rows = read_result(RESULTS / "unfinished.json").figures["rows"]
    assert unfinished.too_many(rows) == []
    assert {row["simulations"] for row in rows} == {100}
