"""Workers in virtual time: the dispatching of trials to workers is the real one, and nobody waits (discrete events).

``pipeline.trials`` chooses which trial begins next, and ``worker.side_by_side`` on which worker. A trial is over at
once here; its result is given when its end is the next event. What is decided about a trial depends neither on a clock
nor on what runs beside it, so it does not matter that its epochs are told before those of others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from benchmarks.common.scheduling.landscape import Landscape
from tlsearch.training.trial import Outcome
from tlsearch.types import Decision, TrialResult
from tlsearch.worker.activity import Doing, Spent
from tlsearch.worker.events import EpochEnd, Listener
from tlsearch.worker.models.requests import SaveHead, SaveModel
from tlsearch.worker.pool import Worker, WorkerPool
from tlsearch.worker.protocol import Request, RunTrial
from tlsearch.worker.side_by_side import Desk, SideBySide

T = TypeVar("T")


@dataclass(kw_only=True)
class Times:
    """The clock of a simulation, and what the parent itself has used of this machine's processors meanwhile.

    Attributes:
        now: Virtual seconds since the start of the search.
        worked: Virtual seconds that all workers have worked.
        with_parent: Virtual seconds since the start where the parent's own seconds are added: those between two rounds,
            in which all workers wait, and those in a round by which the parent is slower than its workers.
        rounds: Rounds that are over.
        asked_seconds: Processor seconds of the parent between rounds.
        round_seconds: Processor seconds of the parent in rounds, while workers work.
        world_seconds: Processor seconds of the made-up trials themselves, which count for nobody.
        beside: Whether a round of several trials is under way.
    """

    now: float = 0.0
    worked: float = 0.0
    with_parent: float = 0.0
    rounds: int = 0
    asked_seconds: float = 0.0
    round_seconds: float = 0.0
    world_seconds: float = 0.0
    beside: bool = False
    _mark: float = field(default_factory=time.process_time)

    def begin(self) -> None:
        """A round begins: all workers have waited while the parent asked for it."""
        used = self.used()
        self.asked_seconds += used
        self.with_parent += used

    def end(self, seconds: float) -> None:
        """A round is over that took so many virtual seconds."""
        used = self.used()
        self.rounds += 1
        self.round_seconds += used
        self.with_parent += max(seconds, used)

    def used(self) -> float:
        """Give the parent's processor seconds since the last time, without those of the trials."""
        now = time.process_time() - self.world_seconds
        used, self._mark = now - self._mark, now
        return used


class VirtualWorker:
    """Runs made-up trials; ``seconds`` is what the last one took."""

    def __init__(self, world: Landscape, times: Times, predictions: tuple[int, int]) -> None:
        """Take the world, the clock, and the shape of the predictions that a trial gives, (images, classes)."""
        self._world, self._times, self._shape = world, times, predictions
        self.seconds = 0.0

    def send(self, request: Request[T], listener: Listener | None = None) -> T:
        """Run a trial at once; what saves a model makes its folder."""
        if isinstance(request, RunTrial):
            if self._times.beside:
                return cast("T", self._run(request, listener))
            self._times.begin()
            outcome = self._run(request, listener)
            self._times.now += self.seconds
            self._times.end(self.seconds)
            return cast("T", outcome)
        if isinstance(request, SaveHead):
            _touch(request.file)
        elif isinstance(request, SaveModel):
            _touch(request.folder / "model")
        return cast("T", None)

    def _run(self, request: RunTrial, listener: Listener | None) -> Outcome:
        spec, before = request.spec, time.process_time()
        shown, curve, seconds = self._world.shown(spec), self._world.curve(spec), self._world.seconds(spec)
        rows = np.arange(self._shape[0])
        answers = np.full(self._shape, 1 / max(1, self._shape[1]), np.float32)
        self._times.world_seconds += time.process_time() - before
        state, share = "complete", 1.0
        for number, (share, objective) in enumerate(curve, 1):
            numbers = {"epoch": float(number), "fraction": share, "objective": objective, **_numbers(objective)}
            if listener is not None and listener(EpochEnd(numbers)) is Decision.PRUNE:
                state = "pruned"
                break
        self.seconds = seconds * (share if state == "pruned" else 1.0)
        self._times.worked += self.seconds
        value = shown if state == "complete" else None
        result = TrialResult(
            spec=spec,
            state="complete" if state == "complete" else "pruned",
            value=value,
            seconds=self.seconds,
            metrics={**_numbers(shown), "trainable_params": 1e5},
            fold_values=() if value is None else (value,),
            reason="" if value is not None else "worse than the median",
        )
        return Outcome(result, rows, answers)

    def start(self) -> None:
        """Nothing has to be started."""

    def setup(self) -> Sequence[Request[object]]:
        """Nothing was set up."""
        return ()

    def follow(self, other: Worker) -> None:
        """Nothing has to be set up."""

    def use_threads(self, threads: int | None) -> None:
        """There are no threads."""

    def memory(self) -> int:
        """None is held."""
        return 0

    def has_place(self) -> bool:
        """It has one of its own."""
        return True

    def doing(self) -> tuple[Doing | None, str]:
        """It is idle whenever somebody asks."""
        return None, ""

    def spent(self) -> Sequence[Spent]:
        """Nothing is noted."""
        return ()

    def interrupt(self) -> bool:
        """Say that there is no process."""
        return False

    def close(self) -> None:
        """There is no process."""

    kill = close


class VirtualPool(WorkerPool):
    """Workers of one world with one clock."""

    def __init__(self, world: Landscape, workers: int, predictions: tuple[int, int] = (0, 1)) -> None:
        """Have so many workers."""
        self.times = Times()
        super().__init__(lambda: VirtualWorker(world, self.times, predictions))
        self.settle(workers, 1, repeats=workers > 1)


class VirtualSide(SideBySide[T]):
    """One round: jobs are over at once, and given in the order of their ends."""

    def __init__(self, pool: WorkerPool) -> None:
        """Begin a round."""
        super().__init__(pool)
        self._times = cast("VirtualPool", pool).times
        self._ends: list[tuple[float, int, Hashable, Worker, Future[T]]] = []
        self._begun, self._began = 0, self._times.now
        self._times.begin()
        self._times.beside = True

    def call(self, function: Callable[[], Any]) -> Any:
        """Call it: there is one thread."""
        return function()

    def _launch(self, name: Hashable, worker: Worker, job: Callable[[Desk], T]) -> None:
        result: Future[T] = Future()
        result.set_result(job(Desk(worker, self)))
        self._begun += 1
        end = self._times.now + cast("VirtualWorker", worker).seconds
        heappush(self._ends, (end, self._begun, name, worker, result))

    def next_result(self) -> tuple[Hashable, Worker, Future[T]]:
        """Go on to the next end of a job."""
        self._times.now, _, name, worker, result = heappop(self._ends)
        return name, worker, result

    def stop(self) -> None:
        """End the round."""
        if self._times.beside:
            self._times.beside = False
            self._times.end(self._times.now - self._began)


def _numbers(value: float) -> dict[str, float]:
    """Metrics as a trial has them."""
    loss = 2.0 - value
    names = ("val_accuracy", "val_balanced_accuracy", "train_accuracy")
    return {"train_loss": loss, "val_loss": loss, **dict.fromkeys(names, value)}


def _touch(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
