"""The figures of float32 against bfloat16."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import paragraphs, source, table


def precision(result: Result) -> str:
    """A row for every network."""
    figures = result.figures
    body = []
    for name, row in figures["networks"].items():
        _, *others = row["forward"]
        ratios = [f"{row[what][way]['ratio']:.2f}" for what in ("forward", "step") for way in others]
        distance = f"{row['distance'][others[0]]:.4f}" if row["distance"] else ""
        probe = f"{row['probe']['float32']:.3f}, {row['probe'][others[0]]:.3f}" if row["probe"] else ""
        network, _, size = name.partition("@")
        body.append(
            [f"{network}, {size} px", f"{row['share_of_arithmetic']:.2f}", row["chosen"], *ratios, distance, probe]
        )
    caption = (
        f"How many times as fast as in float32 batches of {figures['batch']} are under the policy mixed_bfloat16, and "
        "in graphs that TensorFlow rewrites: a forward pass of the whole network, and a training step of what follows "
        f"the middle cut; medians of {figures['turns']} "
        "turns. *Arithmetic*: the share of a network's work that is arithmetic in kernels. *Distance*: that of the "
        "features under the policy from those of float32, relative. *Probe*: the accuracy of a linear probe on the "
        f"features in float32, and under the policy, of {min(row['images'] for row in figures['networks'].values())} "
        "images."
    )
    head = ["network", "arithmetic", "a run takes", "pass, policy", "pass, rewritten", "step, policy"]
    return paragraphs(table([*head, "step, rewritten", "distance", "probe"], body), caption, source(result))


def precision_brief(result: Result) -> str:
    """The range of the ratios of a forward pass where a run takes bfloat16, and where it does not."""
    rows = result.figures["networks"].values()
    parts = []
    for chosen in dict.fromkeys(row["chosen"] for row in rows):
        ratios = [_forward(row) for row in rows if row["chosen"] == chosen]
        some = " to ".join(dict.fromkeys(f"{ratio:.1f}" for ratio in (min(ratios), max(ratios))))
        parts.append(f"{some} times as fast in bfloat16 where a run takes {chosen}")
    return "; ".join(parts)


def _forward(row: Mapping[str, Any]) -> float:
    return float(row["forward"]["mixed_bfloat16"]["ratio"])
