"""Does every built-in network keep its contract with each backend of Keras, and do all of them compute the same?

    pip install jax
    python -m benchmarks.robustness.backends

Every check of the conformance kit runs with every backend that is installed, in a process of its own. Then the same
random weights and the same two pictures go through the network with each backend: the difference from TensorFlow at a
cut point is the largest one, as a share of the largest value there. It takes two hours; with `--work DIR` each
network's figures are kept as soon as they are known, and a command that was interrupted goes on with the next network.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.common.results import make_parser, parse_options, publish, say
from tlsearch.plugins import registry
from tlsearch.testing.kit import installed_backends
from tlsearch.testing.network import difference
from tlsearch.testing.process import check_on_backend

BENCHMARK = "robustness.backends"

REFERENCE = "tensorflow"
QUICK = {"network": ["mobilenet_v3_large"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, compare, print; 1 where a check has failed."""
    options = _options(arguments)
    with ExitStack() as stack:
        work = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tlsearch-backends-")))
        work.mkdir(parents=True, exist_ok=True)
        networks = {name: _figures_of(name, options.backend, work) for name in options.network}
    figures = {
        "backends": {name: version(name) for name in options.backend},
        "networks": networks,
    }
    _print_table(figures)
    publish(BENCHMARK, options, figures)
    return int(any(found["failed"] for row in networks.values() for found in row["checks"].values()))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser(__doc__)
    own = [e.name for e in registry.find_plugins("backbone") if e.distribution == "tlsearch"]
    parser.add_argument("--network", nargs="+", default=own, help="the networks (default: all that are built in)")
    parser.add_argument("--backend", nargs="+", default=installed_backends(), help="default: all that are installed")
    parser.add_argument(
        "--work", type=Path, help="keep the figures of each network here, and take those that are there"
    )
    return parse_options(parser, arguments, QUICK)


def _figures_of(name: str, backends: Sequence[str], work: Path) -> dict[str, Any]:
    """The checks and the differences of a network: those that are kept, else they are made and kept."""
    file = work / f"{name}-{'-'.join(backends)}.json"
    if file.exists():
        kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return kept
    checks = {backend: _checked(name, backend) for backend in backends}
    found = {"checks": checks, "differences": compare(name, backends)}
    say(f"{name}: {found}")
    file.write_text(json.dumps(found), encoding="utf-8")
    return found


def _checked(name: str, backend: str) -> dict[str, Any]:
    """How many checks passed and were skipped, and the failures with their reasons."""
    began = time.monotonic()
    results = list(check_on_backend(backend, "backbone", name, limit=math.inf))
    return {
        "passed": sum(result.status == "passed" for result in results),
        "skipped": sum(result.status == "skipped" for result in results),
        "failed": {result.name: result.detail for result in results if not result.ok},
        "seconds": round(time.monotonic() - began, 1),
    }


def compare(name: str, backends: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By how much features differ from TensorFlow's: at the cut where that is most, and at the last one.

    It is empty where TensorFlow is not among the backends.
    """
    if REFERENCE not in backends:
        return {}
    with tempfile.TemporaryDirectory(prefix="tlsearch-features-") as temporary:
        folder = Path(temporary)
        features = {}
        for backend in sorted(backends, key=lambda other: other != REFERENCE):
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.common.backend_features", name, str(folder)]
            subprocess.run(command, check=True, env={**os.environ, "KERAS_BACKEND": backend})
            with np.load(folder / f"{backend}.npz") as file:
                features[backend] = dict(file)
    expected = features.pop(REFERENCE)
    found = {}
    for backend, arrays in features.items():
        apart = {cut: difference(array, expected[cut]) for cut, array in arrays.items()}
        worst = max(apart, key=lambda cut: apart[cut])
        found[backend] = {"largest": apart[worst], "cut": worst, "last": list(apart.values())[-1], "cuts": len(apart)}
    return found


def _print_table(figures: dict[str, Any]) -> None:
    table = Table(
        "network", *(f"{name} {number}" for name, number in figures["backends"].items()), "largest difference"
    )
    for name, row in figures["networks"].items():
        counts = [f"{found['passed']} passed, {len(found['failed'])} failed" for found in row["checks"].values()]
        apart = [f"{backend} {found['largest']:.1e} ({found['cut']})" for backend, found in row["differences"].items()]
        table.add_row(name, *counts, ", ".join(apart))
        for backend, found in row["checks"].items():
            for check, reason in found["failed"].items():
                say(f"{name} on {backend} failed: {check}: {reason}")
    Console(width=120).print(table)


if __name__ == "__main__":
    sys.exit(main())
