"""The figures of the backends of Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import paragraphs, source, table


def backends(result: Result) -> str:
    """A row for each network."""
    figures = result.figures
    names = list(figures["backends"])
    others = [name for name in names if any(name in row["differences"] for row in figures["networks"].values())]
    rows = [
        [
            f"`{network}`",
            *(_checks(row["checks"].get(name)) for name in names),
            *(_apart(row["differences"].get(name)) for name in others),
        ]
        for network, row in figures["networks"].items()
    ]
    titles = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
    head = [
        "network",
        *(f"checks passed, {titles[name]} {version}" for name, version in figures["backends"].items()),
        *(f"largest difference, {titles[name]}" for name in others),
    ]
    caption = (
        "A check is skipped where there is nothing to check, such as weights that are not on the machine. The "
        "difference is between features of the same random weights and pictures with this backend and with TensorFlow, "
        "at the cut point where it is largest, as a share of the largest value there."
    )
    return paragraphs(table(head, rows), caption, source(result))


def backends_brief(result: Result) -> str:
    """How many checks passed with each backend, and the largest difference."""
    networks = result.figures["networks"].values()
    counts = [
        f"{name}: {sum(row['checks'][name]['passed'] for row in networks)} checks passed, "
        f"{sum(len(row['checks'][name]['failed']) for row in networks)} failed"
        for name in result.figures["backends"]
    ]
    largest = max((found["largest"] for row in networks for found in row["differences"].values()), default=None)
    return "; ".join([*counts, *([] if largest is None else [f"features differ by at most {largest:.0e}"])])


def _checks(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    return f"{found['passed']} of {found['passed'] + len(found['failed'])}"


def _apart(found: Mapping[str, Any] | None) -> str:
    return "" if found is None else f"{found['largest']:.1e}"
