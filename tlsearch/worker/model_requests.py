"""What the parent asks of the worker about models and heads that are saved, loaded and evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tlsearch.data.images.rgb import PLAIN, Decoding
from tlsearch.types import Candidate, TrialSpec
from tlsearch.worker.protocol import Request


@dataclass(frozen=True, kw_only=True)
class TrySaving(Request[bool]):
    """Write the weights of a candidate, as they are, into ``file`` (.weights.h5) and read them back; True.

    It tells before a training whether its weights can be kept.
    """

    activity = "tried to save the weights of a backbone"
    kind = "model"

    candidate: Candidate
    file: Path


@dataclass(frozen=True, kw_only=True)
class SaveBackbone(Request[None]):
    """Write the weights of the backbone of ``spec``, which was fitted last, into ``file`` (.weights.h5)."""

    activity = "saved the weights of a backbone"
    kind = "model"

    spec: TrialSpec
    candidate: Candidate
    file: Path


@dataclass(frozen=True, kw_only=True)
class SaveModel(Request[None]):
    """Write the model of ``spec``, which was fitted last, as a model folder."""

    activity = "saved a model"
    kind = "model"

    spec: TrialSpec
    candidate: Candidate
    folder: Path
    decode_size: int
    decoding: Decoding = PLAIN


@dataclass(frozen=True, kw_only=True)
class SaveHead(Request[None]):
    """Write the head of ``spec``, which was fitted last, of a trial with everything else frozen."""

    activity = "saved a head"
    kind = "model"

    spec: TrialSpec
    file: Path


@dataclass(frozen=True, kw_only=True)
class LoadHead(Request[None]):
    """Take a saved head for the one that was fitted last."""

    activity = "loaded a head"
    kind = "model"

    spec: TrialSpec
    file: Path


@dataclass(frozen=True)
class ModelProbabilities:
    """Class probabilities (files, classes), and milliseconds an image where they were measured."""

    probabilities: npt.NDArray[np.float64]
    ms_per_image: float | None = None
    parameters: int | None = None


@dataclass(frozen=True, kw_only=True)
class EvaluateModel(Request[ModelProbabilities]):
    """Predict original files with a saved model. ``latency`` measures its time as well, and counts its parameters."""

    activity = "evaluated a model"
    kind = "model"

    folder: Path
    files: tuple[Path, ...]
    latency: bool = False
