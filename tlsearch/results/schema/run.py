"""The parts of a run's result: small frozen records, each a JSON object of ``result.json``.

Scores are fractions 0..1, times are seconds unless the name says otherwise, and an interval is (low, high).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tlsearch.data.checks import Finding
from tlsearch.data.folders import Skipped
from tlsearch.types import Candidate, Role, TrialResult, TrialSpec

Interval = tuple[float, float]


@dataclass(frozen=True)
class Dataset:
    """What the run read. ``counts`` is split -> class -> number of images."""

    path: str
    fingerprint: str
    classes: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]
    skipped: tuple[Skipped, ...] = ()
    findings: tuple[Finding, ...] = ()

    def total(self, split: str) -> int:
        """The number of images of a split; 0 where there is no such split."""
        return sum(self.counts.get(split, {}).values())


@dataclass(frozen=True)
class PlannedCandidate:
    """A pre-trained network that took part."""

    label: str
    backbone: str
    weights: str | None
    image_size: int
    cut_points: int

    @classmethod
    def of(cls, candidate: Candidate) -> PlannedCandidate:
        """What the report says of ``candidate``."""
        return cls(candidate.label, candidate.backbone, candidate.weights, candidate.image_size, candidate.depth)


@dataclass(frozen=True)
class LeftOut:
    """A backbone, or weights or an augmentation, that did not take part, or not to the end.

    ``name`` is the label of a network, or kind and name of a plugin; ``reason`` says why and how to bring it in.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class PlanSummary:
    """What was decided before anything was spent. ``steps`` are the training steps of one trial; ``folds`` is on how
    many folds trials are compared, 1 where there is a fixed validation part."""

    candidates: tuple[PlannedCandidate, ...]
    left_out: tuple[LeftOut, ...]
    steps: int
    time_limit: float | None
    seed: int
    metric: str
    folds: int = 1


@dataclass(frozen=True)
class Winner:
    """The configuration that was chosen. ``params`` holds what else was searched, by name."""

    label: str
    spec: TrialSpec
    backbone: str
    weights: str | None
    freeze_depth: int
    cut_point: str
    frozen_layers: tuple[str, ...]
    head: str
    augmentation: str
    strength: float
    params: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: TrialSpec, cut_point: str, frozen_layers: tuple[str, ...]) -> Winner:
        """The winner that ``spec`` describes."""
        hidden = f"hidden layer of {spec.units}" if spec.units else "linear"
        head = ("linear probe" if spec.is_linear_probe else hidden) + f", {spec.pooling} pooling"
        named = {"backbone", "weights", "freeze_depth", "policy", "strength"}
        params = {name: value for name, value in spec.to_dict().items() if name not in named}
        return cls(
            spec.label, spec, spec.backbone, spec.weights, spec.freeze_depth, cut_point, frozen_layers,
            head, spec.policy, spec.strength, params,
        )  # fmt: skip


@dataclass(frozen=True)
class Confirmed:
    """A model on resampled folds; the two spreads answer different questions and are not added up.

    ``seed_spread`` is the standard deviation over seeds, ``sampling_error`` the standard error that comes
    from the choice of images.
    """

    mean: float
    folds: int
    seed_spread: float | None
    sampling_error: float | None


@dataclass(frozen=True)
class Metrics:
    """The winner's scores in the metric ``name``.

    ``val`` chose the winner and is optimistic for that; ``test`` comes from the exported model on the
    original files, once. ``val_folds`` is the number of folds that ``val`` is the mean of. ``ms_per_image`` is
    the time of one image alone. ``majority`` is what always guessing the largest class scores on test,
    ``test_opened`` how often this test set has been opened, by this run or any before it. ``test_accuracy`` is
    the plain accuracy on test, whatever the metric is.
    """

    name: str
    val: float
    test: float
    test_ci95: Interval
    ms_per_image: float | None = None
    megabytes: float | None = None
    confirmed: Confirmed | None = None
    val_selected_optimistic: bool = True
    majority: float | None = None
    test_opened: int | None = None
    test_accuracy: float | None = None
    test_accuracy_ci95: Interval | None = None
    val_folds: int = 1


