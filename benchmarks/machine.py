"""On what a benchmark ran: the processor and the versions of what does the work."""

from __future__ import annotations

import platform
from importlib.metadata import version

import psutil
from whole_run import processor

PACKAGES = ("tlsearch", "keras", "tensorflow", "numpy", "optuna")


def machine_facts() -> dict[str, object]:
    """``processor`` (its name), ``cores`` (as the system counts them) and ``versions`` by package."""
    versions = {name: version(name) for name in PACKAGES}
    return {
        "processor": processor(),
        "cores": psutil.cpu_count(),
        "versions": {**versions, "python": platform.python_version()},
    }
