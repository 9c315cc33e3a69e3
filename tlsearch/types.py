"""The records that the packages hand to each other: frozen, hashable, and plain enough to become JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Kind = Literal["feature_extraction", "fine_tuning", "from_scratch"]
Role = Literal["trial", "baseline", "confirmation"]
State = Literal["complete", "pruned", "failed", "timed_out"]
SearchEnd = Literal["trials", "enough", "reach", "time", "space", "plugins", "failures"]
"""Why a search ended: its trials are done; more could not be seen to gain; what else there is stays too far behind, has
no time, is no more, needs plugins that failed; or trials failed in a row."""

Pooling = Literal["avg", "avgmax", "flatten", "mean", "class_token"]
"""How features become a vector: see ``TrialSpec``."""

Interval = tuple[float, float]
"""The lower and the upper end."""

if TYPE_CHECKING:
    Float64Array = npt.NDArray[np.float64]
    Float32Array = npt.NDArray[np.float32]
    IntArray = npt.NDArray[np.int64]
    BoolArray = npt.NDArray[np.bool_]
    LabelArray = npt.NDArray[np.intp]
    AnyArray = npt.NDArray[Any]
else:
    _ARRAYS = {
        "Float64Array": "float64",
        "Float32Array": "float32",
        "IntArray": "int64",
        "BoolArray": "bool_",
        "LabelArray": "intp",
        "AnyArray": "",
    }

    def __getattr__(name: str) -> Any:
        """Make the aliases of arrays when one is asked for.

        NumPy takes a tenth of a second to import, which ``tlsearch --help`` does not have.
        """
        if name not in _ARRAYS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import numpy as np
        import numpy.typing as npt

        return npt.NDArray[getattr(np, _ARRAYS[name]) if _ARRAYS[name] else Any]


class Decision(Enum):
    """What becomes of a trial after an epoch.

    A callback prunes a trial or lets it go on. ``TIME_OUT`` is the run's own: its time is over.
    """

    CONTINUE = "continue"
    PRUNE = "prune"
    TIME_OUT = "time_out"


POOLING_LABELS: Mapping[str, list[str]] = {
    "avgmax": ["avg+max"],
    "flatten": ["flatten"],
    "class_token": ["class token"],
}
"""What the label of a trial says of its pooling; of averages nothing."""

EpochNumbers = Mapping[str, float]
"""The numbers of an epoch: ``epoch``, ``fraction`` (the share of the trial that is done), losses and metrics."""

AVERAGED = "averaged"
"""The score of the average of the weights, among the numbers of an epoch after which it was validated."""

EpochJudge = Callable[[EpochNumbers], Decision]
"""Decides after each epoch whether its trial goes on."""

NumberedEpochJudge = Callable[[int, EpochNumbers], Decision]
"""Decides after each epoch, whose number (from 1) is counted on through all folds, whether its trial goes on."""

RateListener = Callable[[int, EpochNumbers], None]
"""Gets the number of a learning rate, of several that are tried from scratch, and the numbers of its epoch."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A backbone with weights at an image size: one pre-trained network that the search may choose.

    ``weights`` is None for random initial values. ``weights_id`` is the content hash of the weights file.
    ``depth`` is the number of cut points.
    """

    backbone: str
    weights: str | None
    weights_file: str | None
    weights_id: str
    image_size: int
    depth: int

    @property
    def label(self) -> str:
        """What people read: ``vgg16@imagenet``, or ``vgg16 from scratch``."""
        return f"{self.backbone}@{self.weights}" if self.weights else f"{self.backbone} from scratch"


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """Everything that decides what a trial computes, canonical: what does not matter to it is at its default.

    ``freeze_depth`` of ``depth`` cut points are frozen. ``skip_cut`` (frozen trials) is the number of a cut point, 1 to
    depth - 1, whose pooled features are joined with the final ones; 0 is none. ``pooling`` "avg" and "avgmax" are for
    feature maps, "mean" (over the patches) and "class_token" for tokens; "flatten" takes every value of the final map
    as it is, for a hidden layer. ``units`` is the width of the hidden layer, 0 for a linear
    head. A frozen trial with a linear head is solved, not trained: it has 0 ``steps``. ``views`` is the number of
    augmented renderings that the epochs take turns with; 0 renders a fresh one for every epoch. ``repeat`` counts
    repetitions of one trial: other initial values, order and dropout, the same views. ``depthwise_frozen`` keeps
    the depthwise kernels of a pre-trained suffix as they are.
    """

    backbone: str
    weights: str | None
    image_size: int
    depth: int
    freeze_depth: int
    pooling: Pooling = "avg"
    skip_cut: int = 0
    units: int = 0
    dropout: float = 0.0
    policy: str = "none"
    strength: float = 0.0
    views: int = 1
    steps: int = 0
    batch_size: int = 32
    lr_suffix: float = 0.0
    lr_head: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    seed: int = 0
    repeat: int = 0
    depthwise_frozen: bool = False

    @property
    def kind(self) -> Kind:
        """How pre-trained weights are used.

        ``feature_extraction``: only a head is fitted. ``fine_tuning``: pre-trained layers are trained too.
        ``from_scratch``: all layers start from random values.
        """
        if self.weights is None:
            return "from_scratch"
        return "feature_extraction" if self.freeze_depth == self.depth else "fine_tuning"

    @property
    def is_linear_probe(self) -> bool:
        """Whether the head is a convex problem that is solved rather than trained."""
        return self.kind == "feature_extraction" and self.units == 0

    @property
    def label(self) -> str:
        """One line for people: network, freeze depth, head and augmentation.

        As in ``vgg16@imagenet freeze 10/13 head 256 geometric 0.50`` or ``vgg16@imagenet freeze 13/13 linear probe no
        augmentation``.
        """
        parts = [f"{self.backbone}@{self.weights} freeze {self.freeze_depth}/{self.depth}"]
        if self.weights is None:
            parts = [f"{self.backbone} from scratch"]
        parts += [f"skip cut {self.skip_cut}"] if self.skip_cut else []
        parts += [f"head {self.units}" if self.units else "linear probe" if self.is_linear_probe else "linear head"]
        parts += POOLING_LABELS.get(self.pooling, [])
        parts += [f"{self.policy} {self.strength:.2f}" if self.strength else "no augmentation"]
        return " ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """A JSON object; ``TrialSpec.from_dict`` is its inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrialSpec:
        """The spec that ``to_dict`` described; unknown keys are ignored."""
        known = {f.name for f in fields(cls)}
        return cls(**{k: v for k, v in values.items() if k in known})

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits that differ for different specs; seeds and file names come from it."""
        values = self.to_dict()
        if not self.depthwise_frozen:
            del values["depthwise_frozen"]  # so that trials of networks without such kernels keep their seeds
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What came of a trial.

    ``value`` is the chosen metric on validation, the mean of the last three epochs, None where there is none
    (failed, timed_out, pruned). ``metrics`` holds ``val_accuracy``, ``val_loss``, ``train_loss`` and
    ``trainable_params`` at the least. ``history`` has one mapping an epoch (``epoch``, ``train_loss``,
    ``train_accuracy``, ``val_loss``, ``val_accuracy``, ``objective``); linear probes have none. ``seconds`` is the
    wall time, ``reason`` says why a trial is not complete, ``traceback`` is for the log. ``fold_values`` are the values
    on the folds of which ``value`` is the mean; ``plugin`` is the name of the plugin whose fault a failure is.
    """

    spec: TrialSpec
    state: State
    value: float | None
    seconds: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    history: tuple[Mapping[str, float], ...] = ()
    reason: str = ""
    traceback: str = ""
    frozen_layers: tuple[str, ...] = ()
    cut_point: str = ""
    fold_values: tuple[float, ...] = ()
    plugin: str = ""

    @property
    def score(self) -> float:
        """The value of a trial that is complete. Raises ``ValueError`` where it has none."""
        return score_of(self.value, self.spec)


def score_of(value: float | None, spec: TrialSpec) -> float:
    """A value that must be there. Raises ``ValueError``, which names the trial, where it is missing."""
    if value is None:
        raise ValueError(f"the trial '{spec.label}' has no value")
    return value
