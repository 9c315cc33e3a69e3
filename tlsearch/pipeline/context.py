"""What every step of a run needs: the request, the folder, the worker, the callbacks, the time; and the images."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from tlsearch.callbacks import Callback, RunInfo
from tlsearch.cluster.cluster import RayCluster
from tlsearch.config import RunConfig
from tlsearch.data.index import DatasetIndex
from tlsearch.data.memory.arrays import images_in_folder
from tlsearch.data.source_parts import rows_by_fold
from tlsearch.data.split import Fold, Split
from tlsearch.errors import Interrupted, PluginFailedError, RunError, UsageError
from tlsearch.features.passes import FrozenCounts
from tlsearch.listeners.callback_list import CallbackList
from tlsearch.listeners.checkpoint import CheckpointCallback
from tlsearch.listeners.reporter import ReporterCallback
from tlsearch.pipeline.workers import cluster_of, settle_known, workers_now
from tlsearch.plugins import registry
from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.reporter import Reporter
from tlsearch.results.schema import Resizing
from tlsearch.runs.budget import TimeBudget
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.runs.output import CHECKPOINT_FOLDER, LOG_NAME, WORK_FOLDER, is_finished, output_folder
from tlsearch.runs.program_start import program_seconds
from tlsearch.types import Decision
from tlsearch.utils.cache_folders import sources_dir
from tlsearch.utils.files import is_full
from tlsearch.worker.client import WorkerClient
from tlsearch.worker.events import Event, FrozenPasses, WorkProgress
from tlsearch.worker.pool import Worker, WorkerPool


@dataclass(frozen=True, kw_only=True)
class Data:
    """The images of a run. ``pool`` are rows of the index: training images, then validation images.

    ``pixels`` is the file with the pixels of the pool, and ``resizing`` says how they became squares.
    ``folds`` hold positions in the pool and are what trials are compared on: one of them, the training and the
    validation part, or, for few images, five that validate every image once. ``base_size`` is the side to which every
    image was decoded.
    """

    index: DatasetIndex
    split: Split
    pool: tuple[int, ...]
    folds: tuple[Fold, ...]
    base_size: int
    metric: GuardedMetric
    pixels: Path
    resizing: Resizing | None = None

    def pixels_at(self, size: int) -> Path:
        """The file with the pixels of the pool at this size, where a step has made it."""
        return self.pixels.with_name(f"pool-{size}.npy")

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

    @cached_property
    def image_weights(self) -> tuple[float, ...] | None:
        """How much each image of the pool counts in training; None where all count alike."""
        weights = tuple(self.index.images[row].weight for row in self.pool)
        return None if len(set(weights)) <= 1 else weights

    @cached_property
    def own_folds(self) -> list[tuple[int, ...]] | None:
        """The positions of each of the user's own folds in the pool; None where there are none."""
        return rows_by_fold(self.index.images, self.pool)


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What steps share. What they find out, they give to each other.

    Attributes:
        config: What was asked for.
        output: The output folder.
        budget: The time limit and what of it is used.
        pool: The processes that hold the backend.
        callbacks: Who follows the run.
        checkpoint: What was found out so far, in this attempt at the run or an earlier one.
        passes: What was asked of frozen layers so far, by the label of the network.
        sources: Where readers keep what they unpack or download; None for the place in the run's cache folder.
        cluster: The cluster on which the processes run; None for this machine.
    """

    config: RunConfig
    output: Path
    budget: TimeBudget
    pool: WorkerPool
    callbacks: CallbackList
    checkpoint: Checkpoint
    passes: dict[str, FrozenCounts] = field(default_factory=dict)
    sources: Path | None = None
    cluster: RayCluster | None = None

    @property
    def worker(self) -> Worker:
        """The process that does whatever is not done side by side."""
        return self.pool.main

    @property
    def work(self) -> Path:
        """The folder for what is needed only while the run goes on."""
        return self.output / WORK_FOLDER

    def progress(self, step: str) -> ProgressOf:
        """An event handler that shows what the worker does as progress of ``step``, and adds up what it counts."""
        return ProgressOf(self.callbacks, step, self.count)

    def say(self, step: str, lines: Sequence[str]) -> None:
        """Say these lines of ``step``."""
        for line in lines:
            self.callbacks.on_step(step, line)

    def count(self, passes: Mapping[str, FrozenCounts]) -> None:
        """Add what a request to the worker counted."""
        for label, counts in passes.items():
            self.passes[label] = self.passes.get(label, FrozenCounts()) + counts


@dataclass(frozen=True)
class ProgressOf:
    """Takes the worker's progress, and what it has counted of frozen layers."""

    callbacks: CallbackList
    step: str
    count: Callable[[Mapping[str, FrozenCounts]], None]

    def __call__(self, event: Event) -> Decision:
        """Take an event."""
        if isinstance(event, WorkProgress):
            self.callbacks.on_progress(self.step, event.done, event.total, event.text)
        elif isinstance(event, FrozenPasses):
            self.count(event.counts)
        return Decision.CONTINUE


