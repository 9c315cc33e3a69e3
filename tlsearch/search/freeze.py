"""How much the user wants frozen, as a number of cut points of each candidate."""

from __future__ import annotations

from collections.abc import Mapping

from tlsearch.errors import UsageError
from tlsearch.models.cuts import Cuts
from tlsearch.utils.texts import hint

ALL = "all"


def frozen_depths(freeze: str | None, cuts: Mapping[str, Cuts]) -> tuple[tuple[str, int], ...]:
    """Give what ``--freeze`` says for each candidate, whose cut points ``cuts`` holds by its label.

    ``freeze`` is "all", the name of a cut point, up to which everything is frozen, or a number of cut points; None
    leaves it to the search.

    Raises:
        UsageError: A candidate has no such cut point.
    """
    return () if freeze is None else tuple((label, _depth(freeze, label, found)) for label, found in cuts.items())


def _depth(freeze: str, label: str, cuts: Cuts) -> int:
    names = [cut.name for cut in cuts]
    if freeze == ALL:
        return len(cuts)
    if freeze in names:
        return names.index(freeze) + 1
    if freeze.isdecimal() and int(freeze) <= len(cuts):
        return int(freeze)
    choices = f"give {ALL}, a number from 0 to {len(cuts)}, or one of {', '.join(names)}"
    raise UsageError(f"--freeze is {freeze!r}, but {label} has no such cut point: {hint(freeze, names, choices)}")
