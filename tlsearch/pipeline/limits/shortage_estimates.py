"""Estimates behind the warning: which aims are out of reach within a limit, and how much time or trials reach them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from itertools import count

from tlsearch.config import RunConfig
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.limits.expected_run import ExpectedRun, first_trials, tunes
from tlsearch.pipeline.measure import FIRST_VIEW_SHARE
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.scratch_time import ScratchTime, costs_of, scratch_time
from tlsearch.pipeline.workers import SHARED_CAP
from tlsearch.runs.budget import SHARES, kept_for_end, trial_share
from tlsearch.search.cost import Costs
from tlsearch.search.schedule import TrialTime, fit_schedule, left_for_trial
from tlsearch.search.space import schedule
from tlsearch.types import Candidate

SLACK = 1.2
"""How many times longer than estimated everything may take with the limit that is said to be enough."""

SLACKS = (SLACK, 1.15, 1.1, 1.05, 1.0)
"""How much longer, from the most to as estimated."""

LONGEST = 7 * 24 * 3600.0
"""Where more seconds would be needed, no limit is named."""


class Aim(Enum):
    """What a run is there to do, and needs time for."""

    TUNING = "tuning"
    COMPARISON = "comparison"
    TRIALS = "trials"


@dataclass(frozen=True, kw_only=True)
class Estimates:
    """The estimates for one run.

    Attributes:
        plan: Its plan.
        config: What was asked for.
        full_sizes: The image size of each candidate, by backbone and weights, where time does not matter.
        small: The small network as it was measured, the largest size first; empty where nothing is trained from scratch
            or where there is no limit.
        limit: The limit of the run in seconds; None without one.
        spent: The seconds until now.
        workers: The processes that train networks side by side.
    """

    plan: Plan
    config: RunConfig
    full_sizes: Mapping[tuple[str, str], int]
    small: tuple[MeasuredCandidate, ...]
    limit: float | None
    spent: float
    workers: int = 1

    def fewest_trials(self) -> int:
        """The fewest trials of which one tunes layers, as the search begins with linear probes; 1 where none does."""
        space, costs = self.plan.space, self.plan.costs
        best = (space.candidates[:1], space.candidates[:2])  # the profile may find one candidate worth it, or two
        for few in range(1, 4 * len(space.candidates) + 20):
            if all(any(map(tunes, first_trials(space, costs, candidates, few))) for candidates in best):
                return few
        return 1

    def out_of_reach(self, limit: float, trials: int, slack: float = 1.0) -> set[Aim]:
        """What ``limit`` seconds and so many trials are too short for, if all takes ``slack`` times the estimates."""
        expected = self._expected_run(limit, slack)
        found = {Aim.COMPARISON} if expected.scratch and not expected.scratch.is_fair else set()
        left = expected.left_for_search(self.spent)
        if not expected.reaches_tuning(trials, left):
            return {*found, Aim.TUNING}
        confirming = SHARES["confirm"] * expected.limit
        if self.config.trials is not None and expected.seconds_of_all(trials) > left - confirming:
            found.add(Aim.TRIALS)
        return found

    def enough(self, trials: int) -> float | None:
        """The shortest round limit, longer than that of the run, within which all is estimated to fit; None: none."""
        if self.limit is None:
            return None
        for limit in _round_limits():
            if limit > LONGEST:
                return None
            # With more slack trials are shorter, and more of them may fit: the limit must be enough with less, too.
            if limit > self.limit and not any(self.out_of_reach(limit, trials, slack) for slack in SLACKS):
                return limit
        return None

    def _expected_run(self, limit: float, slack: float) -> ExpectedRun:
        """The run with that limit: its costs and its schedule as the plan would have them."""
        plan, config, usable = self.plan, self.config, limit / slack
        facts = {c: replace(f, forward_seconds=self._forward(c, f, limit)) for c, f in plan.measured.items()}
        costs = replace(plan.costs, facts=facts, made=set(), trained_folds=1)
        scratch = self._scratch(costs, usable)
        cap = (SHARED_CAP if self.workers > 1 else 1.0) * trial_share(scratch is not None and scratch.is_fair) * usable
        before = self.spent + (scratch.total_seconds(plan.data) if scratch else 0.0)
        end = plan.end_price()
        left = left_for_trial(plan.space, costs, usable - kept_for_end(usable, end) - before)
        time = TrialTime(cap=cap, left=left, ships_again=plan.data.uses_folds or config.refit)
        space = replace(plan.space, steps=schedule(len(plan.data.fold.train), config.batch_size, config.epochs))
        space = fit_schedule(space, costs, time, fixed=config.epochs is not None)
        return ExpectedRun(
            config=config,
            data=plan.data,
            space=space,
            costs=costs,
            scratch=scratch,
            limit=usable,
            cap=cap,
            workers=self.workers,
            end=end,
        )

    def _scratch(self, costs: Costs, limit: float) -> ScratchTime | None:
        """The networks from scratch within ``limit``; None where there are none."""
        if not self.small:
            return None
        data, policy = self.plan.data, self.plan.space.policy_of("strong")
        times = costs_of(data, costs.render_seconds(policy))
        return scratch_time(self.config, data, times, self.small, costs.facts.values(), limit)

    def _forward(self, candidate: Candidate, facts: MeasuredCandidate, limit: float) -> float:
        """Seconds an image: candidates that were made smaller for want of time get more of their size with more."""
        full = self.full_sizes[candidate.backbone, candidate.weights or ""]
        if limit == self.limit or self.config.image_size is not None or full <= candidate.image_size:
            return facts.forward_seconds
        whole = facts.forward_seconds * (full / candidate.image_size) ** 2
        allowed = FIRST_VIEW_SHARE * limit / self.plan.costs.images
        return max(facts.forward_seconds, min(whole, allowed))


def _round_limits() -> Iterator[float]:
    """Limits as people say them, in seconds: 30 s, 1 to 6 minutes, 8, 10, 12, 15, 20 and so on."""
    yield from (30.0, 60.0, 90.0, 120.0, 180.0, 240.0, 300.0, 360.0, 480.0, 600.0, 720.0, 900.0)
    yield from (1200.0, 1500.0, 1800.0, 2400.0, 3000.0)
    yield from (3600.0 * hours for hours in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 16, 20))
    yield from (24 * 3600.0 * days for days in count(1))
