"""The built-in networks with several backends: what is written, and a quick run with those that are installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.common.results import Result
from benchmarks.figures.robustness.backends import backends as rendered
from benchmarks.figures.robustness.backends import backends_brief
from benchmarks.robustness import backends
from tlsearch.testing.kit import installed_backends

Quick = Callable[..., Result]


def test_what_was_checked_and_compared_is_written() -> None:
    checks = {"passed": 18, "skipped": 1, "failed": {}, "seconds": 5.0}
    broken = {**checks, "passed": 17, "failed": {"gradients": "none"}}
    apart = {"jax": {"largest": 2.4e-6, "cut": "stem", "last": 1e-6, "cuts": 4}}
    result = Result(
        benchmark="robustness.backends",
        command="python -m benchmarks.robustness.backends",
        commit="0123456789abcdef",
        machine={},
        date="2026-11-30T02:00:00+00:00",
        versions={},
        figures={
            "backends": {"tensorflow": "2.21.0", "jax": "0.9"},
            "networks": {"one": {"checks": {"tensorflow": checks, "jax": broken}, "differences": apart}},
        },
    )
    assert "| `one` | 18 of 18 | 17 of 18 | 2.4e-06 |" in rendered(result)
    assert backends_brief(result) == (
        "tensorflow: 18 checks passed, 0 failed; jax: 17 checks passed, 1 failed; features differ by at most 2e-06"
    )


def test_what_is_kept_is_not_made_again(tmp_path: Path) -> None:
    kept = {"checks": {"tensorflow": {"passed": 1, "skipped": 0, "failed": {}}}, "differences": {}}
    (tmp_path / "vgg16-tensorflow.json").write_text(json.dumps(kept))
    arguments = ["--network", "vgg16", "--backend", "tensorflow", "--work", str(tmp_path)]
    assert backends.main(arguments) == 0
    kept["checks"]["tensorflow"]["failed"] = {"gradients": "none"}
    (tmp_path / "vgg16-tensorflow.json").write_text(json.dumps(kept))
    assert backends.main(arguments) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("stub")
def test_a_quick_run(quick: Quick) -> None:
    found = quick(backends.main, "--network", "stub", "--backend", *installed_backends()).figures["networks"]["stub"]
    assert set(found["checks"]) == set(installed_backends())
    assert all(row["passed"] > 15 and not row["failed"] for row in found["checks"].values())
    assert all(row["largest"] < 1e-4 and row["cuts"] == 3 for row in found["differences"].values())
