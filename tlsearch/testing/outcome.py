"""How a check ends, and how the checks of a plugin are run: each behind those that it needs."""

from __future__ import annotations

import time
import unittest
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from tlsearch.plugins.guard import raised
from tlsearch.plugins.traces import is_engines, trace_of

Check = Callable[[Any], None]
"""Raises ``AssertionError`` where the plugin does not keep the rule, ``unittest.SkipTest`` where there is nothing to
check; both say why."""

CheckStatus = Literal["passed", "failed", "skipped", "expected failure", "not run"]

C = TypeVar("C", bound=Callable[..., None])


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """One check of a plugin.

    Attributes:
        name: What is checked.
        status: How it ended. A check is not run where one that it needs has failed.
        detail: Where it did not pass one sentence that says why, and where the plugin raised with its file and line.
        traceback: Where the plugin raised, from its own code on.
        seconds: How long it took.
    """

    name: str
    status: CheckStatus
    detail: str = ""
    traceback: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing has to be fixed before the plugin keeps this rule."""
        return self.status not in ("failed", "not run")


def needs(*others: Check) -> Callable[[C], C]:
    """Mark a check that says nothing new where one of ``others`` has failed: it is not run then."""

    def mark(check: C) -> C:
        vars(check)["needs"] = others
        return check

    return mark


class Checking:
    """The checks of one plugin, each run once, behind those that it needs.

    Args:
        checks: The checks by name, those that others need before them.
        plugin: The plugin.
        expected_failures: Names of checks with the reason why the plugin cannot pass them.
        known: Results that there are already.

    Raises:
        ValueError: An expected failure names no check.
    """

    def __init__(
        self,
        checks: Mapping[str, Check],
        plugin: Any,
        expected_failures: Mapping[str, str] | None = None,
        known: Mapping[str, CheckResult] | None = None,
    ) -> None:
        unknown = sorted(set(expected_failures or {}) - set(checks))
        if unknown:
            raise ValueError(f"there is no check {unknown[0]!r}; the checks are: {', '.join(checks)}")
        self._checks, self._plugin = checks, plugin
        self._expected = expected_failures or {}
        self._done = dict(known or {})

    def result(self, name: str) -> CheckResult:
        """Give the result of a check."""
        if name not in self._done:
            self._done[name] = self.not_run(name) or self._run(name)
        return self._done[name]

    def not_run(self, name: str) -> CheckResult | None:
        """Give the result of a check that is not run, because of another one; None for one that is to be run."""
        failed = self._failed_before(name)
        return CheckResult(name=name, status="not run", detail=f"because {failed!r} failed") if failed else None

    def _failed_before(self, name: str) -> str:
        """The name of the check behind which this one is not run; empty where there is none."""
        functions = getattr(self._checks[name], "needs", ())
        for other, function in self._checks.items():
            if function in functions and not self.result(other).ok:
                return self._failed_before(other) or other
        return ""

    def _run(self, name: str) -> CheckResult:
        start = time.perf_counter()
        result = run_check(name, self._checks[name], self._plugin, self._expected)
        return replace(result, seconds=round(time.perf_counter() - start, 2))


def run_check(name: str, check: Check, plugin: Any, expected_failures: Mapping[str, str]) -> CheckResult:
    """Run one check. Whatever the plugin raises is a failure; one that is expected and does not happen is one too."""
    if not __debug__:
        raise RuntimeError("checks are assertions, which python -O leaves out; run them without -O")
    try:
        with warnings.catch_warnings():
            # Keras turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
            warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
            check(plugin)
    except unittest.SkipTest as reason:
        return CheckResult(name=name, status="skipped", detail=str(reason))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may even call sys.exit
        is_verdict = isinstance(error, AssertionError) and is_engines(error)
        detail = _one_line(error) if is_verdict else raised(error, type(plugin).__module__)
        if name in expected_failures:
            return CheckResult(name=name, status="expected failure", detail=f"{expected_failures[name]} ({detail})")
        return CheckResult(name=name, status="failed", detail=detail, traceback=trace_of(error))
    if name in expected_failures:
        why = f"it passes, though it is expected to fail: {expected_failures[name]}"
        return CheckResult(name=name, status="failed", detail=why)
    return CheckResult(name=name, status="passed")


def run_checks(
    checks: Mapping[str, Check], plugin: Any, expected_failures: Mapping[str, str] | None = None
) -> list[CheckResult]:
    """Run all checks in order. ``expected_failures`` maps names of checks to reasons.

    Raises ``ValueError`` for a name that is no check's.
    """
    checking = Checking(checks, plugin, expected_failures)
    return [checking.result(name) for name in checks]


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:400]
