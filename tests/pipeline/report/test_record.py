"""In which order the trials of a finished search stand in MLflow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.pipeline.contexts import search_of
from tests.helpers.pipeline.made_up import LITE, make_space
from tlsearch.pipeline.confirm import Confirmation
from tlsearch.pipeline.report.record import runs_in_order
from tlsearch.pipeline.search import SearchLog
from tlsearch.results.schema import TrialRow
from tlsearch.search.trial_record import TrialRecord
from tlsearch.types import TrialResult

SPACE = make_space(LITE)


def finished(number: int, value: float | None, **chosen: object) -> TrialRecord:
    spec = SPACE.spec(SPACE.params(LITE, **chosen))
    state = "complete" if value is not None else "failed"
    return TrialRecord(number=number, spec=spec, state=state, value=value, val_loss=0.5, seconds=1.0)  # type: ignore[arg-type] # a literal


PROBE = finished(1, 0.90)
JOINED = finished(2, 0.95, pooling="avgmax")
TUNED = finished(3, 0.95, train_suffix=True, freeze_depth=6)
DEEPER = finished(4, 0.97, train_suffix=True, freeze_depth=3)
FAILED = finished(5, None, train_suffix=True, freeze_depth=9)


def log_of(*trials: TrialRecord) -> SearchLog:
    results = [TrialResult(spec=f.spec, state=f.state, value=f.value, seconds=1.0) for f in trials]
    rows = [TrialRow.of(f.number, "trial", result, f"run{f.number}") for f, result in zip(trials, results, strict=True)]
    return SearchLog(search=search_of(SPACE, *trials), rows=rows)


def chosen(winner: TrialRecord, *level: TrialRecord) -> Confirmation:
    specs = tuple(f.spec for f in level)
    return Confirmation(winner=winner, confirmed={}, rows=(), needed=1.0, compared=3, contenders=3, level=specs)


@pytest.mark.parametrize(
    ("confirmation", "order"),
    [
        # Tuning more layers costs more, so of two with one score TUNED comes after JOINED.
        (chosen(DEEPER), [4, 2, 3, 1]),
        (chosen(PROBE, TUNED, JOINED), [1, 3, 2, 4]),  # three that cannot be told apart, in the order of preference
        (chosen(JOINED), [2, 4, 3, 1]),
    ],
)
def test_the_winner_comes_first_and_then_what_the_choice_preferred(
    confirmation: Confirmation, order: list[int]
) -> None:
    runs = runs_in_order(log_of(PROBE, JOINED, TUNED, DEEPER, FAILED), confirmation)
    assert runs == [f"run{number}" for number in order]


def test_a_trial_without_a_run_has_no_rank() -> None:
    log = log_of(PROBE, JOINED)
    log.rows[0] = replace(log.rows[0], run_id=None)
    assert runs_in_order(log, chosen(JOINED)) == ["run2"]
