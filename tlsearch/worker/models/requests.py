"""What the parent asks of the worker about models and heads that are saved, loaded and evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tlsearch.data.images.rgb import PLAIN, Decoding
from tlsearch.explain.localise import BoxRequest
from tlsearch.explain.records import MapStudy
from tlsearch.explain.study import StudyRequest
from tlsearch.models.cuts import Cuts
from tlsearch.models.use_cost import UseCost
from tlsearch.stats.localisation import Localisation
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
    needs_fitted = True

    spec: TrialSpec
    candidate: Candidate
    file: Path


@dataclass(frozen=True, kw_only=True)
class SaveModel(Request[None]):
    """Write the model of ``spec``, which was fitted last, as a model folder."""

    activity = "saved a model"
    kind = "model"
    needs_fitted = True

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
    needs_fitted = True

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


@dataclass(frozen=True, kw_only=True)
class StudyMaps(Request[MapStudy]):
    """Make heat maps with a saved model, draw those for the report and measure what they are worth."""

    activity = "made heat maps"
    ends_in_time = True
    grace = 45.0  # a process may have to start for it

    study: StudyRequest
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class ScoreBoxes(Request[Localisation]):
    """Make boxes from heat maps with a saved model and compare them with boxes that people drew.

    It raises ``OutOfTimeError`` after ``seconds``; None gives it all the time that it takes.
    """

    activity = "scored boxes"
    ends_in_time = True
    grace = 45.0  # a process may have to start for it

    boxes: BoxRequest
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class SaveReference(Request[int]):
    """Write ``reference.npz`` into the folder of the winner: what new pictures are compared with.

    The reply is the number of held-out images whose distances it has; 0 where there is no such file, because no image
    was held out, or because features that are not stored would take longer than ``seconds``.

    Attributes:
        spec: What the model computes.
        candidate: Its network.
        folder: The model folder.
        held_out: Rows of the pool that the model was not trained on; empty where it was trained on all.
        predicted: How many images that it had not seen the model predicts to be of each class.
        seed: Decides which images are kept, where they are too many.
        seconds: The time that it may take; None without a limit.
    """

    activity = "kept features of the training images"
    ends_in_time = True

    spec: TrialSpec
    candidate: Candidate
    folder: Path
    held_out: tuple[int, ...]
    predicted: tuple[int, ...]
    seed: int
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class MeasureNetworkUse(Request[UseCost]):
    """Measure what a network with a linear head on averaged features costs at use, as an exported file.

    The process must have one thread. ``cuts`` are the cut points of the candidate, ``classes`` those of the head.
    """

    activity = "measured what a network costs at use"

    candidate: Candidate
    cuts: Cuts
    classes: int


@dataclass(frozen=True, kw_only=True)
class MeasureModelUse(Request[UseCost]):
    """Measure what a saved model costs at use, as an exported file. The process must have one thread."""

    activity = "measured what a model costs at use"

    folder: Path
