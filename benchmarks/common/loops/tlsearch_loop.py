"""tlsearch's side: its own worker runs the trials, on a store that starts empty."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from benchmarks.common.loops.images import Images
from benchmarks.common.loops.timing import Timed, Times, spread_evenly, timed
from benchmarks.common.loops.trial_kinds import BATCH, KINDS, kind_of
from benchmarks.common.results import say
from tlsearch.config import RunConfig
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.measure import TIMED_SHARE
from tlsearch.training.batches import steps_per_epoch
from tlsearch.types import Candidate, Decision, TrialResult, TrialSpec
from tlsearch.worker.client import RENEW_AFTER, WorkerClient
from tlsearch.worker.events import EpochEnd, Event
from tlsearch.worker.protocol import MeasureCandidate, OpenPool, RunTrial


@dataclass(frozen=True)
class Sample:
    """How much of a list is trained: trials of each kind, for how many epochs, on views of how many strengths."""

    trials: int
    epochs: int
    strengths: int = 1


@dataclass(kw_only=True)
class Totals:
    """What a list of trials takes: ``seconds`` for all of them, with ``restarts`` of the worker added.

    ``first`` and ``more`` are how many were trained before and after all views were stored, ``epochs`` for how many
    epochs at most.
    """

    seconds: float
    first: int
    more: int
    epochs: int
    restarts: int
    times: Times = field(repr=False)


class TlsearchLoop:
    """Runs trials in a worker process, as a run does. ``facts`` say what the worker measured of the network."""

    def __init__(self, worker: WorkerClient, images: Images, candidate: Candidate) -> None:
        """Measure ``candidate`` on ``images`` with ``worker``."""
        self.worker, self.images = worker, images
        self._facts: tuple[MeasuredCandidate, ...] = ()
        self._restart = 0.0
        with tempfile.TemporaryDirectory(prefix="tlsearch-store-") as store:
            self._open_pool(Path(store))
            request = MeasureCandidate(candidate=candidate, train_at=TIMED_SHARE)
            self.planning, self.facts = timed(lambda: worker.send(request))
        self._facts = (self.facts,)

    def _open_pool(self, store: Path) -> None:
        self.worker.send(
            OpenPool(
                **self.images.pool(),
                cache_dir=store,
                cache_limit=RunConfig.cache_limit,
                metric="accuracy",
                measured=self._facts,
            )
        )

    def start_empty(self, store: Path) -> None:
        """A new process with an empty store, so that nothing that was built or stored before helps."""
        self.worker.close()
        self._restart, _ = timed(lambda: self._open_pool(store))

    def run(self, spec: TrialSpec, epochs: int, stored: bool) -> tuple[Timed, TrialResult]:
        """Run a trial for ``epochs`` epochs, from its call to its answer; ``stored`` says that its views are."""
        per_epoch = steps_per_epoch(len(self.images.train), BATCH)
        short = replace(spec, steps=min(spec.steps, epochs * per_epoch))
        marks: list[float] = []

        def listener(event: Event) -> Decision:
            if isinstance(event, EpochEnd):
                marks.append(time.perf_counter())
            return Decision.CONTINUE

        request = RunTrial(candidate=self.facts.candidate, spec=short, folds=(self.images.fold,))
        seconds, outcome = timed(lambda: self.worker.send(request, listener))
        result = outcome.result
        if result.state != "complete":
            raise SystemExit(f"{spec.label} is {result.state}: {result.reason}")
        seconds_each = [after - before for before, after in pairwise(marks)]
        if not stored:
            seconds_each = seconds_each[spec.views - 1 :] or seconds_each[-1:]  # those before them made their views
        # Very short schedules are validated five times, whatever their epochs.
        epoch = fmean(seconds_each) * len(marks) / epochs if seconds_each else seconds / epochs
        return Timed(seconds, epochs, 0.0 if spec.is_linear_probe else epoch), result

    def measure(
        self, specs: Sequence[TrialSpec], epochs: int, typical: Mapping[TrialSpec, Timed], sample: Sample
    ) -> Totals:
        """The seconds of a list of trials of ``epochs`` epochs that starts with an empty store.

        In the order of the list, the first trial of each kind and strength is trained with the store as it is, and so
        computes and stores every view that any of them needs; of the strengths of augmentation as many as ``sample``
        says are tried, and what views took there is counted again for each of the others. Other trials of each kind
        are trained when all is stored. They stand for the rest, as ``typical`` does, which is known from other lists.
        Each is trained for the epochs of ``sample`` (more where it has more views than that).
        """
        stands = first_trials(specs, sample.strengths)
        times = Times(epochs, dict(typical), stands={spec: other for spec, other in stands.items() if spec != other})
        chosen = [spec for spec, other in stands.items() if spec == other]
        restarts = 0
        with tempfile.TemporaryDirectory(prefix="tlsearch-store-") as store:
            self.start_empty(Path(store))
            for spec in chosen:
                times.exact[spec], _ = self.run(spec, min(epochs, max(sample.epochs, spec.views)), stored=False)
                say(f"{times.exact[spec].seconds:.1f} s with its views, {spec.label}")
            stored = {spec.strength for spec in chosen}
            rest = [spec for spec in specs if spec not in times.exact and spec.strength in stored]
            extra = [s for kind in KINDS for s in spread_evenly([r for r in rest if kind_of(r) == kind], sample.trials)]
            for spec in extra:
                times.typical[spec], _ = self.run(spec, min(epochs, max(sample.epochs, spec.views)), stored=True)
                say(f"{times.typical[spec].seconds:.1f} s, {spec.label}")
            # The worker is renewed in a long list; trials that were not trained did not pay their share of it.
            restarts = (len(specs) - 1) // RENEW_AFTER - (len(chosen) + len(extra) - 1) // RENEW_AFTER
            self.worker.close()
        seconds = times.total(specs) + restarts * self._restart
        trained = max(timed.epochs for timed in (times.exact | times.typical).values())
        return Totals(
            seconds=seconds, first=len(chosen), more=len(extra), epochs=trained, restarts=restarts, times=times
        )


def first_trials(specs: Sequence[TrialSpec], strengths: int) -> dict[TrialSpec, TrialSpec]:
    """The first trial of each kind and strength, in order, with the trial that stands for it.

    Together they need every view that any trial of the list needs. Which kind comes first at a strength decides how
    much of its views the others find in the store; of the strengths that the kinds reach in the same order, the first
    ``strengths`` stand for themselves and the rest by turns for one of those.
    """
    first: dict[tuple[float, str], TrialSpec] = {}
    for spec in specs:
        first.setdefault((spec.strength, kind_of(spec)), spec)
    alike: dict[tuple[str, ...], list[float]] = {}
    for strength in dict.fromkeys(strength for strength, _ in first):
        alike.setdefault(tuple(kind for other, kind in first if other == strength), []).append(strength)
    tried = {
        strength: group[n % min(strengths, len(group))] for group in alike.values() for n, strength in enumerate(group)
    }
    return {spec: first[tried[strength], kind] for (strength, kind), spec in first.items()}
