"""A search by ``pipeline.search`` as in a run, with made-up trials in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast
from unittest.mock import patch

from benchmarks.common.scheduling.landscape import Landscape
from benchmarks.common.scheduling.recorded_trials import RecordedTrials
from benchmarks.common.scheduling.virtual_workers import Times, VirtualPool, VirtualSide
from tests.helpers.pipeline.contexts import make_context, make_data, make_index, make_plan
from tlsearch.listeners.callback_list import CallbackList
from tlsearch.listeners.checkpoint import CheckpointCallback
from tlsearch.listeners.mlflow import MlflowCallback
from tlsearch.pipeline import trials as pipeline_trials
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.messages import recorded_run
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.profile import Profile, Tuning, best_candidates
from tlsearch.pipeline.search import searching
from tlsearch.results.schema import ProfilePoint
from tlsearch.runs.output import WORK_FOLDER
from tlsearch.tracking.tracker import Tracker

if TYPE_CHECKING:
    import optuna

CLASSES = 10


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A search.

    Attributes:
        trials: How many there are.
        workers: How many run at once.
        round_size: How many are asked for at once.
        seed: The seed of the search and of its trials' luck.
        records: Whether everything is kept as in a run: the study and the record of MLflow in SQLite, and each trial in
            the checkpoint. Else the study is in memory, and nothing is kept.
    """

    trials: int
    workers: int
    round_size: int
    seed: int = 0
    records: bool = False


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """What came of a search.

    Attributes:
        times: Its clock.
        trials: The trials that were run.
        chosen: The truth of the best trial by what it showed, which is the one that a run goes on with.
        best: The best truth of all trials.
    """

    times: Times
    trials: int
    chosen: float
    best: float

    @property
    def parent_ms(self) -> float:
        """Milliseconds of processor time of the parent a trial."""
        return 1000 * (self.times.asked_seconds + self.times.round_seconds) / self.trials


def simulate(recorded: RecordedTrials, setting: Setting, folder: Path) -> Simulated:
    """Search in the empty folder ``folder``, in the world of the setting's seed."""
    world = Landscape(recorded, setting.seed)
    (folder / "out" / WORK_FOLDER).mkdir(parents=True)
    plan = _plan_of(recorded, setting)
    predictions = (recorded.val_images, CLASSES) if setting.records else (0, 1)
    pool = VirtualPool(world, setting.workers, predictions)
    context = make_context(folder, trials=setting.trials, seed=setting.seed)
    context = replace(context, pool=pool)
    with ExitStack() as stack:
        stack.enter_context(patch.object(pipeline_trials, "SideBySide", VirtualSide))
        if not setting.records:
            stack.enter_context(patch.object(searching, "open_study", _in_memory))
        context, record = stack.enter_context(_recording(context, plan, folder, setting))
        pool.times.used()
        profile = _profile_of(recorded)
        best = best_candidates(profile, dict.fromkeys(recorded.candidates, Tuning()), timed=False)
        log = searching.run_study(context, plan, record, profile, best, None)
        pool.times.begin()  # what the parent did after the last round
    search = log.search
    truths = [world.truth(trial.spec) for trial in search.finished if trial.state == "complete"]
    return Simulated(
        times=pool.times,
        trials=len(search.finished),
        chosen=world.truth(search.best(1)[0].spec),
        best=max(truths),
    )


def _plan_of(recorded: RecordedTrials, setting: Setting) -> Plan:
    labels = [number % CLASSES for number in range(recorded.train_images + recorded.val_images)]
    data = make_data(
        labels,
        val=range(recorded.train_images, recorded.train_images + recorded.val_images),
        metric="balanced_accuracy",
        index=make_index(labels, [f"class {number}" for number in range(CLASSES)]),
    )
    # Without records nobody asks for the images of a fold, which are long to write down.
    folds = data.folds if setting.records else ()
    plan = make_plan(recorded.space(setting.seed), recorded.costs(), data=data, folds=folds)
    return replace(plan, round_size=setting.round_size)


def _profile_of(recorded: RecordedTrials) -> Profile:
    return {
        candidate: tuple(
            ProfilePoint(cut_point=f"block{depth}", depth=depth, accuracy=accuracy, stderr=None)
            for depth, accuracy in enumerate(accuracies, 1)
        )
        for candidate, accuracies in zip(recorded.candidates, recorded.profile, strict=True)
    }


class _NoRecord:
    """Stands for the record of MLflow where there is none."""

    def on_best(self, number: int, name: str, value: float) -> None:
        """Nothing is recorded."""


@contextmanager
def _recording(
    context: RunContext, plan: Plan, folder: Path, setting: Setting
) -> Iterator[tuple[RunContext, MlflowCallback]]:
    """The context with what records the search, and its record."""
    if not setting.records:
        yield context, cast("MlflowCallback", _NoRecord())
        return
    tracker = Tracker.open(f"sqlite:///{folder / 'mlflow.db'}", "simulated", directory=folder)
    record = MlflowCallback(tracker)
    context = replace(context, callbacks=CallbackList([CheckpointCallback(context.checkpoint), record]))
    with record.recording(recorded_run(context, plan), context.checkpoint):
        yield context, record


def _in_memory(name: str, output: Path, storage: str | None, *, greater_is_better: bool = True) -> optuna.Study:
    """A study that is kept nowhere; see ``open_study``."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(study_name=name, direction="maximize" if greater_is_better else "minimize")
