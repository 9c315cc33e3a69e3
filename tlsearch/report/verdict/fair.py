"""Whether the comparison with a network from scratch is fair: why a gain over it is not claimed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tlsearch.report import text as words
from tlsearch.report.numbers import ScoreStyle
from tlsearch.report.verdict.answer import answer_of, is_worse
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Gain
from tlsearch.stats.trend import Rise, has_begun
from tlsearch.utils.units import counted

PACE = "going by its curve,"
"""How ``stats.trend.extrapolate`` goes on."""


class Trained(Protocol):
    """What is known of the training of a network from scratch: ``schema.Baseline`` and ``BaselineResult`` have it."""

    @property
    def epochs(self) -> int:
        """How often it saw each training image."""

    @property
    def whole_epochs(self) -> int | None:
        """The epochs of the whole schedule; None where they are not known."""

    @property
    def stopped_by(self) -> str:
        """``schedule`` or ``time``."""

    @property
    def no_claim(self) -> str:
        """Why nothing is claimed, whatever test says."""

    @property
    def rise(self) -> Rise | None:
        """What it would gain in the rest of the schedule, or in as much again; None where that cannot be told."""


@dataclass(frozen=True, kw_only=True)
class OnTest:
    """What test says of a network from scratch.

    ``score`` is its own, ``guessing`` the best one without a look at the image, ``gain`` the winner's gain over it, and
    ``sign`` that of the metric.
    """

    score: float
    guessing: float | None
    gain: Gain | None
    sign: float
    style: ScoreStyle


def guesses(score: float, guessing: float | None, sign: float) -> bool:
    """Whether a score is no better than ``guessing``, the best without a look; ``sign`` is the metric's."""
    return guessing is not None and sign * (score - guessing) <= 0


def reason_against(scratch: Trained, test: OnTest) -> str:
    """Say why no gain over a network from scratch is claimed; empty where one may be, or where test shows none.

    A network that was stopped before the end of its schedule would have gone on learning. A gain over it is claimed
    only where its curve can tell the rest (``stats.trend.has_begun``), and where the gain would be shown if the network
    had gained what ``stats.trend.extrapolate`` says. The latter also holds for one that still learns at the end of the
    whole schedule, and twice the training.

    Where test shows a loss, or surely no gain that is worth anything over a network that knows something, nothing is
    unfair to pre-training: a network from scratch that had less than its due would only be better with it.
    """
    gain, fractions = test.gain, test.style.fractions
    knows_nothing = guesses(test.score, test.guessing, test.sign)
    if gain is not None and gain.ci95 is not None:
        answer = answer_of(gain.ci95, gain.p_value, fractions=fractions)
        if answer == "no" and (not knows_nothing or is_worse(gain.ci95, gain.p_value)):
            return ""
    if scratch.no_claim:
        return scratch.no_claim
    if knows_nothing and test.guessing is not None:
        value = test.style.value(test.guessing)
        return f"on test it is no better than {words.guessing(counts=fractions)} ({value})"
    if gain is None or gain.test is None or gain.ci95 is None or gain.ci95[0] <= 0:
        return ""
    if is_unfinished(scratch) and (scratch.rise is None or not _has_begun(scratch, test, gain.test)):
        return f"{ended(scratch)}, too early to tell how far it would have come"
    rise = rise_to_come(scratch)
    if rise is not None and not rise.leaves(gain.test, gain.ci95):
        more = test.style.amount(rise.gain)
        within = " in as many more" if still_learns(scratch) else ""
        return (
            f"{ended(scratch)}, and {PACE} its score would rise by another {more}{within}, too near to the gain on test"
        )
    return ""


def rise_to_come(scratch: Trained) -> Rise | None:
    """What more training would bring: the rest of the schedule, or as much again to a network that still learns.

    None where nothing is to come, or nothing is known of it.
    """
    return scratch.rise if is_unfinished(scratch) or still_learns(scratch) else None


def still_learns(scratch: Trained) -> bool:
    """Whether its curve still rises by more than its noise, although the whole schedule is over."""
    return not is_unfinished(scratch) and scratch.rise is not None and scratch.rise.is_clear


def _has_begun(scratch: Trained, test: OnTest, gain: float) -> bool:
    """Whether the network has learned enough to tell the rest; where guessing has no score, by its epochs alone."""
    done = scratch.epochs / scratch.whole_epochs if scratch.whole_epochs else 1.0
    learned = gain if test.guessing is None else test.sign * (test.score - test.guessing)
    return has_begun(learned, gain, done)


def no_claim(result: RunResult) -> str:
    """Say why a comparison with the network from scratch claims nothing; empty where it does, or there is none."""
    scratch, metrics = result.baseline, result.metrics
    if scratch is None:
        return ""
    test = OnTest(
        score=scratch.test,
        guessing=metrics.majority,
        gain=result.gain,
        sign=metrics.sign,
        style=ScoreStyle.of(metrics),
    )
    return reason_against(scratch, test)


def is_unfinished(scratch: Trained) -> bool:
    """Whether a part of the schedule is left."""
    return scratch.whole_epochs is not None and scratch.epochs < scratch.whole_epochs


def epochs_of(scratch: Trained) -> str:
    """``15 of 60 epochs``, or ``60 epochs``."""
    if is_unfinished(scratch):
        return f"{scratch.epochs} of {scratch.whole_epochs} epochs"
    return counted(scratch.epochs, "epoch")


def ended(scratch: Trained) -> str:
    """When its training ended, and why."""
    if scratch.stopped_by == "time":
        return f"its time was over after {epochs_of(scratch)}"
    return f"it was trained for {epochs_of(scratch)}{' and still learns' if still_learns(scratch) else ''}"
