"""Where a benchmark is today that had another place when its result was written.

A result is a record and stays as it was written: its command names the module as it was called at its commit. A page
shows today's command, which can be copied, and says how the module was called.
"""

from __future__ import annotations

from benchmarks.common.results import Result

MOVED = {
    "quality.explain": "use.explain",
    "quality.export_proofs": "use.export_proofs",
    "quality.localisation": "use.localisation",
    "quality.maps.finer_maps": "use.maps.finer_maps",
    "quality.monitor": "use.monitor",
    "quality.predict_throughput": "use.predict_throughput",
    "quality.serving": "use.serving",
    "statistics.choice": "decisions.choice",
    "statistics.claims": "decisions.claims",
    "statistics.corrected": "decisions.corrected",
    "statistics.early_stop": "decisions.early_stop",
    "statistics.many_workers": "speed.many_workers",
    "statistics.recorded_curves": "decisions.recorded_curves",
    "statistics.selection_bias": "decisions.selection_bias",
    "statistics.shuffled_labels": "decisions.shuffled_labels",
    "statistics.unfinished": "decisions.unfinished",
}
"""Modules below ``benchmarks``, as they were called and as they are called."""


def module_today(result: Result) -> str:
    """The module below ``benchmarks`` that makes such a result today."""
    return MOVED.get(result.benchmark, result.benchmark)


def command_today(result: Result) -> str:
    """The command of ``result`` with the name that its module has today."""
    return result.command.replace(f"benchmarks.{result.benchmark}", f"benchmarks.{module_today(result)}", 1)
