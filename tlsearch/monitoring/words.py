"""The sentence that says whether a model's figures still apply."""

from __future__ import annotations

from tlsearch.monitoring.drift import TwoSampleTest
from tlsearch.monitoring.record import MonitorReport, UnlikePictures
from tlsearch.report.numbers import format_p, percent
from tlsearch.utils.units import counted

TOO_FEW_PICTURES = 10
"""Fewer pictures than that show nothing: if half of them were of another source, and half of those unlike the training
images, that would more likely than not be overlooked."""

FEW_PICTURES = 30
"""Fewer pictures than that show large differences only, which is said."""


def sentence(found: MonitorReport, alarms: tuple[bool, bool, bool]) -> str:
    """Say whether the figures still apply, and why.

    Args:
        found: All but the sentence.
        alarms: Whether there are too many unlike pictures, whether features differ, and whether predicted classes do.
    """
    unlike, features, classes = alarms
    these = "this picture" if found.pictures == 1 else f"these {counted(found.pictures, 'picture')}"
    if not any(alarms) and found.pictures < TOO_FEW_PICTURES:
        return (
            f"Too few to tell whether the model's figures still apply to {these}: name at least {TOO_FEW_PICTURES}, "
            "better some hundreds."
        )
    if not any(alarms):
        few = "" if found.pictures >= FEW_PICTURES else ", but so few pictures show large differences only"
        return f"The model's figures still apply to {these}: nothing sets them apart from the training images{few}."
    reasons = []
    if unlike:
        expected = percent(found.unlike.expected)
        reasons.append(
            f"{percent(found.unlike.share)} of them are unlike the training images, where {expected} are to be expected"
        )
    if features:
        reasons.append(f"their features differ from those of the training images ({format_p(found.features.p_value)})")
    if classes:
        change = found.shares[0]
        reasons.append(
            f"their predicted classes come in other shares ({format_p(found.classes.p_value)}; {change.label} "
            f"{percent(change.before)} before and {percent(change.now)} now)"
        )
    if classes and not unlike and not features:
        return f"The model's overall figures do not apply to {these}, those of each class may: {reasons[0]}."
    *first, last = reasons
    why = f"{', '.join(first)}, and {last}" if first else last
    return f"The model's figures do not apply to {these}: {why}."


def comparison_rows(found: MonitorReport) -> list[tuple[tuple[str, str, str], bool]]:
    """Give what is compared, what was found and its p-value, and whether that is a difference."""
    unlike, expected = found.unlike, percent(found.unlike.expected)
    rows: list[tuple[str, str, UnlikePictures | TwoSampleTest]] = [
        (f"unlike the training images ({expected} expected)", f"{unlike.count:,} ({percent(unlike.share)})", unlike),
        ("features (maximum mean discrepancy)", f"{found.features.distance:.3f}", found.features),
        ("predicted classes (total variation)", percent(found.classes.distance), found.classes),
    ]
    shown = [((what, seen, format_p(of.p_value)), found.differs(of.p_value)) for what, seen, of in rows]
    if found.not_sure is not None and found.coverage is not None:
        shown.append(((f"left to a person (coverage {found.coverage:g})", percent(found.not_sure), ""), False))
    read = f"{found.pictures:,}" + (f" ({found.unread:,} not read)" if found.unread else "")
    return [(("images", read, ""), False), *shown]
