"""A check runs behind those that it needs, and not where one of them has failed."""

from __future__ import annotations

import unittest
from collections.abc import Mapping
from typing import Any

import pytest

from tlsearch.testing.outcome import Check, Checking, CheckResult, needs, run_checks

RUN: list[str] = []
WIDTHS: dict[str, int] = {}


def basis(plugin: Any) -> None:
    RUN.append("basis")
    if plugin == "broken":
        raise ValueError("broken")


@needs(basis)
def middle(plugin: Any) -> None:
    RUN.append("middle")
    if plugin == "skips":
        raise unittest.SkipTest("there is no middle")
    if plugin == "hollow":
        raise ValueError("hollow")


@needs(middle)
def top(plugin: Any) -> None:
    RUN.append("top")


def beside(plugin: Any) -> None:
    RUN.append("beside")


CHECKS: Mapping[str, Check] = {"basis": basis, "middle": middle, "top": top, "beside": beside}


@pytest.fixture(autouse=True)
def _nothing_run() -> None:
    RUN.clear()


def ends(results: list[CheckResult]) -> list[str]:
    return [f"{result.name}: {result.status}" + (f", {result.detail}" if result.detail else "") for result in results]


@pytest.mark.parametrize(
    ("plugin", "expected"),
    [
        ("sound", ["basis: passed", "middle: passed", "top: passed", "beside: passed"]),
        (
            "broken",
            [
                "basis: failed, ValueError: broken",
                "middle: not run, because 'basis' failed",
                "top: not run, because 'basis' failed",
                "beside: passed",
            ],
        ),
        (
            "hollow",
            ["basis: passed", "middle: failed, ValueError: hollow", "top: not run, because 'middle' failed",
             "beside: passed"],
        ),
        ("skips", ["basis: passed", "middle: skipped, there is no middle", "top: passed", "beside: passed"]),
    ],
)  # fmt: skip
def test_the_first_failure_is_said_once(plugin: str, expected: list[str]) -> None:
    results = run_checks(CHECKS, plugin)
    assert ends(results) == expected
    assert [result.ok for result in results] == [": failed" not in end and ": not run" not in end for end in expected]


def test_one_check_alone_runs_what_it_needs_once() -> None:
    checking = Checking(CHECKS, "sound")
    assert checking.result("top").status == "passed"
    assert checking.result("top").status == "passed"
    assert RUN == ["basis", "middle", "top"]


def test_a_failure_that_is_expected_stops_no_other_check() -> None:
    results = run_checks(CHECKS, "hollow", {"middle": "it is a pipe"})
    assert ends(results)[1:3] == ["middle: expected failure, it is a pipe (ValueError: hollow)", "top: passed"]


def test_what_is_known_already_is_not_run_again() -> None:
    known = {"basis": CheckResult(name="basis", status="failed", detail="it hung")}
    checking = Checking(CHECKS, None, known=known)
    assert [checking.result(name).status for name in CHECKS] == ["failed", "not run", "not run", "passed"]
    assert RUN == ["beside"]
    assert checking.not_run("beside") is None


def test_the_time_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter((10.0, 12.5))
    monkeypatch.setattr("tlsearch.testing.outcome.time.perf_counter", lambda: next(times))
    assert Checking({"beside": beside}, None).result("beside").seconds == 2.5


def test_an_authors_exception_is_said_with_its_line_and_traceback() -> None:
    class Plugin:
        def build(self) -> Any:
            return WIDTHS["missing"]

    def check(plugin: Any) -> None:
        plugin.build()

    (result,) = run_checks({"builds": check}, Plugin())
    assert result.detail.startswith("KeyError: 'missing' (tests/testing/test_outcome.py:")
    assert result.detail.endswith(", in build)")
    assert "\n" not in result.detail
    assert 'return WIDTHS["missing"]' in result.traceback


def test_an_assertion_of_the_author_is_no_verdict_of_the_kit() -> None:
    class Plugin:
        def build(self) -> None:
            raise AssertionError("my own")

    (result,) = run_checks({"builds": lambda plugin: plugin.build()}, Plugin())
    assert result.detail.startswith("AssertionError: my own (tests/testing/test_outcome.py:")
