"""How a check ends, and how a list of checks is run."""

from __future__ import annotations

import unittest
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Check = Callable[[Any], None]
"""Raises ``AssertionError`` where the plugin does not keep the rule, ``unittest.SkipTest`` where there is nothing to
check; both say why."""


@dataclass(frozen=True)
class CheckResult:
    """One check of a plugin: its name, how it ended, and where it did not pass one sentence that says why."""

    name: str
    status: Literal["passed", "failed", "skipped", "expected failure"]
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing has to be fixed."""
        return self.status != "failed"


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
        return CheckResult(name, "skipped", str(reason))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may even call sys.exit
        said = _one_line(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {_one_line(error)}"
        if name in expected_failures:
            return CheckResult(name, "expected failure", f"{expected_failures[name]} ({said})")
        return CheckResult(name, "failed", said)
    if name in expected_failures:
        return CheckResult(name, "failed", f"it passes, though it is expected to fail: {expected_failures[name]}")
    return CheckResult(name, "passed")


def run_checks(
    checks: Mapping[str, Check], plugin: Any, expected_failures: Mapping[str, str] | None = None
) -> list[CheckResult]:
    """Run all checks in order. ``expected_failures`` maps names of checks to reasons.

    Raises ``ValueError`` for a name that is no check's.
    """
    expected = known_failures(checks, expected_failures)
    return [run_check(name, check, plugin, expected) for name, check in checks.items()]


def known_failures(checks: Mapping[str, Check], expected_failures: Mapping[str, str] | None) -> Mapping[str, str]:
    """The expected failures. Raises ``ValueError`` for a name that is no check's."""
    unknown = sorted(set(expected_failures or {}) - set(checks))
    if unknown:
        raise ValueError(f"there is no check {unknown[0]!r}; the checks are: {', '.join(checks)}")
    return expected_failures or {}


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:400]
