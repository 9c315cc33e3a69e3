"""report: everything is written down, in the output folder and in MLflow."""

from __future__ import annotations

from tlsearch.pipeline.report.assemble import assemble
from tlsearch.pipeline.report.finish import finished_result, report
from tlsearch.pipeline.report.step_results import StepResults

__all__ = [
    "StepResults",
    "assemble",
    "finished_result",
    "report",
]
