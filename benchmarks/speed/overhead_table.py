"""The figures of one kind of trial on both sides, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.speed.overhead_parts import MESSAGES, PARTS
from tlsearch.types import TrialSpec

WANTED_SECONDS = 0.5
WANTED_TRIALS_A_MINUTE = 20.0


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one side took.

    ``seconds`` for all trials, their ``values``, and the parts, if it was watched; ``workers`` counts the processes
    then.
    """

    seconds: float
    specs: tuple[TrialSpec, ...]
    values: tuple[float, ...]
    parts: Mapping[str, float]
    workers: int = 1

    @property
    def per_trial(self) -> float:
        """Seconds a trial."""
        return self.seconds / len(self.specs)


def summary(sides: Mapping[str, Side]) -> dict[str, Any]:
    """The figures of one kind of trial; ``parts`` are seconds a trial on either side, from the watched runs."""
    ours, bare = sides["ours"], sides["bare"]
    watched, bare_watched = sides["ours watched"], sides["bare watched"]
    names = [*PARTS, MESSAGES]
    count = len(ours.specs)
    both = {"ours": watched, "bare": bare_watched}
    parts = {name: {which: side.parts.get(name, 0.0) / count for which, side in both.items()} for name in names}
    return {
        "trials": count,
        "seconds_a_trial": {"ours": ours.per_trial, "bare": bare.per_trial},
        "difference": ours.per_trial - bare.per_trial,
        "trials_a_minute": {"ours": 60 / ours.per_trial, "bare": 60 / bare.per_trial},
        "value": {"ours": float(np.mean(ours.values)), "bare": float(np.mean(bare.values))},
        "watched_seconds_a_trial": {which: side.per_trial for which, side in both.items()},
        "workers": watched.workers,
        "parts": {name: row for name, row in parts.items() if any(row.values())},
    }


def table(title: str, figure: Mapping[str, Any]) -> Table:
    """The figures of one kind of trial for people."""
    rows = Table("figure", "tlsearch", "bare", "difference", "wanted", title=title)

    def add(name: str, row: Mapping[str, float], wanted: str = "", digits: int = 3) -> None:
        cells = [f"{value:.{digits}f}" for value in (row["ours"], row["bare"], row["ours"] - row["bare"])]
        rows.add_row(name, *cells, wanted)

    add("seconds a trial", figure["seconds_a_trial"], f"difference at most {WANTED_SECONDS}")
    add("trials a minute", figure["trials_a_minute"], f"at least {WANTED_TRIALS_A_MINUTE:.0f}", digits=1)
    add("mean validation accuracy", figure["value"])
    rows.add_section()
    add("seconds a trial, watched", figure["watched_seconds_a_trial"])
    for name, row in figure["parts"].items():
        add(f"  {name}", row)
    rows.add_row("workers, one after the other", str(figure["workers"]), "", "")
    return rows
