"""What the parent asks of the worker: requests with the type of their reply.

The parent sends a request. While the worker is at it, it may send events (see ``events``), each of which the
parent answers with a decision. In the end it sends the reply, or a failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, TypeVar, get_args, get_origin

from tlsearch.data.split import Fold
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.plugins.facts import PluginFacts
from tlsearch.training.insight import Insight
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, TrialSpec

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, kw_only=True)
class Request(Generic[T_co]):
    """A request with the type of its reply.

    Its handler is in ``tlsearch.worker.handlers`` or ``tlsearch.worker.models``.

    Attributes:
        activity: What the worker did with it, for people: "The worker process ended while it ran a trial."
        ends_in_time: Whether it has ``seconds``, after which it ends by itself, between two pieces of its work.
        grace: Seconds more after which its process is ended, where it has not ended by itself.
        is_setup: Whether it is remembered and sent again at the start of every later process.
        counts_as_trial: Whether it counts towards the renewal of the process.
        needs_fitted: Whether it is about the model that the process has fitted last, so that no other can handle it.
        kind: Its work in the record of who did what: setup, measure, profile, trial, from_scratch, insights or model.
    """

    activity: ClassVar[str] = "answered a request"
    ends_in_time: ClassVar[bool] = False
    grace: ClassVar[float] = 15.0
    is_setup: ClassVar[bool] = False
    counts_as_trial: ClassVar[bool] = False
    needs_fitted: ClassVar[bool] = False
    kind: ClassVar[str] = "setup"

    @property
    def subject(self) -> str:
        """What it is about, for people: a trial or a network; empty without one."""
        about = getattr(self, "spec", None) or getattr(self, "candidate", None)
        return "" if about is None else str(about.label)

    @property
    def allowed(self) -> float | None:
        """The seconds in which it must end; None without a limit."""
        seconds: float | None = getattr(self, "seconds", None) if self.ends_in_time else None
        return seconds


def reply_type(request: type[Request[T]]) -> type[T]:
    """Give the type of the reply to a class of requests, as in an annotation: a union, too, where it is one."""
    (base,) = (b for b in request.__orig_bases__ if get_origin(b) is Request)  # type: ignore[attr-defined]  # typing's
    reply: type[T] = get_args(base)[0]
    return reply


# Requests about this machine and its plugins.


@dataclass(frozen=True, kw_only=True)
class DescribePlugins(Request[PluginFacts]):
    """Load every plugin and describe it."""

    activity = "loaded the plugins"


@dataclass(frozen=True, kw_only=True)
class FindWeights(Request[Path]):
    """Find the file of weights that a package brings; ``label`` is ``backbone@weights``."""

    activity = "looked for the weights of a package"

    label: str
    cache_dir: Path | None = None


@dataclass(frozen=True, kw_only=True)
class GetVersions(Request[dict[str, str]]):
    """Name Keras, its backend and their versions."""

    activity = "named its versions"


@dataclass(frozen=True, kw_only=True)
class FindGpu(Request[bool]):
    """Find out whether the backend computes on a GPU."""

    activity = "looked for a GPU"


# Requests about a pool of images.


@dataclass(frozen=True, kw_only=True)
class OpenPool(Request[None]):
    """Take over the training and validation images, and what is known of the candidates.

    Attributes:
        pixels: The file with the pixels at each image size.
        labels: The class of each image.
        groups: The group of each image: images with one number belong together.
        classes: The names of the classes.
        digest: The hash of the contents in order and of the way they were decoded.
        cache_dir: The folder of the feature store.
        cache_limit: Its size in bytes.
        shared_cache: Where the tier of the store is that several machines share; None without one.
        metric: The name of the metric that trials are valued by.
        measured: The candidates that were measured.
        image_weights: How much each image counts in training; None where all count alike.
    """

    activity = "opened the images"
    is_setup = True

    pixels: Mapping[int, Path]
    labels: tuple[int, ...]
    groups: tuple[int, ...]
    classes: tuple[str, ...]
    digest: str
    cache_dir: Path
    cache_limit: int
    metric: str
    measured: tuple[MeasuredCandidate, ...] = ()
    image_weights: tuple[float, ...] | None = None
    shared_cache: str | None = None


@dataclass(frozen=True, kw_only=True)
class MeasureCandidate(Request[MeasuredCandidate]):
    """Build a candidate, find its cut points and time it.

    Attributes:
        candidate: The candidate.
        train_at: The frozen share at which a training step is timed.
        slowest: Seconds an image for a forward pass. Where it takes longer, the step is not timed.
    """

    activity = "measured a network"
    kind = "measure"

    candidate: Candidate
    train_at: float
    slowest: float | None = None


@dataclass(frozen=True, kw_only=True)
class MeasureRendering(Request[dict[str, float]]):
    """Give the seconds that augmentations take to render a pixel; one whose plugin fails is missing.

    Attributes:
        policies: Their names.
        image_size: The side of the images in pixels.
        seconds: After so long the others are not measured any more.
    """

    activity = "measured the augmentations"
    kind = "measure"

    policies: tuple[str, ...]
    image_size: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ProfileCandidate(Request[tuple[tuple[float, float], ...]]):
    """Give accuracy and standard error of a linear probe at each cut of a candidate.

    ``train`` are the rows of the pool that may be used. It raises ``OutOfTimeError`` after ``seconds``, where given.
    """

    activity = "profiled a network"
    ends_in_time = True
    kind = "profile"

    candidate: Candidate
    train: tuple[int, ...]
    seed: int
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class ScreenCandidate(Request[tuple[tuple[float, float], ...]]):
    """Give accuracy and standard error of a linear probe at each cut of a candidate, by a few images alone.

    Only ``rows`` of the pool are computed, none is stored. It raises ``OutOfTimeError`` after ``seconds``, if given.
    """

    activity = "looked at a network"
    ends_in_time = True
    kind = "profile"

    candidate: Candidate
    rows: tuple[int, ...]
    seed: int
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class ProbeImages(Request[tuple[float, ...]]):
    """Give for every image of the pool the share of ``depths`` whose features tell its class.

    A probe that was not fitted on the image tells it. It raises ``OutOfTimeError`` after ``seconds``, where given.
    """

    activity = "compared ways to make images squares"
    ends_in_time = True
    kind = "profile"

    candidate: Candidate
    depths: tuple[int, ...]
    seed: int
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class ExamineLabels(Request[Insight | None]):
    """Examine every image with linear probes on a candidate's features.

    The reply is None where the features are not stored and computing them would take longer than ``seconds``. It raises
    ``OutOfTimeError`` where it has taken longer.
    """

    activity = "examined the labels"
    ends_in_time = True
    kind = "insights"

    candidate: Candidate
    seed: int
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class CountComputedImages(Request[int]):
    """Count the images that have gone through a network for their features since the pool was opened."""

    activity = "counted images"


# Requests about trials and their models.


@dataclass(frozen=True, kw_only=True)
class RunTrial(Request[Outcome]):
    """Run a trial. Its ``EpochEnd`` events are answered with a decision.

    Attributes:
        candidate: The network of the trial.
        spec: What it computes.
        folds: Where it trains and validates.
        seconds: The time after which it is timed out; None without a limit.
        batch_size: Trains as long, in batches of that size; the result has ``spec`` nevertheless.
        keep_compiled: Keeps its compiled model until the next trial without, or the evaluation of a model.
    """

    activity = "ran a trial"
    ends_in_time = True
    kind = "trial"
    counts_as_trial = True

    candidate: Candidate
    spec: TrialSpec
    folds: tuple[Fold, ...]
    seconds: float | None = None
    batch_size: int | None = None
    keep_compiled: bool = False


@dataclass(frozen=True, kw_only=True)
class RunSuccessiveHalving(Request[tuple[Outcome, ...]]):
    """Train a whole network with several learning rates, of which the best is trained to the end.

    ``specs`` differ in their learning rates; there is an outcome for each. The training is saved in the folder
    ``states`` now and then, so that it can be resumed; None saves nothing. In ``seconds`` it trains as
    many epochs as fit; it raises ``OutOfTimeError`` where none does.
    """

    activity = "trained a whole network"
    ends_in_time = True
    grace = 60.0  # an epoch that has begun comes to its end
    kind = "from_scratch"
    counts_as_trial = True

    candidate: Candidate
    specs: tuple[TrialSpec, ...]
    fold: Fold
    states: Path | None = None
    seconds: float | None = None
