"""How much longer work takes than it was estimated to: estimates are made once, and the load of a machine changes."""

from __future__ import annotations

import math
from dataclasses import dataclass

HALF_LIFE = 60.0
"""Seconds of later work after which a piece of work counts half: what the machine does now is what matters."""

PRIOR_SECONDS = 5.0
"""Seconds of work that is imagined to have taken as long as estimated: a little piece proves little."""

MOST = 20.0
"""The largest factor: beyond it the estimate was wrong, and not the machine busy."""


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """The seconds that a trial was estimated to take.

    Attributes:
        before: For the views and features that it reads, before it is trained.
        training: For its training.
    """

    before: float
    training: float

    def until(self, fraction: float) -> float:
        """Give the seconds until so much of its training, 0 to 1, is done."""
        return self.before + fraction * self.training


@dataclass
class Pace:
    """What pieces of work took, beside what they were estimated to take. Recent ones count most.

    Attributes:
        took: Seconds that they took.
        estimated: Seconds that they were estimated to take.
        now: How many times longer a thread takes at this moment than when estimates were made; 1 where nobody has
            looked. It is known before any work was slow.
    """

    took: float = 0.0
    estimated: float = 0.0
    now: float = 1.0

    def note(self, estimated: float, took: float) -> None:
        """Take in a piece of work; both in seconds. One without an estimate (0) says nothing.

        One that took less counts as if it had taken as long: a part of it was stored already, or its estimate was
        generous, and the machine need not be faster.
        """
        if estimated <= 0 or took < 0:
            return
        older = 0.5 ** (took / HALF_LIFE)
        self.took = older * self.took + took
        self.estimated = older * self.estimated + min(estimated, took)

    def note_unfinished(self, estimated: float, took: float) -> None:
        """Take in a piece of work that was ended early: it says something only where it took longer than estimated."""
        if took > estimated:
            self.note(estimated, took)

    def note_until(self, estimated: Estimated, fraction: float, took: float) -> None:
        """Take in a trial of which so much, 0 to 1, was trained when it ended; 0 is none, or is not known."""
        if fraction > 0:
            self.note(estimated.until(fraction), took)
        else:
            self.note_unfinished(estimated.before, took)

    @property
    def factor(self) -> float:
        """How many times longer than estimated work takes now; never less than 1, for the next piece may not."""
        ratio = (self.took + PRIOR_SECONDS) / (self.estimated + PRIOR_SECONDS)
        return min(MOST, max(1.0, ratio, self.now)) if math.isfinite(ratio) else MOST
