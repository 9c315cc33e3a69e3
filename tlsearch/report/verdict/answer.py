"""Yes, no or cannot tell: what the interval and the p-value of a gain come to."""

from __future__ import annotations

from tlsearch.report.text import SIGNIFICANT
from tlsearch.results.schema import Answer, Interval

WORTH = 0.03
"""A gain that is surely smaller than three points is not worth a model that costs more."""


def answer_of(ci95: Interval, p_value: float | None, *, fractions: bool) -> Answer:
    """Answer yes where a gain is shown, no where there is surely none that is worth anything.

    Where too few images differ there is no p-value, and an interval that excludes 0 all the same is no evidence.
    ``fractions`` says whether scores are fractions, so that it is known what is worth anything.
    """
    if ci95[0] > 0 and _is_significant(p_value):
        return "yes"
    if is_worse(ci95, p_value) or (fractions and ci95[1] < WORTH):
        return "no"
    return "cannot tell"


def is_worse(ci95: Interval, p_value: float | None) -> bool:
    """Whether a loss is shown."""
    return ci95[1] < 0 and _is_significant(p_value)


def _is_significant(p_value: float | None) -> bool:
    return p_value is not None and p_value < SIGNIFICANT
