"""The numbers of a run as texts: scores, their intervals and differences, and p-values."""

from __future__ import annotations

from dataclasses import dataclass

from tlsearch.results.schema import Interval, Metrics
from tlsearch.stats.permutation import FEWEST_DISCORDANT


@dataclass(frozen=True)
class ScoreStyle:
    """How the report writes scores: as percentages where they are fractions, else as plain numbers."""

    fractions: bool

    @classmethod
    def of(cls, metrics: Metrics) -> ScoreStyle:
        """The style of a metric: a score that is made of counts is a fraction, of any other that is not known."""
        return cls(metrics.counts is not None)

    def value(self, score: float, digits: int = 1) -> str:
        """``90.3 %`` or ``0.903``."""
        return percent(score, digits) if self.fractions else format_score(score)

    def interval(self, bounds: Interval) -> str:
        """``86.9 to 92.9 %`` or ``0.869 to 0.929``."""
        if self.fractions:
            return percent_interval(bounds)
        return f"{format_score(bounds[0])} to {format_score(bounds[1])}"

    def scored(self, value: float, ci95: Interval) -> str:
        """``90.3 % (95 % interval 86.9 to 92.9 %)``."""
        return f"{self.value(value)} (95 % interval {self.interval(ci95)})"

    def spread(self, value: float) -> str:
        """A spread of scores: ``1.3`` points, or ``0.013``."""
        return f"{100 * value:.1f}" if self.fractions else format_score(value)

    def amount(self, value: float) -> str:
        """A difference without its sign: ``12.3 points``, or ``0.123``."""
        return f"{100 * abs(value):.1f} points" if self.fractions else format_score(abs(value))

    def gain(self, difference: float, ci95: Interval) -> str:
        """``+30.1 points [+22.1, +38.0]``, or ``+0.301 [+0.221 +0.380]``."""
        if self.fractions:
            return f"{points(difference)} points [{points(ci95[0])}, {points(ci95[1])}]"
        return f"{format_difference(difference)} {format_interval(ci95, sign=True)}"


def format_score(value: float) -> str:
    """A fraction with three digits: ``0.873``."""
    return f"{value:.3f}"


def format_difference(value: float) -> str:
    """A difference of fractions with its sign: ``+0.271``."""
    return ("-" if value < -0.0005 else "+") + format_score(abs(value))


def format_interval(bounds: Interval, *, sign: bool = False) -> str:
    """``[0.836 0.903]``, or ``[+0.221 +0.320]`` with signs."""
    show = format_difference if sign else format_score
    return f"[{show(bounds[0])} {show(bounds[1])}]"


def format_p(p: float | None) -> str:
    """A p-value for people: ``p = 0.034``, ``p < 0.001``, or why there is none."""
    if p is None:
        return f"no p-value (fewer than {FEWEST_DISCORDANT} images or groups tell the two apart)"
    if p < 0.001:
        return "p < 0.001"
    return "p > 0.999" if p > 0.999 else f"p = {p:.3f}"


def percent(value: float, digits: int = 1) -> str:
    """A fraction as a percentage: ``90.3 %``."""
    return f"{100 * value:.{digits}f} %"


def percent_interval(bounds: Interval) -> str:
    """An interval of fractions as percentages: ``86.9 to 92.9 %``."""
    return f"{100 * bounds[0]:.1f} to {100 * bounds[1]:.1f} %"


def points(difference: float) -> str:
    """A difference of fractions in percentage points, with its sign: ``+30.1``."""
    return f"{100 * difference:+.1f}"


def cost_at_use(megabytes: float, ms_per_image: float) -> str:
    """What a model costs at use: ``13.6 MB and 9.1 ms an image``."""
    return f"{significant(megabytes)} MB and {significant(ms_per_image)} ms an image"


def has_and_takes(megabytes: float, ms_per_image: float) -> str:
    """The same as a part of a sentence on a file: ``has 13.6 MB and takes 9.1 ms an image``."""
    return f"has {significant(megabytes)} MB and takes {significant(ms_per_image)} ms an image"


def significant(value: float) -> str:
    """A decimal, and two where a single one would say nothing."""
    return f"{value:.1f}" if value >= 0.995 else f"{value:.2f}"
