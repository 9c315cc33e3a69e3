"""What a run with a certain limit of time would come to, by what the plan has measured of the candidates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import mean

from tlsearch.config import RunConfig
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.baseline import UNLIMITED_EPOCHS, sized_for
from tlsearch.pipeline.baseline.affordable import ENOUGH_EPOCHS, costs_of, share_of
from tlsearch.pipeline.context import Data
from tlsearch.pipeline.search import MARGIN
from tlsearch.pipeline.workers import SHARED_CAP
from tlsearch.runs.budget import SHARES
from tlsearch.search.cost import FIXED_SECONDS, HALVING_WORK, Costs
from tlsearch.search.space import SearchSpace, schedule
from tlsearch.search.warm_start import warm_start
from tlsearch.training.batches import steps_per_epoch
from tlsearch.types import Candidate, TrialSpec


def first_trials(space: SearchSpace, costs: Costs, best: tuple[Candidate, ...], trials: int) -> list[TrialSpec]:
    """The trials that a search begins with.

    The profile is not known yet; what it says of inner cuts changes neither the kinds of these trials nor their number.
    """
    profile = {c: [0.0] * c.depth for c in space.candidates}
    entries = warm_start(space, profile, best, lambda params: costs.operations(space.spec(params)), trials)
    return [space.spec(params) for params in entries[:trials]]


def tunes(spec: TrialSpec) -> bool:
    """Whether a trial tunes layers of a pre-trained network."""
    return spec.kind == "fine_tuning"


@dataclass(frozen=True)
class Scratch:
    """Training from scratch: the seconds that it takes, and whether they are enough for a fair comparison."""

    seconds: float
    is_fair: bool


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """A run with a limit.

    Attributes:
        config: What was asked for.
        data: The images.
        space: The search space, with the schedule that fits the limit.
        costs: What trials cost.
        small: The small network as it was measured; None where nothing is trained from scratch.
        limit: Seconds from scan to report.
        cap: The seconds of training that one trial may take.
        workers: The processes that run trials side by side.
    """

    config: RunConfig
    data: Data
    space: SearchSpace
    costs: Costs
    small: MeasuredCandidate | None
    limit: float
    cap: float
    workers: int = 1

    def scratch(self) -> Scratch:
        """The networks from scratch, trained as the step ``baseline`` trains them.

        A comparison is fair with 30 epochs, or with as many steps as a trial has where those are fewer.
        """
        if self.small is None:
            return Scratch(0.0, is_fair=True)
        images, share = len(self.data.fold.train), share_of(self.data, SHARES["baseline"] * self.limit)
        times = costs_of(self.data)
        a_trial = schedule(images, self.config.batch_size, None) / steps_per_epoch(images, self.config.batch_size)
        wanted = self.config.epochs or round(max(UNLIMITED_EPOCHS, a_trial))
        small = sized_for(self.small, self.data, share)
        large = min(self.costs.facts.values(), key=lambda facts: times.halving_seconds(facts, ENOUGH_EPOCHS))
        both = times.halving_seconds(large, ENOUGH_EPOCHS) <= share / 2
        budget = share / 2 if both else share
        seconds = sum(min(budget, times.halving_seconds(n, wanted)) for n in ((small, large) if both else (small,)))
        epochs = round(min(ENOUGH_EPOCHS, wanted, a_trial))
        return Scratch(seconds, is_fair=times.halving_seconds(small, epochs) <= budget)

    def left_for_search(self, spent: float) -> float:
        """Seconds for the search and what follows it, once ``spent`` seconds have passed before the profile."""
        views = sum(facts.forward_seconds for facts in self.costs.facts.values()) * self.costs.images
        scratch = self.scratch().seconds
        again = scratch / HALVING_WORK if self.data.uses_folds else 0.0  # what ships sees the whole pool
        before = spent + views + FIXED_SECONDS * len(self.costs.facts) + scratch
        return (1 - SHARES["rest"]) * self.limit - before - again

    def reaches_tuning(self, trials: int, left: float) -> bool:
        """Whether a trial that tunes layers of some candidate fits into ``left`` seconds, behind the linear probes.

        Where the user wants all layers frozen there is nothing to reach.
        """
        return not self.space.tunes_layers or any(
            self._reaches_tuning(best, trials, left) for best in self.space.candidates
        )

    def _reaches_tuning(self, best: Candidate, trials: int, left: float) -> bool:
        for spec, seconds in self._timed(best, trials):
            if not tunes(spec):
                left -= seconds
            elif MARGIN * seconds + self._shipping(spec) <= left:
                return True
        return False

    def seconds_of_all(self, trials: int) -> float:
        """Seconds for so many trials: the first ones, and others that take as long as those do on average."""
        return min(self._seconds_of_all(best, trials) for best in self.space.candidates)

    def _seconds_of_all(self, best: Candidate, trials: int) -> float:
        seconds = [seconds for _, seconds in self._timed(best, trials)]
        alone = sum(seconds) + max(0, trials - len(seconds)) * mean(seconds or [0.0])
        return alone * SHARED_CAP / self.workers if self.workers > 1 else alone

    def _timed(self, best: Candidate, trials: int) -> Iterator[tuple[TrialSpec, float]]:
        """The first trials that one trial's share of the time allows, and how long each takes after those before it."""
        costs = replace(self.costs, made=set())
        costs.remember_profile()
        for spec in first_trials(self.space, costs, (best,), trials):
            if costs.train_seconds(spec) <= self.cap:
                # A linear probe takes little more on five folds than on one: 1.4 s where the estimate says 1.5 a fold.
                training = costs.fold_seconds(spec) if spec.is_linear_probe else costs.train_seconds(spec)
                yield spec, training + costs.view_seconds(spec)
                costs.remember(spec)

    def _shipping(self, spec: TrialSpec) -> float:
        """Seconds in which the model that ships is trained once more."""
        return self.costs.fold_seconds(spec) if self.data.uses_folds or self.config.refit else 0.0
