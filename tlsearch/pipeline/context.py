"""What the steps of a run share: the request, the data, the worker, the record, the budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tlsearch.config import Metric, RunConfig
from tlsearch.data.index import DatasetIndex
from tlsearch.data.split import Fold, Split
from tlsearch.features.passes import FrozenCounts
from tlsearch.plugins.facts import PluginFacts
from tlsearch.reporter import Reporter
from tlsearch.runs.budget import TimeBudget
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.runs.output import CHECKPOINT_FOLDER, WORK_FOLDER
from tlsearch.tracking.tracker import Tracker
from tlsearch.types import Candidate
from tlsearch.worker.client import Worker
from tlsearch.worker.handlers import CandidateFacts


@dataclass(frozen=True)
class Data:
    """The images of a run. ``pool`` are rows of the index: training images, then validation images.

    ``folds`` hold positions in the pool and are what trials are compared on: one of them, the training and the
    validation part, or, for few images, five that validate every image once. ``base_size`` is the side to which every
    image was decoded.
    """

    index: DatasetIndex
    split: Split
    pool: tuple[int, ...]
    folds: tuple[Fold, ...]
    base_size: int
    metric: Metric
    pixels: Path

    @property
    def fold(self) -> Fold:
        """The fold that every trial is validated on."""
        return self.folds[0]

    @property
    def uses_folds(self) -> bool:
        """Whether trials are compared on folds of the whole pool, for want of a validation part."""
        return not self.split.val

    @property
    def training(self) -> tuple[int, ...]:
        """Positions of the images on which nothing is chosen: the training part; with folds, the whole pool."""
        return tuple(range(len(self.split.train)))

    @property
    def whole(self) -> Fold:
        """The whole pool to train on, none to validate."""
        return Fold(tuple(range(len(self.pool))), ())

    @cached_property
    def labels(self) -> tuple[int, ...]:
        """The label of every image of the pool."""
        return tuple(self.index.images[row].label for row in self.pool)

    @cached_property
    def groups(self) -> tuple[int, ...]:
        """The group of every image of the pool."""
        return tuple(self.split.groups[row] for row in self.pool)


@dataclass
class RunContext:
    """One run while it goes on. ``view`` is the link to its trials in the MLflow UI, ``passes`` what was asked of
    frozen layers so far, by the label of the network. ``unfinished`` are the MLflow runs of trials that an earlier
    attempt at the run left open."""

    config: RunConfig
    reporter: Reporter
    worker: Worker
    budget: TimeBudget
    output: Path
    data: Data
    plugins: PluginFacts
    record: Tracker | None
    facts: dict[Candidate, CandidateFacts] = field(default_factory=dict)
    parent_run: str = ""
    view: str = ""
    unfinished: set[str] = field(default_factory=set)
    passes: dict[str, FrozenCounts] = field(default_factory=dict)

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """What was found out so far, in this attempt at the run or an earlier one."""
        return Checkpoint(self.work / CHECKPOINT_FOLDER, self.budget, self.passes)

    @property
    def tracker(self) -> Tracker:
        """The record in MLflow; a dry run, which ends before anything is recorded, has none."""
        if self.record is None:
            raise RuntimeError("a dry run records nothing")
        return self.record

    @property
    def work(self) -> Path:
        """The folder for what is needed only while the run goes on."""
        return self.output / WORK_FOLDER

    def plugin_versions(self, names: Mapping[str, None] | tuple[str, ...]) -> dict[str, str]:
        """ "distribution version" of the plugins with these names."""
        known = {b.name: f"{b.distribution} {b.version}" for b in self.plugins.backbones}
        known.update(self.plugins.augmentations)
        known.update(self.plugins.weights)
        return {name: known[name] for name in names if name in known}

    def close_unfinished(self) -> None:
        """Close the MLflow runs of trials in which an earlier attempt at the run was interrupted; they are run anew."""
        for run_id in sorted(self.unfinished):
            # Another role, so that whoever asks for trials finds each once.
            tags = {"role": "interrupted", "state": "interrupted"}
            self.tracker.finish(run_id, "KILLED", tags=tags, reason="the run was interrupted in this trial")
        self.unfinished.clear()

    def progress(self, step: str) -> ProgressOf:
        """An event handler that shows what the worker does as progress of ``step``, and adds up what it counts."""
        return ProgressOf(self.reporter, step, self.count)

    def count(self, passes: Mapping[str, FrozenCounts]) -> None:
        """Add what a job of the worker counted."""
        for label, counts in passes.items():
            self.passes[label] = self.passes.get(label, FrozenCounts()) + counts


@dataclass(frozen=True)
class ProgressOf:
    """Takes the worker's ("progress", (text, done, total)) and ("passes", counts by network) events."""

    reporter: Reporter
    step: str
    count: Callable[[Mapping[str, FrozenCounts]], None]

    def __call__(self, event: tuple[str, Any]) -> None:
        kind, content = event
        if kind == "progress":
            text, done, total = content
            self.reporter.progress(self.step, done, total, text)
        elif kind == "passes":
            self.count(content)
