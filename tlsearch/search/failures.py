"""Trials that fail in a row: by one plugin, which is then left out, or for one reason, which ends the search."""

from __future__ import annotations

from collections.abc import Sequence

from tlsearch.search.trial_record import TrialRecord
from tlsearch.types import TrialSpec

FAILURES_IN_A_ROW = 3
"""After so many for one reason the search ends; after so many by one plugin it goes on without that."""


def plugins_of(spec: TrialSpec) -> set[str]:
    """Give the plugins that a trial needs, kind and name."""
    augmentation = {f"augmentation {spec.policy}"} if spec.strength else set()
    return {f"backbone {spec.backbone}", *augmentation}


def left_out_plugins(finished: Sequence[TrialRecord]) -> dict[str, str]:
    """Give the plugins that failed in the last trials that used them, three in a row, with the last reason."""
    found = {}
    for plugin in {f.plugin for f in finished if f.plugin}:
        last = [f for f in finished if plugin in plugins_of(f.spec)][-FAILURES_IN_A_ROW:]
        if len(last) == FAILURES_IN_A_ROW and all(f.plugin == plugin for f in last):
            found[plugin] = last[-1].reason
    return found


def all_fail(finished: Sequence[TrialRecord]) -> bool:
    """Whether the last three trials failed for one reason that leaving out a plugin does not end."""
    last = finished[-FAILURES_IN_A_ROW:]
    return (
        len(last) == FAILURES_IN_A_ROW
        and all(f.state == "failed" for f in last)
        and len({f.reason for f in last}) == 1
        and last[0].plugin not in left_out_plugins(finished)
    )
