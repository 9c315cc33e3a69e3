"""What a benchmark ran on: the machine, the versions of what does the work, and the commit of tlsearch."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
"""The checkout in which the benchmarks lie."""

PACKAGES = ("tlsearch", "keras", "tensorflow", "numpy", "scipy", "scikit-learn", "optuna", "mlflow")


def machine_facts() -> dict[str, object]:
    """``processor`` (its name), ``cores`` (as the system counts them) and ``memory_gigabytes``."""
    return {
        "processor": processor(),
        "cores": psutil.cpu_count(),
        "memory_gigabytes": round(psutil.virtual_memory().total / 1e9, 1),
    }


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def package_versions() -> dict[str, str]:
    """The versions of Python and of the packages that do the work."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def commit() -> str | None:
    """The commit of this checkout, with "-dirty" where files differ from it; None outside a Git repository."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
