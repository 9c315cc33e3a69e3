"""What the network is not sure of, from the file that `tlsearch export` writes beside it (docs/guides/export.md)."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from settings import stop


def read_sidecar(network: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    """The content of `FILE.json` beside the network, whose own metadata are given; empty where there is none."""
    beside = Path(f"{network}.json")
    if not beside.is_file():
        return {}
    try:
        found = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        stop(f"{beside} cannot be read ({str(error)[:200]}): export the model again, or remove this file.")
    if not isinstance(found, dict) or found.get("metadata") != dict(metadata):
        stop(f"{beside} is not of {network}: copy both from one export, or remove this file.")
    return found


def is_exported_from(folder: Path, metadata: Mapping[str, str], sidecar: Mapping[str, Any]) -> bool:
    """Whether a network is that of a model's folder: by the hash in its sidecar, or else by what it says of itself.

    What cannot be read is for whoever loads the model to tell.
    """
    with suppress(OSError, ValueError, AttributeError):
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        size = int(metadata["image_size"])
        stated = json.loads(metadata["labels"]), size, int(metadata.get("decode_size", size))
        labels, own = json.loads((folder / "labels.json").read_text(encoding="utf-8")), config.get("image_size")
        if (labels, own, config.get("decode_size", own)) != stated:
            return False
        with (folder / "model.keras").open("rb") as stream:
            return sidecar.get("model") in (None, hashlib.file_digest(stream, "sha256").hexdigest())
    return True


def prediction_set(row: np.ndarray, labels: list[str], thresholds: Mapping[str, Any], coverage: float) -> list[str]:
    """The classes of a picture, the most probable first, of which one is the true one with this probability.

    Args:
        row: The probabilities of all classes.
        labels: Their names.
        thresholds: The entry ``prediction_sets`` of the sidecar.
        coverage: Above 0 and below 1.
    """
    scores, groups, most = thresholds["scores"], thresholds["groups"], math.inf
    if groups >= math.ceil(coverage / (1 - coverage) - 1e-6):
        place = math.ceil((coverage * (groups + 1) / groups - 1e-9) * len(scores))
        most = scores[min(max(place, 1), len(scores)) - 1]
    order = np.argsort(-row, kind="stable")
    before = np.concatenate([[0.0], np.cumsum(row[order].astype(np.float64))[:-1]])
    return [labels[place] for place, others in zip(order, before, strict=True) if others <= most]