@contextmanager
def open_run(config: RunConfig, reporter: Reporter | None, callbacks: Sequence[Callback]) -> Iterator[RunContext]:
    """The context of a run, with its output folder and its worker; says how the run ended where it did not succeed.

    Images in memory are written into a folder, which the configuration of the context names.

    Raises ``Interrupted`` where the run is interrupted, ``RunError`` where a disk is full, where a plugin fails without
    which it cannot go on, or where the request turns out to be impossible after work has begun.
    """
    config, understood = images_in_folder(config)
    budget = TimeBudget(limit=config.effective_time_limit)
    budget.set(program_seconds())
    with output_folder(config) as output:
        try:
            others, warnings = followers(reporter, callbacks)
            with new_context(config, output, budget, others) as context:
                for warning in warnings:
                    context.callbacks.on_warning(warning)
                resumed = (context.work / CHECKPOINT_FOLDER).exists()
                context.callbacks.on_run_begin(RunInfo(config=config, output=output, resumed=resumed))
                if not is_finished(output):
                    settle_known(context)
                    context.pool.start()
                with _ended(context.callbacks):
                    context.say("data", understood)
                    yield context
                context.pool.close()
        except KeyboardInterrupt as stop:
            raise Interrupted(output) from stop
        except PluginFailedError as error:
            checked = f"; `tlsearch plugins check {error.plugin.partition(' ')[2]}` tests it" if error.plugin else ""
            raise RunError(f"{str(error).rstrip('.')}: the traceback is in {output / LOG_NAME}{checked}.") from error
        except Exception as error:
            if not is_full(error) or isinstance(error, UsageError | RunError):
                raise
            what = f"a disk is full ({str(error).splitlines()[0].rstrip('.')})"
            remedy = f"make room, then go on with `tlsearch resume {shlex.quote(str(output))}`"
            raise RunError(f"The run in {output} was interrupted, for {what}: {remedy}.") from error


@contextmanager
def try_out(config: RunConfig, reporter: Reporter | None) -> Iterator[RunContext]:
    """The context of a dry run, in a folder that is gone afterwards, with an empty feature store.

    What readers unpack or download stays in the cache folder, for the run that follows. It computes on this machine:
    the folder is one that no node of a cluster would see.
    """
    config, understood = images_in_folder(config)
    with TemporaryDirectory(prefix="tlsearch-") as temporary:
        output = Path(temporary)
        (output / WORK_FOLDER).mkdir()
        sources, asked = sources_dir(config.cache_dir), config.cluster is not None
        config = replace(
            config, cache_dir=output, cluster=None, cpus_per_worker=None, gpus_per_worker=None, solve_apart=None
        )
        budget = TimeBudget(limit=config.effective_time_limit)
        budget.set(program_seconds())
        with new_context(config, output, budget, [ReporterCallback(reporter)] if reporter else []) as context:
            if asked:
                context.say("plan", ["the dry run computes on this machine and does not ask the cluster"])
            context.worker.start()
            context.say("data", understood)
            yield replace(context, sources=sources)


def followers(reporter: Reporter | None, callbacks: Sequence[Callback]) -> tuple[list[Callback], list[str]]:
    """Who follows a run besides its recorders: the reporter, the user's callbacks, and those that are installed.

    Gives what to say of installed ones that are broken, too.
    """
    loaded, broken = registry.load_all("callback")
    known: list[Callback] = [ReporterCallback(reporter)] if reporter else []
    warnings = [
        f"the callback {item.entry.name} of {registry.origin(item.entry)} is left out: {item.reason}" for item in broken
    ]
    return [*known, *callbacks, *(item.plugin for item in loaded)], warnings


@contextmanager
def new_context(
    config: RunConfig, output: Path, budget: TimeBudget, callbacks: Sequence[Callback] = ()
) -> Iterator[RunContext]:
    """A context in the folder ``output``, which holds a folder for work already.

    Its worker is started when it is first needed, and ended with the context.
    """
    passes: dict[str, FrozenCounts] = {}
    checkpoint = Checkpoint(output / WORK_FOLDER / CHECKPOINT_FOLDER, budget, passes)

    def here() -> Worker:
        return WorkerClient(output / LOG_NAME)

    with ExitStack() as stack:
        cluster = cluster_of(config, output / LOG_NAME)
        if cluster is None:
            pool = stack.enter_context(WorkerPool(here))
        else:
            pool = stack.enter_context(WorkerPool(stack.enter_context(cluster).worker, here))
        listeners = CallbackList([CheckpointCallback(checkpoint)], callbacks)
        pool.watch = lambda: listeners.on_workers(workers_now(pool))
        yield RunContext(
            config=config,
            output=output,
            budget=budget,
            pool=pool,
            callbacks=listeners,
            checkpoint=checkpoint,
            passes=passes,
            cluster=cluster,
        )


@contextmanager
def _ended(callbacks: CallbackList) -> Iterator[None]:
    """Tell the callbacks where the run does not come to its end."""
    try:
        yield
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        begun = callbacks.on_run_failed("" if interrupted else str(error) or type(error).__name__, interrupted)
        if begun and isinstance(error, UsageError):
            # The request could be met, as work has begun; what there is of the run is kept.
            raise RunError(str(error)) from error
        raise
