"""What was decided before anything was spent."""

from __future__ import annotations

from dataclasses import dataclass

from tlsearch.types import Candidate


@dataclass(frozen=True, kw_only=True)
class PlannedCandidate:
    """A pre-trained network that took part.

    ``cut_points`` is how many it has. ``network`` is its name as people write it ("EfficientNet-Lite0") and
    ``trained_on`` says where its weights come from ("ImageNet-1k"); either is empty where it is not known.
    """

    label: str
    backbone: str
    weights: str | None
    image_size: int
    cut_points: int
    network: str = ""
    trained_on: str = ""

    @classmethod
    def of(cls, candidate: Candidate, network: str = "", trained_on: str = "") -> PlannedCandidate:
        """What the report says of ``candidate``."""
        return cls(
            label=candidate.label,
            backbone=candidate.backbone,
            weights=candidate.weights,
            image_size=candidate.image_size,
            cut_points=candidate.depth,
            network=network,
            trained_on=trained_on,
        )


@dataclass(frozen=True)
class LeftOut:
    """A backbone, or weights or an augmentation, that did not take part, or not to the end.

    ``name`` is the label of a network, or kind and name of a plugin; ``reason`` says why and how to bring it in.
    """

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ScreenedCandidate:
    """What a network told of a few training images, before all of them went through it.

    ``accuracy`` is that of its best linear probe on so many ``images``, with its standard error. Where it does not
    stay (``stays``), it was left out for being far behind.
    """

    label: str
    accuracy: float
    stderr: float
    images: int
    stays: bool


@dataclass(frozen=True, kw_only=True)
class PlanSummary:
    """The plan of the run.

    ``steps`` are the training steps of one trial; ``folds`` is on how many folds trials are compared, 1 where there is
    a fixed validation part. ``workers`` ran trials side by side, each with ``threads`` threads (None: as many as there
    are cores), and ``round_size`` trials were asked for at once. With ``solve_apart`` workers without a GPU fitted
    heads, and those with one did the rest. Trials depend on the last three, not on the first. ``screened`` is empty
    where there were so few networks that all were profiled. ``tunes_layers`` says whether layers might be trained: the
    user may want all of them frozen.
    """

    candidates: tuple[PlannedCandidate, ...]
    left_out: tuple[LeftOut, ...]
    steps: int
    time_limit: float | None
    seed: int
    metric: str
    folds: int = 1
    workers: int = 1
    threads: int | None = None
    round_size: int = 1
    solve_apart: bool = False
    screened: tuple[ScreenedCandidate, ...] = ()
    tunes_layers: bool = True
