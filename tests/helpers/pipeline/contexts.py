"""Contexts, images and plans for the tests of single steps: real records, with a worker that computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import optuna

from tests.helpers.pipeline.made_up import make_costs, make_space, plugin_facts
from tlsearch.callbacks import Callback, Progress
from tlsearch.config import RunConfig
from tlsearch.data.index import DatasetIndex, ImageRecord
from tlsearch.data.split import Fold, Split
from tlsearch.listeners.callback_list import CallbackList
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.plugins.facts import PluginFacts
from tlsearch.plugins.kinds.metric import CountMetric
from tlsearch.plugins.load_metric import load_metric
from tlsearch.runs.budget import TimeBudget
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.search.cost import Costs
from tlsearch.search.space import SearchSpace
from tlsearch.search.study import Search
from tlsearch.search.trial_record import TrialRecord
from tlsearch.worker.pool import Worker, WorkerPool


class Heard(Callback):
    """Keeps what a run says.

    Attributes:
        lines: (step, text) of every line.
        warnings: Every warning.
        progress: Every progress.
    """

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.warnings: list[str] = []
        self.progress: list[Progress] = []

    def on_step(self, step: str, text: str) -> None:
        self.lines.append((step, text))

    def on_warning(self, text: str) -> None:
        self.warnings.append(text)

    def on_progress(self, progress: Progress) -> None:
        self.progress.append(progress)


def make_context(
    folder: Path,
    worker: object = None,
    *,
    limit: float | None = None,
    heard: Callback | None = None,
    checkpoint: str = "checkpoint",
    **options: Any,
) -> RunContext:
    """A run of the images in ``folder`` into ``folder/out``; ``options`` are those of its RunConfig."""
    budget, passes = TimeBudget(limit=limit), dict[str, Any]()
    return RunContext(
        config=RunConfig(dataset=folder, **options),
        output=folder / "out",
        budget=budget,
        pool=WorkerPool(lambda: cast("Worker", worker)),
        callbacks=CallbackList((), [heard] if heard else []),
        checkpoint=Checkpoint(folder / checkpoint, budget, passes),
        passes=passes,
    )


def make_index(
    labels: Sequence[int], classes: Sequence[str] = ("cat", "dog"), root: Path = Path("/data")
) -> DatasetIndex:
    """An index of images ``0.png``, ``1.png``, ... that nobody has seen."""
    images = tuple(
        ImageRecord(path=f"{row}.png", label=label, sha256=f"hash {row}", width=32, height=32)
        for row, label in enumerate(labels)
    )
    files = tuple(root / image.path for image in images)
    return DatasetIndex(root=root, classes=tuple(classes), images=images, skipped=(), files=files)


def make_data(
    labels: Sequence[int] = (0, 1) * 10,
    *,
    test: Sequence[int] = (),
    val: Sequence[int] | None = None,
    groups: Sequence[int] | None = None,
    metric: CountMetric = "accuracy",
    index: DatasetIndex | None = None,
) -> Data:
    """Images with these labels: ``test`` rows are tested on, ``val`` rows validate (default: the last quarter of the
    rest; none: the pool is validated on folds), the rest trains."""
    rest = [row for row in range(len(labels)) if row not in set(test)]
    held = list(rest[len(rest) * 3 // 4 :] if val is None else val)
    train = [row for row in rest if row not in set(held)]
    pool = (*train, *held)
    split = Split(
        train=tuple(train),
        val=tuple(held),
        test=tuple(test),
        groups=tuple(groups or range(len(labels))),
        source="seeded",
    )
    fold = Fold(tuple(range(len(train))), tuple(range(len(train), len(pool))))
    return Data(
        index=index or make_index(labels),
        split=split,
        pool=pool,
        folds=(fold,),
        base_size=32,
        metric=load_metric(metric),
        pixels=Path("pool.npy"),
    )


def make_plan(
    space: SearchSpace | None = None,
    costs: Costs | None = None,
    *,
    data: Data | None = None,
    plugins: PluginFacts | None = None,
    folds: Sequence[Fold] = (),
) -> Plan:
    """A plan for the made-up candidates, without a limit of time."""
    space = space or make_space()
    return Plan(
        data=data or make_data(),
        plugins=plugins or plugin_facts(),
        space=space,
        costs=costs or make_costs(space),
        folds=tuple(folds),
    )


def search_of(space: SearchSpace, *finished: TrialRecord) -> Search:
    """A search in memory in which these trials are over; any trial may run."""
    study = optuna.create_study(direction="maximize")
    search = Search(study, space, make_costs(space), lambda _: True, lambda _: True)
    search.finished = list(finished)
    return search
