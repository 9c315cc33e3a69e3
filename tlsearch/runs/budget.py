"""The time limit and how it is shared out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from tlsearch.runs.pace import Pace

SHARES = {"profile": 0.10, "baseline": 0.25, "search": 0.50, "confirm": 0.10, "rest": 0.05}
"""Shares of the time limit, which covers everything from scan to report."""

SHARES_WITHOUT_COMPARISON = {"profile": 0.10, "baseline": 0.10, "search": 0.65, "confirm": 0.10, "rest": 0.05}
"""Where the time is too short for a fair comparison with training from scratch, whatever is spent on it claims nothing.
Then the search has most of it."""

LAST_SHARE, LAST_SECONDS = 0.30, 30.0
"""A larger share is kept for the rest of a short run, up to so many seconds."""

TRIAL_SHARE = SHARES["baseline"]
"""The share that one trial may take: a network from scratch may be trained for as long as any trial."""

TRIAL_SHARE_WITHOUT_COMPARISON = 0.35
"""It is more where no fair comparison is possible."""


@dataclass(frozen=True, kw_only=True)
class EndPrice:
    """What the end of a run takes, in seconds.

    Attributes:
        models: Making and saving the models.
        test: Loading and testing them.
        report: Writing the report and the record, and ending all processes.
        alone: All of it on a machine that does nothing else; 0 where that is not known.
    """

    models: float = 0.0
    test: float = 0.0
    report: float = 0.0
    alone: float = 0.0

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.models + self.test + self.report


NO_END = EndPrice()


@dataclass(kw_only=True)
class TimeBudget:
    """Seconds since the start, against a limit (None: no limit).

    Attributes:
        limit: The limit.
        compares: Whether there is time for a fair comparison with training from scratch.
        started: The start, on the clock of ``time.monotonic``.
        timings: Seconds by step; those of steps that go on now are not in it.
        pace: How much longer than estimated work takes.
        end: What must come after the search, from the models to the report, as it was estimated.
    """

    limit: float | None
    compares: bool = True
    started: float = field(default_factory=time.monotonic)
    timings: dict[str, float] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)
    end: EndPrice = NO_END
    _since: dict[str, float] = field(default_factory=dict)  # of steps that go on now

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def set(self, elapsed: float) -> None:
        """Take ``elapsed`` for the seconds since the start."""
        self.started = time.monotonic() - elapsed

    def spent(self) -> dict[str, float]:
        """Give the seconds by step until now, with those of steps that go on."""
        now, spent = self.elapsed(), dict(self.timings)
        for step, since in self._since.items():
            spent[step] = spent.get(step, 0.0) + now - since
        return spent

    def resume(self, elapsed: float, spent: Mapping[str, float]) -> None:
        """Take over the seconds since the start, and those by step, of an earlier attempt at the run.

        What this attempt has done until now has led to the same place, and counts for nothing.
        """
        self.set(elapsed)
        self.timings = dict(spent)
        self._since.update(dict.fromkeys(self._since, elapsed))

    def share(self, step: str) -> float | None:
        """Seconds that a step may take; None without a limit."""
        return None if self.limit is None else self._seconds_of(step, self.limit)

    def _seconds_of(self, step: str, limit: float) -> float:
        return self.end_at(self.pace) if step == "rest" else self._shares[step] * limit

    def trial_share(self) -> float | None:
        """Seconds of training that one trial may take; None without a limit."""
        return None if self.limit is None else trial_share(self.compares) * self.limit

    @property
    def _shares(self) -> Mapping[str, float]:
        return SHARES if self.compares else SHARES_WITHOUT_COMPARISON

    def left_for(self, *later: str) -> float | None:
        """Seconds that are left now when the shares of the ``later`` steps are kept for them."""
        if self.limit is None:
            return None
        return self.limit - sum(self._seconds_of(step, self.limit) for step in later) - self.elapsed()

    def price(self, seconds: float) -> float:
        """Give what work that was estimated at so many seconds will take, by what other work has taken of late."""
        return self.pace.factor * seconds

    def end_at(self, pace: Pace) -> float:
        """Give the seconds that are kept for the rest of the run at another pace; 0 without a limit."""
        return 0.0 if self.limit is None else kept_for_end(self.limit, self.end, pace.factor)

    def left_before_end(self) -> float | None:
        """Seconds that are left now, when all that comes last is kept its whole time; None without a limit.

        They may be below 0. While a search goes on, less is kept for the end on a busy machine: see ``kept_for_end``.
        """
        left, whole = self.left_for("rest"), self.left_for()
        return None if left is None or whole is None else min(left, whole - self.price(self.end.seconds))

    def left_before_report(self) -> float | None:
        """Seconds that are left now for what is good to have, when the report is kept its time; None without a limit.

        They may be below 0.
        """
        left = self.left_for()
        return None if left is None else left - self.price(self.end.report)

    def left_before_test(self) -> float | None:
        """Seconds that are left now, when test and report are kept their time; None without a limit.

        They may be below 0.
        """
        left = self.left_before_report()
        return None if left is None else left - self.price(self.end.test)

    def most(self, share: float) -> float:
        """Seconds of a share of the limit; infinite without one."""
        return float("inf") if self.limit is None else share * self.limit

    def fits(self, seconds: float, *later: str) -> bool:
        """Whether ``seconds`` more can be spent without touching the shares of the ``later`` steps."""
        left = self.left_for(*later)
        return left is None or seconds <= left

    def measure(self, step: str) -> _Stopwatch:
        """A context that adds its duration to ``timings``."""
        return _Stopwatch(self, step)


def kept_for_end(limit: float, end: EndPrice, slower: float = 1.0) -> float:
    """Give the seconds of a limit that are kept for what comes last, where work takes ``slower`` times as long.

    How busy a machine is changes from second to second. No more is kept for that than ``LAST_SHARE`` of the limit: a
    run that kept most of its time for its end, in case the machine stays as busy, would find nothing.
    """
    busy = min(slower * end.seconds, max(LAST_SHARE * limit, LAST_SECONDS))
    return rest_seconds(limit, max(end.alone, busy))


def rest_seconds(limit: float, price: float = 0.0) -> float:
    """Give the seconds for what comes last: making, loading and testing models, insights and the report.

    On a slow machine these take half a minute, however long the search was. ``price`` is what they are known to take.
    """
    return max(SHARES["rest"] * limit, min(LAST_SHARE * limit, LAST_SECONDS), price)


def trial_share(compares: bool) -> float:
    """Give the share of the time that one trial may take, with a fair comparison or without."""
    return TRIAL_SHARE if compares else TRIAL_SHARE_WITHOUT_COMPARISON


class _Stopwatch:
    def __init__(self, budget: TimeBudget, step: str) -> None:
        self._budget, self._step = budget, step

    def __enter__(self) -> None:
        self._budget._since[self._step] = self._budget.elapsed()

    def __exit__(self, *_: object) -> None:
        budget = self._budget
        budget.timings[self._step] = budget.spent()[self._step]
        del budget._since[self._step]
