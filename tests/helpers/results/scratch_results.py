"""The sample result with another network from scratch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.helpers.results.sample_result import SAMPLE
from tlsearch.results.result import RunResult


def with_scratch(low: float, high: float, **changes: Any) -> RunResult:
    """The sample with another gain over its baseline, which has other facts."""
    assert SAMPLE.gain is not None
    assert SAMPLE.baseline is not None
    gain = replace(SAMPLE.gain, test=(low + high) / 2, ci95=(low, high), mcnemar_midp=0.4 if low <= 0 <= high else 0.01)
    metrics = replace(SAMPLE.metrics, megabytes=14.3, ms_per_image=6.0)
    baseline = replace(SAMPLE.baseline, **changes)
    return replace(
        SAMPLE, gain=gain, metrics=metrics, baseline=baseline, from_scratch=(baseline, *SAMPLE.from_scratch[1:])
    )
