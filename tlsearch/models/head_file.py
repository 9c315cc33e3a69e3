"""The head of a trial in a file: all that such a trial trained, where everything before it is frozen."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tlsearch.models.build import Head, HeadWeights


def save_head(file: Path, head: Head) -> None:
    """Keep the numbers of a head; the folder of ``file`` is made where it is missing."""
    numbers = head.weights()
    arrays = {"mean": numbers.mean, "scale": numbers.scale, "kernel": numbers.linear[0], "bias": numbers.linear[1]}
    if numbers.hidden is not None:
        arrays |= {"hidden_kernel": numbers.hidden[0], "hidden_bias": numbers.hidden[1]}
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]  # its stub takes no mapping


def load_head(file: Path, classes: int) -> Head:
    """The head of a trial as it was kept."""
    with np.load(file, allow_pickle=False) as kept:
        hidden = (kept["hidden_kernel"], kept["hidden_bias"]) if "hidden_kernel" in kept else None
        return Head.of(HeadWeights(kept["mean"], kept["scale"], hidden, (kept["kernel"], kept["bias"])), classes)
