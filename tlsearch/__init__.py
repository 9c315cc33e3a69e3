"""tlsearch: find the best way to reuse a pre-trained network for a folder of images.

From Python::

    import tlsearch

    result = tlsearch.run("images", time_limit="10m")
    model = tlsearch.load(Path(result.output.folder) / result.model_to_use)
    predictions = model.predict(["photo.jpg"])

Nothing is imported before it is asked for, so that ``import tlsearch`` is light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tlsearch.callbacks import Callback, EpochInfo, RunInfo, TrialInfo
    from tlsearch.config import RunConfig
    from tlsearch.errors import (
        DataError,
        Interrupted,
        PluginError,
        RunError,
        TlsearchError,
        TrackingError,
        UsageError,
        WeightsError,
    )
    from tlsearch.explain.pictures import Explanation
    from tlsearch.export.export import ExportedFile
    from tlsearch.monitoring.record import MonitorReport
    from tlsearch.pipeline.plan import Plan
    from tlsearch.predictor import Predictor, load
    from tlsearch.python_api import explain_images, export_model, monitor, plan, run
    from tlsearch.reporter import Reporter, SilentReporter
    from tlsearch.results.result import RunResult
    from tlsearch.types import Decision

    __version__: str

_HOMES = {
    **dict.fromkeys(("Callback", "EpochInfo", "RunInfo", "TrialInfo"), "tlsearch.callbacks"),
    "RunConfig": "tlsearch.config",
    **dict.fromkeys(("DataError", "Interrupted", "PluginError", "RunError"), "tlsearch.errors"),
    **dict.fromkeys(("TlsearchError", "TrackingError", "UsageError", "WeightsError"), "tlsearch.errors"),
    "Explanation": "tlsearch.explain.pictures",
    "ExportedFile": "tlsearch.export.export",
    "MonitorReport": "tlsearch.monitoring.record",
    "Plan": "tlsearch.pipeline.plan",
    **dict.fromkeys(("explain_images", "export_model", "monitor", "plan", "run"), "tlsearch.python_api"),
    **dict.fromkeys(("Predictor", "load"), "tlsearch.predictor"),
    **dict.fromkeys(("Reporter", "SilentReporter"), "tlsearch.reporter"),
    "RunResult": "tlsearch.results.result",
    "Decision": "tlsearch.types",
}

__all__ = [
    "Callback",
    "DataError",
    "Decision",
    "EpochInfo",
    "Explanation",
    "ExportedFile",
    "Interrupted",
    "MonitorReport",
    "Plan",
    "PluginError",
    "Predictor",
    "Reporter",
    "RunConfig",
    "RunError",
    "RunInfo",
    "RunResult",
    "SilentReporter",
    "TlsearchError",
    "TrackingError",
    "TrialInfo",
    "UsageError",
    "WeightsError",
    "__version__",
    "explain_images",
    "export_model",
    "load",
    "monitor",
    "plan",
    "run",
]


def __getattr__(name: str) -> Any:
    """What ``__all__`` names, imported when it is first used (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("tlsearch")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'tlsearch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
