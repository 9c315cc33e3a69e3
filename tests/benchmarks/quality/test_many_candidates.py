"""A run among many networks: what is read from its result, what is written, and a quick run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.common.results import Result
from benchmarks.figures.quality.networks import many_candidates as rendered
from benchmarks.figures.quality.networks import many_candidates_brief
from benchmarks.quality import many_candidates

Quick = Callable[..., Result]

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def seen(label: str, accuracy: float, *, stays: bool) -> dict[str, Any]:
    return {"label": label, "accuracy": accuracy, "stderr": 0.02, "images": 400, "stays": stays}


FOUND: dict[str, Any] = {
    "plan": {
        "screened": [seen("old@untrained", 0.2, stays=False), seen("new@imagenet", 0.8, stays=True)],
        "candidates": [{"image_size": 64}],
    },
    "dataset": {"classes": ["a", "b"], "counts": {"train": {"a": 900, "b": 900}, "val": {"a": 200}, "test": {"a": 9}}},
    "frozen_work": [
        {"candidate": "old@untrained", "seconds_per_pass": 0.004},
        {"candidate": "new@imagenet", "seconds_per_pass": 0.002},
    ],
    "trials": [
        {"candidate": "new@imagenet", "role": "trial", "kind": "feature_extraction"},
        {"candidate": "new@imagenet", "role": "trial", "kind": "fine_tuning"},
        {"candidate": "new@imagenet", "role": "confirm", "kind": "fine_tuning"},
    ],
    "profile": {"new@imagenet": [{"accuracy": 0.7}, {"accuracy": 0.83}]},
    "timings": {"plan": 100.0, "profile": 50.0, "search": 10.0, "total": 240.0},
    "winner": {"label": "New, frozen"},
    "metrics": {"name": "accuracy", "test": 0.9, "test_ci95": [0.8, 0.95]},
}


def test_the_figures_are_those_of_the_run() -> None:
    found = many_candidates.collect_figures(FOUND)
    assert [row["label"] for row in found["candidates"]] == ["new@imagenet", "old@untrained"]
    first, second = found["candidates"]
    assert (first["stays"], first["profile"], first["heads"], first["tuned"]) == (True, 0.83, 1, 1)
    assert (second["stays"], second["profile"], second["heads"], second["tuned"]) == (False, None, 0, 0)
    assert found["saved_seconds"] == 8.0  # 2,000 images of 4 ms
    result = Result(
        benchmark="quality.many_candidates",
        command="python -m benchmarks.quality.many_candidates clothing",
        commit="0123456789abcdef",
        machine={},
        date="2026-11-30T02:00:00+00:00",
        versions={},
        figures=found,
    )
    text = rendered(result)
    assert "| `new@imagenet` | 0.800 ± 0.020 | yes | 0.830 | 2, 1 tuned | 2.0 |" in text
    assert "| `old@untrained` | 0.200 ± 0.020 | no |  |  | 4.0 |" in text
    assert many_candidates_brief(result) == "1 of 2 stay; look and profile 50 s"


@pytest.mark.slow
@pytest.mark.usefixtures("stub")
def test_a_quick_run(quick: Quick) -> None:
    found = quick(many_candidates.main, "--backbone", "stub@random", "--untrained", *["stub"] * 4).figures
    assert {row["label"] for row in found["candidates"]} == {
        *("stub@random", "stub@untrained", "stub@untrained2", "stub@untrained3", "stub@untrained4")
    }
    assert found["looked_at"] == 400
    for row in found["candidates"]:
        assert (row["profile"] is not None) is row["stays"]
    assert sum(row["heads"] for row in found["candidates"]) == 2
