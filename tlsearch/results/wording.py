"""Numbers and findings of a run as people read them: percentages, durations, and the verdict in sentences."""

from __future__ import annotations

from tlsearch.results.parts import Difference, Gain, Interval
from tlsearch.results.result import RunResult
from tlsearch.results.statistics import format_p

METRICS = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1"}


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
    if baseline is not None and baseline.still_improving:
        equal = "The comparison is at equal compute; the" if baseline.stopped_by == "time" else "The"
        sentences.append(f"{equal} network from scratch was still improving.")
    if baseline is not None and baseline.not_affordable:
        names = ", ".join(baseline.not_affordable)
        sentences.append(f"Not affordable from scratch within the time: {names}.")
    return sentences


def _over_scratch(gain: Gain, architecture: str) -> str:
    ci = gain.ci95
    if gain.test is None or ci is None:
        raise ValueError("a gain over the baseline has a difference and an interval")
    figures = f"{points(gain.test)} points [{points(ci[0])}, {points(ci[1])}]"
    evidence = _evidence(gain.mcnemar_midp, gain.permutation_p, gain.discordant)
    if ci[0] > 0:
        return f"Reuse beats {architecture} trained from scratch by {figures}{evidence}."
    if ci[1] < 0:
        return f"{architecture} trained from scratch beats reuse: {figures}{evidence}."
    return f"No gain over {architecture} trained from scratch is shown: {figures}{evidence}."


def _over_probe(over: Difference) -> str:
    figures = f"{points(over.difference)} points [{points(over.ci95[0])}, {points(over.ci95[1])}]"
    evidence = _evidence(over.mcnemar_midp, over.permutation_p, over.discordant)
    if over.ci95[0] > 0:
        return f"Searching paid: over the best linear probe {figures}{evidence}."
    if over.ci95[1] < 0:
        return f"The best linear probe is better than what the search chose: {figures}{evidence}."
    return f"Over the best linear probe no gain is shown: {figures}{evidence}."


def _evidence(midp: float | None, permutation: float | None, discordant: tuple[int, int] | None) -> str:
    p = midp if midp is not None else permutation
    counts = ""
    if discordant is not None:
        images = "image" if discordant[0] == 1 else "images"
        counts = f"; {discordant[0]} {images} only the winner has right, {discordant[1]} only the other"
    return f", {format_p(p)}{counts}"
