"""Trials that were really run, kept as a file, for simulations that need durations and scores: no search is run again.

``recorded-trials.json`` was written by

    python -m benchmarks.common.record_trials DATASET
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlsearch.models.measured import MeasuredCandidate
from tlsearch.search.cost import Costs
from tlsearch.search.poolings import flattened_values
from tlsearch.search.space import SearchHints, SearchSpace
from tlsearch.search.trial_record import TrialRecord
from tlsearch.types import Candidate, TrialSpec
from tlsearch.utils import serialize

FILE = Path(__file__).with_name("recorded-trials.json")


@dataclass(frozen=True, kw_only=True)
class Duration:
    """How long a trial of a whole run has taken.

    Attributes:
        tuned: Whether layers of the network were trained.
        hidden: Whether a hidden layer was trained.
        frozen: The share of the cut points that were frozen.
        augmented: Whether it saw augmented images.
        seconds: Its seconds.
    """

    tuned: bool
    hidden: bool
    frozen: float
    augmented: bool
    seconds: float

    @classmethod
    def of(cls, spec: TrialSpec, seconds: float) -> Duration:
        """Give that of a trial."""
        return cls(
            tuned=spec.kind == "fine_tuning",
            hidden=spec.units > 0,
            frozen=spec.freeze_depth / spec.depth,
            augmented=bool(spec.strength),
            seconds=seconds,
        )

    def distance(self, other: Duration) -> float:
        """How unlike another trial it is in what decides about time; infinite for another kind."""
        if (self.tuned, self.hidden) != (other.tuned, other.hidden):
            return math.inf
        return abs(self.frozen - other.frozen) + 0.5 * (self.augmented != other.augmented)


@dataclass(frozen=True, kw_only=True)
class RecordedTrials:
    """The trials of one data set, and what a search of it begins with.

    Attributes:
        source: Where they come from: ``command``, ``commit``, ``machine``, ``date`` and ``versions``.
        durations: How long trials take; of a whole run with a larger network, on a quiet machine.
        durations_of: The run that they are of: its networks, image size and images.
        images: The training and validation images.
        train_images: The training images.
        policies: The augmentations, "none" first.
        steps: The schedule of a trained trial.
        batch_size: The images of a training step.
        measured: What was measured of each network.
        profile: The accuracies of each network's features by depth, in the order of ``measured``.
        hints: What plugins say of their own best use.
        trials: The trials: the warm start, then configurations drawn by chance. None was pruned.
    """

    source: Mapping[str, Any]
    durations: tuple[Duration, ...]
    durations_of: Mapping[str, Any]
    images: int
    train_images: int
    policies: tuple[str, ...]
    steps: int
    batch_size: int
    measured: tuple[MeasuredCandidate, ...]
    profile: tuple[tuple[float, ...], ...]
    hints: SearchHints
    trials: tuple[TrialRecord, ...]

    @property
    def val_images(self) -> int:
        """The validation images."""
        return self.images - self.train_images

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The networks."""
        return tuple(facts.candidate for facts in self.measured)

    def space(self, seed: int) -> SearchSpace:
        """The search space, with this seed."""
        flattened = ((f.candidate.label, flattened_values(f.cuts, self.images)) for f in self.measured)
        return SearchSpace(
            candidates=self.candidates,
            policies=self.policies,
            steps=self.steps,
            train_images=self.train_images,
            batch_size=self.batch_size,
            seed=seed,
            depthwise_frozen=frozenset(f.candidate.label for f in self.measured if f.freezes_depthwise),
            flattened=tuple((label, values) for label, values in flattened if values),
            hints=self.hints,
        )

    def costs(self) -> Costs:
        """What trials cost before any was run."""
        costs = Costs(facts={facts.candidate: facts for facts in self.measured}, images=self.images)
        costs.remember_profile()
        return costs


def read_trials(file: Path = FILE) -> RecordedTrials:
    """Read recorded trials.

    Raises:
        ValueError: The file holds none.
    """
    return serialize.FILE.decode(RecordedTrials, json.loads(file.read_text(encoding="utf-8")))


def write_trials(trials: RecordedTrials, file: Path) -> None:
    """Write recorded trials, one a line."""
    plain = serialize.FILE.encode(trials)
    rows = ",\n".join(json.dumps(row) for row in plain.pop("trials"))
    head = json.dumps(plain, ensure_ascii=False)
    file.write_text(f'{head[:-1]}, "trials": [\n{rows}\n]}}\n', encoding="utf-8")