@dataclass(frozen=True)
class LinearProbe:
    """The best linear classifier on features as they are: what transfer gives without any search. ``val`` is the
    mean of ``val_folds`` folds."""

    label: str
    val: float
    test: float
    test_ci95: Interval
    confirmed: Confirmed | None = None
    val_folds: int = 1


@dataclass(frozen=True)
class Baseline:
    """A network trained from random initial values. ``weights`` is always None.

    ``stopped_by`` is ``schedule`` or ``time``; ``still_improving`` says that validation rose to the end;
    ``not_affordable`` names architectures that could not be trained from scratch within the time.
    """

    architecture: str
    seconds: float
    epochs: int
    stopped_by: str
    still_improving: bool
    val: float
    test: float
    test_ci95: Interval
    not_affordable: tuple[str, ...] = ()
    weights: None = None
    confirmed: Confirmed | None = None
    val_folds: int = 1


@dataclass(frozen=True)
class Difference:
    """Winner minus another model on the same test images, in the metric of the run.

    ``discordant`` counts images that only the winner has right and that only the other has right.
    ``mcnemar_midp`` is for accuracy on independent images; ``permutation_p`` for the other metrics and for
    grouped images. Both are None below 6 discordant pairs or groups.
    """

    difference: float
    ci95: Interval
    discordant: tuple[int, int]
    mcnemar_midp: float | None = None
    permutation_p: float | None = None


@dataclass(frozen=True)
class Gain:
    """What the winner gained on test over the baseline, and over the best linear probe.

    The first fields are those of ``Difference``, with ``test`` the difference; None where there is no
    baseline.
    """

    test: float | None = None
    ci95: Interval | None = None
    discordant: tuple[int, int] | None = None
    mcnemar_midp: float | None = None
    permutation_p: float | None = None
    over_linear_probe: Difference | None = None


@dataclass(frozen=True)
class ProfilePoint:
    """The cross-validated accuracy of a linear probe after cut point number ``depth``, named ``cut_point``."""

    cut_point: str
    depth: int
    accuracy: float
    stderr: float | None = None


@dataclass(frozen=True)
class TrialRow:
    """One trial as result.json and trials.csv keep it.

    ``run_id`` is its MLflow run, ``folds`` the number of folds that ``value`` is the mean of. ``value_on_shared_folds``
    is the mean over those folds that every trial has, by which the search ranks trials; None where nothing is ranked by
    it.
    """

    number: int
    label: str
    spec: TrialSpec
    state: str
    kind: str
    role: str
    value: float | None
    seconds: float
    reason: str = ""
    candidate: str = ""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    run_id: str | None = None
    folds: int = 1
    value_on_shared_folds: float | None = None

    @property
    def ranked_by(self) -> float | None:
        """The score by which it stands among the others."""
        return self.value if self.value_on_shared_folds is None else self.value_on_shared_folds

    @classmethod
    def of(cls, number: int, role: Role, result: TrialResult, run_id: str | None = None) -> TrialRow:
        """The row for ``result``."""
        spec = result.spec
        network = f"{spec.backbone}@{spec.weights}" if spec.weights else f"{spec.backbone} from scratch"
        return cls(
            number, spec.label, spec, result.state, spec.kind, role, result.value, result.seconds,
            result.reason, network, dict(result.metrics), run_id, max(1, len(result.fold_values)),
        )  # fmt: skip


@dataclass(frozen=True)
class Mlflow:
    """Where the trials can be reviewed; ``ui_command`` is what to type, and ``view`` then the link to the trials of
    this run, the best first; empty where there is none."""

    tracking_uri: str
    experiment_id: str
    parent_run_id: str
    ui_command: str
    view: str = ""


@dataclass(frozen=True)
class Output:
    """The files of the run, relative to ``folder``; None where one was not written. ``refit`` is the winner's
    configuration trained once more on training and validation images, which was not tested; ``pictures`` the folder
    with the report's pictures as files."""

    folder: str
    model: str | None = "model"
    report: str | None = "report.html"
    trials: str | None = "trials.csv"
    refit: str | None = None
    pictures: str | None = None
