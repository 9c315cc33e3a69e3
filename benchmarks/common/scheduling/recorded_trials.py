"""The trials of a whole run, kept as a file, for simulations that need real durations, scores and learning curves.

    python -m benchmarks.common.scheduling.recorded_trials RESULT_JSON COMMAND

writes ``recorded-trials.json`` from the result of a finished run; COMMAND says how that was made.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tests.helpers.pipeline.made_up import HINTS, POLICIES, facts_of
from tlsearch.results.result import read_result
from tlsearch.search.cost import Costs
from tlsearch.search.space import SearchSpace
from tlsearch.search.trial_record import TrialRecord
from tlsearch.types import Candidate, State, TrialSpec
from tlsearch.utils import serialize

FILE = Path(__file__).with_name("recorded-trials.json")

WORK = {"vgg16": 8e9, "efficientnet_lite0": 2e8}
"""Operations an image of a whole network at 160 px, about; every cut adds as much as the others."""


@dataclass(frozen=True, kw_only=True)
class RecordedTrials:
    """The trials of a run, and what its search began with.

    Attributes:
        source: Where they come from: ``command``, ``started`` and ``versions``.
        train_images: The training images.
        val_images: The validation images.
        steps: The schedule of a trained trial.
        candidates: The networks.
        profile: The accuracies of each network's features by depth, in the order of ``candidates``.
        trials: The trials of the search, with the curves of those that were trained.
    """

    source: Mapping[str, Any]
    train_images: int
    val_images: int
    steps: int
    candidates: tuple[Candidate, ...]
    profile: tuple[tuple[float, ...], ...]
    trials: tuple[TrialRecord, ...]

    def space(self, seed: int) -> SearchSpace:
        """The search space, with this seed."""
        return SearchSpace(
            candidates=self.candidates,
            policies=POLICIES,
            steps=self.steps,
            train_images=self.train_images,
            batch_size=self.trials[0].spec.batch_size,
            seed=seed,
            hints=HINTS,
        )

    def costs(self) -> Costs:
        """What trials cost before any was run."""
        facts = {candidate: facts_of(candidate, WORK.get(candidate.backbone, 1e9)) for candidate in self.candidates}
        costs = Costs(facts=facts, images=self.train_images + self.val_images)
        costs.remember_profile()
        return costs


@dataclass(frozen=True)
class WorkOf:
    """What decides how long a trial takes.

    Attributes:
        tuned: Whether layers of the network are trained.
        hidden: Whether a hidden layer is trained.
        frozen: The share of the cut points that are frozen.
        augmented: Whether it sees augmented images.
    """

    tuned: bool
    hidden: bool
    frozen: float
    augmented: bool

    @classmethod
    def trial(cls, spec: TrialSpec) -> WorkOf:
        """Give that of a trial."""
        share = spec.freeze_depth / spec.depth
        return cls(spec.kind == "fine_tuning", spec.units > 0, share, bool(spec.strength))

    def distance(self, other: WorkOf) -> float:
        """How unlike another trial it is; infinite for one of another kind."""
        if self.tuned != other.tuned or (self.hidden != other.hidden and not self.tuned):
            return math.inf
        return abs(self.frozen - other.frozen) + 0.5 * (self.augmented != other.augmented)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file."""
    result, command = sys.argv[1:] if arguments is None else arguments
    FILE.write_text(_in_lines(trials_of(Path(result), command)), encoding="utf-8")
    return 0


def trials_of(file: Path, command: str) -> RecordedTrials:
    """The trials of the search of a finished run, by its result.json."""
    result = read_result(file.parent)
    counts = {part: sum(classes.values()) for part, classes in result.dataset.counts.items()}
    candidates = tuple(
        Candidate(
            backbone=planned.backbone,
            weights=planned.weights,
            weights_file=None,
            weights_id="",
            image_size=planned.image_size,
            depth=planned.cut_points,
        )
        for planned in result.plan.candidates
    )
    curves = {int(number): curve for number, curve in result.histories.trials.items()}
    trials = [
        TrialRecord(
            number=row.number,
            spec=row.spec,
            state=cast("State", row.state),
            value=row.value,
            seconds=round(row.seconds, 2),
            curve=_curve([o for epoch in curves.get(row.number, ()) if (o := epoch["objective"]) is not None]),
        )
        for row in result.trials
        if row.role == "trial"
    ]
    return RecordedTrials(
        source={"command": command, "started": result.started, "versions": dict(result.versions)},
        train_images=counts["train"],
        val_images=counts["val"],
        steps=result.plan.steps,
        candidates=candidates,
        profile=tuple(tuple(p.accuracy for p in result.profile[c.label]) for c in candidates),
        trials=tuple(trials),
    )


def _curve(objectives: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """The objectives of epochs of equal length, each with the share of the schedule that was done."""
    return tuple((number / len(objectives), objective) for number, objective in enumerate(objectives, 1))


def read_trials(file: Path = FILE) -> RecordedTrials:
    """Read recorded trials. Raises ``ValueError`` where the file holds none."""
    return serialize.FILE.decode(RecordedTrials, json.loads(file.read_text(encoding="utf-8")))


def _in_lines(trials: RecordedTrials) -> str:
    """JSON, one trial a line."""
    plain = serialize.FILE.encode(trials)
    rows = ",\n".join(json.dumps(row) for row in plain.pop("trials"))
    return f'{json.dumps(plain)[:-1]}, "trials": [\n{rows}\n]}}\n'


if __name__ == "__main__":
    sys.exit(main())
