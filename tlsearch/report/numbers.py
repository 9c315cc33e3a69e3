"""Scores, differences and intervals as the terminal shows them."""

from __future__ import annotations

from tlsearch.results.schema.run import Interval


def score(value: float) -> str:
    """A fraction with three digits and no leading zero: ``.873``, ``1.000``."""
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 0.9995 else f"{value:.3f}"


def signed(value: float) -> str:
    """A difference with its sign: ``+.271``."""
    return ("-" if value < -0.0005 else "+") + score(abs(value))


def interval(bounds: Interval, *, sign: bool = False) -> str:
    """``[.836 .903]``, or ``[+.221 +.320]`` with signs."""
    show = signed if sign else score
    return f"[{show(bounds[0])} {show(bounds[1])}]"
