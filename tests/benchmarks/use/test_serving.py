"""The comparison of servers: a quick run, and what is made of answers and times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.common.results import Result
from benchmarks.figures.groups import GROUPS
from benchmarks.use import serving

Quick = Callable[..., Result]

pytestmark = [
    # Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def test_answers_are_compared_by_their_numbers_and_classes() -> None:
    expected = np.array([[0.7, 0.3], [0.4, 0.6]])
    given = np.array([[0.6, 0.4], [0.55, 0.45]])
    assert serving.agreement(given, expected) == {"largest_difference": pytest.approx(0.15), "same_class": 0.5}


@pytest.mark.slow
def test_a_quick_run_serves_and_compares(quick: Quick) -> None:
    for module in ("onnx", "onnxruntime", "tf2onnx", "fastapi", "python_multipart"):
        pytest.importorskip(module, reason="the extra tlsearch[dev] is not installed")
    figures = (result := quick(serving.main)).figures
    names = [serving.EXAMPLE, serving.EXAMPLE_ALONE, serving.WINNER, serving.ONNX]
    assert list(figures["answers"]) == names
    for row in figures["answers"].values():
        assert row["largest_difference"] < 1e-5
        assert row["same_class"] == 1
    assert [(row["server"], row["clients"]) for row in figures["loads"]] == [
        (name, clients) for name in names for clients in serving.CLIENTS
    ]
    assert all(0 < row["p50_ms"] <= row["p95_ms"] for row in figures["loads"])
    group = GROUPS["serving"]
    assert "| examples/serve | 16 |" in group.render(result)
    assert "pictures a second" in group.brief(result)
