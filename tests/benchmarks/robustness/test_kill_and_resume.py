"""Killing and resuming a run: what differs is named, and a quick run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.common.results import Result
from benchmarks.robustness import kill_and_resume

Quick = Callable[..., Result]


def test_differences_are_named() -> None:
    wanted = {"trials": [1, 2], "test": 0.5}
    assert kill_and_resume.differences(wanted, dict(wanted)) == []
    assert kill_and_resume.differences(wanted, {**wanted, "test": 0.6}) == ["test differs from the undisturbed run"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("stub")
# Reading a run, MLflow asks SQLAlchemy for something that a later SQLAlchemy will not have.
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
def test_a_quick_run(quick: Quick) -> None:
    figures = quick(kill_and_resume.main, "--backbone", "stub").figures
    assert (figures["kills"], figures["troubles"]) == (1, [])
    assert figures["runs"] >= 1  # one more for each that came to its end before it was killed
    assert sum(figures["steps"].values()) == 1
    assert figures["trials"] >= 2
