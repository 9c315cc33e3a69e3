"""The run that a limit of time leads to: its first trials, the time left for its search, and whether layers are tuned.

All of it follows from what the plan has measured of the candidates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import mean

from tlsearch.config import RunConfig
from tlsearch.pipeline.context import Data
from tlsearch.pipeline.scratch_time import ScratchTime
from tlsearch.pipeline.workers import SHARED_CAP
from tlsearch.runs.budget import NO_END, EndPrice, kept_for_end
from tlsearch.search.cost import FIXED_SECONDS, Costs
from tlsearch.search.schedule import MARGIN
from tlsearch.search.space import SearchSpace
from tlsearch.search.warm_start import warm_start
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


@dataclass(frozen=True, kw_only=True)
class ExpectedRun:
    """A run with a limit of time, as it is expected to go.

    Attributes:
        config: What was asked for.
        data: The images.
        space: The search space, with the schedule that fits the limit.
        costs: What trials cost.
        scratch: Training from scratch; None where nothing is.
        limit: Seconds from scan to report.
        cap: The seconds of training that one trial may take.
        workers: The processes that train networks side by side.
        end: What the end of the run is known to take.
    """

    config: RunConfig
    data: Data
    space: SearchSpace
    costs: Costs
    scratch: ScratchTime | None
    limit: float
    cap: float
    workers: int = 1
    end: EndPrice = NO_END

    def left_for_search(self, spent: float) -> float:
        """Seconds for the search and what follows it, once ``spent`` seconds have passed before the profile."""
        views = sum(facts.forward_seconds for facts in self.costs.facts.values()) * self.costs.images
        scratch = self.scratch.total_seconds(self.data) if self.scratch else 0.0
        before = spent + views + FIXED_SECONDS * len(self.costs.facts) + scratch
        return self.limit - kept_for_end(self.limit, self.end) - before

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
