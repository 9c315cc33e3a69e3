"""search: the study proposes trials; each is run, reported to the study, and kept."""

from __future__ import annotations

from tlsearch.pipeline.search.figures import best_probe, is_probe, trial_row, val_figures
from tlsearch.pipeline.search.log import SearchLog
from tlsearch.pipeline.search.reserve import reserved_seconds
from tlsearch.pipeline.search.searching import run_study, search

__all__ = [
    "SearchLog",
    "best_probe",
    "is_probe",
    "reserved_seconds",
    "run_study",
    "search",
    "trial_row",
    "val_figures",
]
