"""An exported model on its way into MLflow, and what its page there says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tlsearch.plugins.api import Images

MODEL_URI = "models:/MODEL"
"""Stands in the note of a page for the address of the model, which is known once the model is logged."""

MODEL_PREFIX = "models:/"
"""What the address of a logged model begins with, before its id."""

RUN_PREFIX = "runs:/"
"""What the address of a model begins with that is files of a run, before the id of the run and the path."""

INPUT = (
    "RGB values 0..255 as an array (N, height, width, 3) of any size; or a table whose column 'image' (or only column) "
    "holds encoded pictures: bytes, base64 texts, or paths of files. A server takes arrays and base64 texts."
)
"""What a logged model takes, in words."""


def is_model_address(known: str) -> bool:
    """Whether a model is known by its address in a store, rather than by an id of our own."""
    return known.startswith((MODEL_PREFIX, RUN_PREFIX))


@dataclass(frozen=True, kw_only=True)
class ModelPage:
    """What the page of a logged model says.

    Attributes:
        note: Its description, in Markdown.
        params: Facts about it by their names.
    """

    note: str = ""
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ExportedModel:
    """A model as files.

    Attributes:
        folder: Holds ``model.keras``.
        example: An image that it takes, of shape (1, S, S, 3).
        classes: Their names in the order of its probabilities.
        page: What its page says.
    """

    folder: Path
    example: Images
    classes: tuple[str, ...]
    page: ModelPage


@dataclass(frozen=True, kw_only=True, eq=False)
class OnnxModel:
    """A network in ONNX.

    Attributes:
        name: What it is called among the models of its run.
        network: An ``onnx.ModelProto``: RGB values 0..255 of shape (N, S, S, 3) as floats to probabilities.
        side: S, in pixels.
        metadata: What the file says of itself.
        sha256: That of the file.
        page: What its page says.
    """

    name: str
    network: Any
    side: int
    metadata: Mapping[str, str]
    sha256: str
    page: ModelPage
