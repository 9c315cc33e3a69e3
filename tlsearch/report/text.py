"""The words for the numbers of a run: terminal, report and MLflow all take them from here.

A validation figure is *selected, optimistic*: it chose the winner. A *confirmed* figure comes from resampled folds,
its two spreads apart. A test figure is *tested once*, with the count of how often that test set has been opened.
"""

from __future__ import annotations

from collections.abc import Callable

from tlsearch.report.numbers import interval as bracket
from tlsearch.report.numbers import signed
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Baseline, Confirmed, Difference, Gain, Interval
from tlsearch.stats.intervals import FEWEST_DISCORDANT

METRICS = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1"}

SELECTED = "selected, optimistic"
CONFIRMED = "confirmed on resampled folds"
TESTED = "tested once"
SIGNIFICANT = 0.05
"""A gain is claimed below this p-value, and where its interval excludes 0."""

OVER_SCRATCH = "gain over training from scratch"
OVER_PROBE = "gain over the linear probe"


def metric_name(name: str) -> str:
    """A metric as people call it."""
    return METRICS.get(name, name.replace("_", " "))


def validation(val_folds: int, of_folds: int) -> str:
    """What a validation figure is: from the validation part, or from ``val_folds`` of ``of_folds`` folds."""
    if of_folds == 1:
        return "validation"
    return f"mean of {val_folds} folds" if val_folds > 1 else f"fold 1 of {of_folds}"


def selected(val_folds: int, of_folds: int) -> str:
    """What the validation figure of the winner is, and what is wrong with it."""
    return f"{validation(val_folds, of_folds)} ({SELECTED})"


def confirmed_on(confirmed: Confirmed) -> str:
    """``confirmed on 3 resampled folds``."""
    return f"confirmed on {folds(confirmed, 'resampled ')}"


def folds(confirmed: Confirmed, kind: str = "") -> str:
    """``3 folds``, or ``3 resampled folds``."""
    return f"{confirmed.folds} {kind}fold{'s' if confirmed.folds != 1 else ''}"


def spreads(confirmed: Confirmed, show: Callable[[float], str], sign: str = "+-") -> str:
    """``seeds +- 0.006, sampling +- 0.017``; the two answer different questions and are never added up."""
    known = (("seeds", confirmed.seed_spread), ("sampling", confirmed.sampling_error))
    return ", ".join(f"{name} {sign} {show(value)}" for name, value in known if value is not None)


def openings(times: int) -> str:
    """``this test set: opened 2 times``."""
    return f"this test set: opened {times} time{'s' if times != 1 else ''}"


def format_p(p: float | None) -> str:
    """A p-value for people: ``p = 0.034``, ``p < 0.001``, or why there is none."""
    if p is None:
        return f"no p-value (fewer than {FEWEST_DISCORDANT} discordant pairs or groups)"
    if p < 0.001:
        return "p < 0.001"
    return "p > 0.999" if p > 0.999 else f"p = {p:.3f}"


def gain_lines(gain: Gain | None) -> list[str]:
    """Both gains on test with interval and p-value, in fractions: over training from scratch and over the linear
    probe, where there are."""
    lines = []
    if gain is not None and gain.test is not None and gain.ci95 is not None:
        lines.append(f"{OVER_SCRATCH} {signed(gain.test)} {bracket(gain.ci95, sign=True)} {format_p(gain.p_value)}")
    over = gain.over_linear_probe if gain is not None else None
    if over is not None:
        figures = f"{signed(over.difference)} {bracket(over.ci95, sign=True)} {format_p(over.p_value)}"
        lines.append(f"{OVER_PROBE} {figures}")
    return lines


def percent(value: float, digits: int = 1) -> str:
    """A fraction as a percentage: ``90.3 %``."""
    return f"{100 * value:.{digits}f} %"


def interval(ci: Interval) -> str:
    """An interval of fractions: ``86.9 to 92.9 %``."""
    return f"{100 * ci[0]:.1f} to {100 * ci[1]:.1f} %"


def points(difference: float) -> str:
    """A difference of fractions in percentage points, with its sign: ``+30.1``."""
    return f"{100 * difference:+.1f}"


def duration(seconds: float) -> str:
    """Seconds as ``0.4 s``, ``45 s``, ``6m 12s`` or ``1h 05m``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02}m"


def verdict(result: RunResult) -> list[str]:
    """What the run shows, a sentence a claim: over training from scratch, over a linear probe, and the fine
    print that goes with them."""
    gain, baseline = result.gain, result.baseline
    sentences = []
    if gain is not None and gain.test is not None and baseline is not None:
        sentences.append(_over_scratch(gain, baseline.architecture))
    else:
        sentences.append("No baseline was trained from scratch, so no gain over it is claimed.")
    if gain is not None and gain.over_linear_probe is not None:
        sentences.append(_over_probe(gain.over_linear_probe))
    if baseline is not None:
        sentences += _about_scratch(baseline)
        guessing = result.metrics.majority
        if guessing is not None and baseline.test <= guessing:
            sentences.append(
                f"The network from scratch is no better than always guessing the most frequent class "
                f"({percent(guessing)}): it has learned nothing in its time, and the gain over it says little."
            )
    if result.metrics.test_opened is not None and result.metrics.test_opened > 1:
        times = result.metrics.test_opened
        sentences.append(
            f"This test set has now been opened {times} times: the more often a choice follows such a look, the less "
            "its figures are those of new images."
        )
    return sentences


def _over_scratch(gain: Gain, architecture: str) -> str:
    ci = gain.ci95
    if gain.test is None or ci is None:
        raise ValueError("a gain over the baseline has a difference and an interval")
    figures = f"{points(gain.test)} points [{points(ci[0])}, {points(ci[1])}]"
    evidence = _evidence(gain.p_value, gain.discordant)
    if ci[0] > 0 and _significant(gain):
        return f"Reuse beats {architecture} trained from scratch by {figures}{evidence}."
    if ci[1] < 0 and _significant(gain):
        return f"{architecture} trained from scratch beats reuse: {figures}{evidence}."
    return f"No gain over {architecture} trained from scratch is shown: {figures}{evidence}."


def _over_probe(over: Difference) -> str:
    figures = f"{points(over.difference)} points [{points(over.ci95[0])}, {points(over.ci95[1])}]"
    evidence = _evidence(over.p_value, over.discordant)
    if over.ci95[0] > 0 and _significant(over):
        return f"Searching paid: over the best linear probe {figures}{evidence}."
    if over.ci95[1] < 0 and _significant(over):
        return f"The best linear probe is better than what the search chose: {figures}{evidence}."
    return f"Over the best linear probe no gain is shown: {figures}{evidence}."


def _significant(over: Gain | Difference) -> bool:
    """Whether the test of no difference agrees that there is one: where too few images differ there is no p-value, and
    an interval that excludes 0 all the same is no evidence."""
    p = over.p_value
    return p is not None and p < SIGNIFICANT


def _about_scratch(baseline: Baseline) -> list[str]:
    sentences = []
    if baseline.still_improving:
        equal = "The comparison is at equal compute; the" if baseline.stopped_by == "time" else "The"
        sentences.append(f"{equal} network from scratch was still improving.")
    if baseline.not_affordable:
        sentences.append(f"Not affordable from scratch within the time: {', '.join(baseline.not_affordable)}.")
    return sentences


def _evidence(p: float | None, discordant: tuple[int, int] | None) -> str:
    counts = ""
    if discordant is not None:
        images = "image" if discordant[0] == 1 else "images"
        counts = f"; {discordant[0]} {images} only the winner has right, {discordant[1]} only the other"
    return f", {format_p(p)}{counts}"
