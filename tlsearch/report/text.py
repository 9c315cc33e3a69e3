"""The texts for the numbers of a run: terminal, report and MLflow all take them from here.

A validation figure is *selected, optimistic*: it chose the winner. A *corrected* figure is what the best of the
trials scores on images that did not select it. A *confirmed* figure comes from resampled folds, its two spreads
apart. A test figure is *tested once* where that test set was never opened before, else *tested*, with the count of
how often it has been opened.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from tlsearch.report.numbers import (
    format_difference,
    format_interval,
    format_p,
    format_score,
)
from tlsearch.results.schema import (
    Confirmed,
    Corrected,
    Gain,
    Interval,
    LeftOut,
    Metrics,
)
from tlsearch.stats.intervals import SCORE_INTERVAL
from tlsearch.utils.units import counted

SELECTED = "selected, optimistic"
CONFIRMED = "confirmed on resampled folds"
CORRECTED = "corrected for the selection"
TESTED, TESTED_ONCE = "tested", "tested once"
SIGNIFICANT = 0.05
"""A gain is claimed below this p-value, and where its interval excludes 0."""

NO_CLAIM = "(no claim: there is no fair comparison)"
STATES: Mapping[str, str] = {
    "complete": "complete",
    "pruned": "stopped early",
    "failed": "failed",
    "timed_out": "out of time",
}
"""How a trial ended, in words, in the order in which they are counted."""

ROLES: Mapping[str, str] = {"trial": "trial", "baseline": "from scratch", "confirmation": "confirmation"}

OVER_SCRATCH = "gain over training from scratch"
OVER_PROBE = "gain over the linear probe"


def moment(started: str) -> str:
    """``2026-11-22 10:12 UTC`` of an ISO 8601 time; empty where there is none. Folders have the time of the place."""
    zone = " UTC" if started.endswith(("+00:00", "Z")) else ""
    return started[:16].replace("T", " ") + zone


def metric_name(name: str) -> str:
    """A metric as people call it: ``macro_f1`` is macro F1."""
    return re.sub(r"\bf(?=\d)", "F", name.replace("_", " "))


def metric_explained(metrics: Metrics) -> str:
    """``balanced accuracy (the mean over ...)``, or the name alone where the metric's plugin does not explain it."""
    return metric_name(metrics.name) + (f" ({metrics.meaning})" if metrics.meaning else "")


def guessing(*, counts: bool) -> str:
    """What a network that has learned nothing does as well as, in a score that is made of counts, or in another one."""
    return "always guessing the most frequent class" if counts else "the best answer that is the same for every image"


def by_method(metrics: Metrics) -> str:
    """What stands behind an interval that has no formula: ``by stratified bootstrap``, else nothing."""
    return "" if metrics.interval_method == SCORE_INTERVAL else f"by {metrics.interval_method}"


# What a figure is


def validation(val_folds: int, of_folds: int) -> str:
    """What a validation figure is: from the validation part, or from ``val_folds`` of ``of_folds`` folds."""
    if of_folds == 1:
        return "validation"
    return f"mean of {val_folds} folds" if val_folds > 1 else f"fold 1 of {of_folds}"


def selected(val_folds: int, of_folds: int) -> str:
    """What the validation figure of the winner is, and what is wrong with it."""
    return f"{validation(val_folds, of_folds)} ({SELECTED})"


def corrected(found: Corrected) -> str:
    """``corrected for the selection from 30 trials, on the 60 images that all have``: what a corrected figure is.

    Those may be few of the images that the figure of the winner is about: a linear probe has more folds than others.
    """
    return f"{CORRECTED} from {counted(found.trials, 'trial')}, on the {found.images:,} images that all have"


def confirmed_on(confirmed: Confirmed) -> str:
    """``confirmed on 3 resampled folds``."""
    return f"confirmed on {folds(confirmed, 'resampled ')}"


def folds(confirmed: Confirmed, kind: str = "") -> str:
    """``3 folds``, or ``3 resampled folds``."""
    return counted(confirmed.folds, f"{kind}fold")


def spreads(confirmed: Confirmed, show: Callable[[float], str] = format_score, sign: str = "+-") -> str:
    """``seeds +- 0.006, sampling +- 0.017``; the two answer different questions and are never added up."""
    found = []
    if confirmed.seed_spread is not None:  # where it is 0, the seeds that were tried differ in nothing
        found.append(f"seeds {sign} {show(confirmed.seed_spread)}" if confirmed.seed_spread else "seeds alike")
    if confirmed.sampling_error is not None:
        found.append(f"sampling {sign} {show(confirmed.sampling_error)}")
    return ", ".join(found)


PREFERRED: Mapping[str | None, str] = {
    None: "it costs least at use, and of equals it is the simplest",
    "small": "it has the smallest file",
    "fast": "it is the fastest",
    "accurate": "it has the best score",
}
"""Why one of several that are as good is chosen, by what was preferred."""


def level(others: int, prefer: str | None = None) -> str:
    """What to say where ``others`` configurations are as good as the winner, as far as the folds can tell."""
    one = "1 other cannot" if others == 1 else f"{others} others cannot"
    return f"({one} be told apart from it; {PREFERRED[prefer]})"


def tested(times: int | None) -> str:
    """What a test figure is where the test set has been opened ``times`` times: once is said only of once."""
    return TESTED if times is not None and times > 1 else TESTED_ONCE


def openings(times: int) -> str:
    """How often a test set has been opened, in words: by runs that look at its images, as far as a ledger has them."""
    if times == 1:
        return "no recorded run had looked at these test images before"
    return f"runs have looked at these test images {times} times, this one included"


def states(found: Iterable[str]) -> str:
    """``10 complete, 2 stopped early``: how many trials ended in which way, by their states."""
    counts = Counter(found)
    return ", ".join(f"{counts[state]} {state_text}" for state, state_text in STATES.items() if counts[state])


def above_selected(metrics: Metrics) -> str:
    """Why the corrected figure may be better than the winner's own; empty where it is not.

    It never lies above the figure that it corrects, which is that of the best trial on the images that all trials have.
    """
    found = metrics.corrected
    if found is None or metrics.sign * (found.value - metrics.val) <= 0:
        return ""
    return (
        f" (it is better than the winner's, because it is the figure of the trial that was best on the "
        f"{found.images:,} images)"
    )


def gain_lines(gain: Gain | None, no_claim: str = "") -> list[str]:
    """Both gains on test with interval and p-value, in fractions.

    One is over training from scratch, the other over the linear probe; what there is not is left out. ``no_claim``
    says why the first claims nothing.
    """
    lines = []
    if gain is not None and gain.test is not None and gain.ci95 is not None:
        evidence = NO_CLAIM if no_claim else format_p(gain.p_value)
        lines.append(f"{OVER_SCRATCH} {_gained(gain.test, gain.ci95)} {evidence}")
    over = gain.over_linear_probe if gain is not None else None
    if over is not None:
        lines.append(f"{OVER_PROBE} {_gained(over.difference, over.ci95)} {format_p(over.p_value)}")
    return lines


def _gained(difference: float, ci95: Interval) -> str:
    return f"{format_difference(difference)} {format_interval(ci95, sign=True)}"


def by_reason(left_out: Sequence[LeftOut]) -> dict[str, list[str]]:
    """The names of what is left out by reason; a reason that several have in common says NAME for each of them."""
    grouped: dict[str, list[LeftOut]] = {}
    for item in left_out:
        grouped.setdefault(item.reason.replace(item.name, "NAME"), []).append(item)
    return {
        items[0].reason if len(items) == 1 else reason: [item.name for item in items]
        for reason, items in grouped.items()
    }
