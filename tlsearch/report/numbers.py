"""Scores, differences and intervals as the terminal shows them."""

from __future__ import annotations

from tlsearch.results.schema import Interval


def score(value: float) -> str:
    """A fraction with three digits: ``0.873``."""
    return f"{value:.3f}"


def signed(value: float) -> str:
    """A difference with its sign: ``+0.271``."""
    return ("-" if value < -0.0005 else "+") + score(abs(value))


def interval(bounds: Interval, *, sign: bool = False) -> str:
    """``[0.836 0.903]``, or ``[+0.221 +0.320]`` with signs."""
    show = signed if sign else score
    return f"[{show(bounds[0])} {show(bounds[1])}]"
