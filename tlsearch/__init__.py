"""tlsearch: find the best way to reuse a pre-trained network for a folder of images.

From Python::

    import tlsearch

    result = tlsearch.run(tlsearch.RunConfig(dataset=Path("images")))
    predictions = tlsearch.load(Path(result.output.folder) / "model").predict(["photo.jpg"])

Nothing is imported before it is asked for, so that ``import tlsearch`` is light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tlsearch.callbacks import Callback
    from tlsearch.config import RunConfig
    from tlsearch.pipeline.run import run
    from tlsearch.predictor import load
    from tlsearch.results.result import RunResult

    __version__: str

__all__ = ["Callback", "RunConfig", "RunResult", "__version__", "load", "run"]

_HOMES = {
    "Callback": "tlsearch.callbacks",
    "RunConfig": "tlsearch.config",
    "RunResult": "tlsearch.results.result",
    "load": "tlsearch.predictor",
    "run": "tlsearch.pipeline.run",
}


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
