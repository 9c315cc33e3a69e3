"""How much time the search leaves to what comes after it, and what it says of a trial."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import optuna
import pytest

from tests.helpers.made_up import LITE, make_costs, make_space
from tlsearch.data.split import Fold
from tlsearch.pipeline import search as trials
from tlsearch.pipeline.confirm import more_views
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.search import is_probe, reserved_seconds
from tlsearch.results.schema.run import ProfilePoint
from tlsearch.runs.budget import TimeBudget
from tlsearch.search.study import Search, TrialRecord
from tlsearch.types import TrialResult

SPACE = make_space(LITE)
PROBE = TrialRecord(1, SPACE.spec(SPACE.params(LITE)), "complete", 0.6, 0.5, 1.0, ())
TUNED = TrialRecord(
    2, SPACE.spec(SPACE.params(LITE, train_suffix=True, policy="standard")), "complete", 0.9, 0.5, 1.0, ()
)
SCRATCH: Any = SimpleNamespace(result=SimpleNamespace(spec=replace(PROBE.spec, weights=None), seconds=50.0), others=())


def reserved(limit: float | None, *finished: TrialRecord, baseline: Any = None, uses_folds: bool = False) -> float:
    context: Any = SimpleNamespace(
        budget=TimeBudget(limit),
        config=SimpleNamespace(refit=False),
        data=SimpleNamespace(uses_folds=uses_folds),
    )
    search: Any = SimpleNamespace(
        finished=list(finished), best=lambda count: sorted(finished, key=lambda f: -(f.value or 0))[:count]
    )
    plan = Plan(SPACE, make_costs(SPACE), (), None, ())
    return reserved_seconds(cast("RunContext", context), plan, cast("Search", search), baseline)


def confirming(*finished: TrialRecord) -> float:
    """Seconds for one fold, with twice the views of each."""
    costs = make_costs(SPACE)
    return sum(costs.fold_seconds(f.spec) + costs.view_seconds(more_views(f.spec)) for f in finished)


def test_nothing_is_reserved_without_a_limit() -> None:
    assert reserved(None, PROBE, TUNED) == 0.0


def test_confirmation_keeps_its_share_once_a_suffix_has_been_tuned() -> None:
    assert reserved(10_000.0) == reserved(10_000.0, PROBE) == 0.0
    assert reserved(10_000.0, PROBE, TUNED) == pytest.approx(1_500.0)


def test_one_fold_of_the_best_is_kept_possible_up_to_a_third_of_the_limit() -> None:
    alone = confirming(TUNED, PROBE)
    scratch: Any = SimpleNamespace(result=SimpleNamespace(spec=SCRATCH.result.spec, seconds=alone), others=())
    assert reserved(3.1 * 2 * alone, PROBE, TUNED, baseline=scratch) == pytest.approx(2 * alone)
    # Where the network from scratch does not fit beside it, the best is confirmed without.
    assert reserved(2.9 * 2 * alone, PROBE, TUNED, baseline=scratch) == pytest.approx(alone)
    assert reserved(2.9 * alone, PROBE, TUNED, baseline=scratch) == 0.0


def test_with_folds_the_training_of_what_ships_is_always_kept_possible() -> None:
    final = make_costs(SPACE).fold_seconds(TUNED.spec) + SCRATCH.result.seconds
    assert reserved(1.0, PROBE, TUNED, baseline=SCRATCH, uses_folds=True) == pytest.approx(final)


def test_trials_are_ranked_on_the_folds_that_all_of_them_have() -> None:
    """The probe is better on five folds than the tuned trial on one, but not on that one."""
    probe = replace(PROBE, value=0.7, fold_values=(0.5, 0.7, 0.75, 0.75, 0.8))
    tuned = replace(TUNED, value=0.65, fold_values=(0.65,))
    assert probe.compared(1) == 0.5
    assert probe.compared(2) == pytest.approx(0.6)
    assert probe.compared(5) == 0.7
    assert tuned.compared(1) == 0.65
    costs = make_costs(SPACE)
    costs.folds, costs.trained_folds = 5, 1
    search = Search(optuna.create_study(direction="maximize"), SPACE, costs, lambda _: True, lambda _: True)
    search.finished = [probe, tuned]
    assert search.best(2) == [tuned, probe]


POINTS = tuple(ProfilePoint(f"cut{n}", n, 0.5, 0.01) for n in range(1, LITE.depth + 1))


class Late:
    """A context whose time is over, and a search that asks for a linear probe first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, limit: float) -> None:
        self.seconds: list[float | None] = []
        self.log: Any = None
        budget = TimeBudget(limit)
        budget.started -= 10 * limit
        self.context: Any = SimpleNamespace(
            budget=budget,
            config=SimpleNamespace(storage="sqlite://", refit=False, effective_trials=5),
            output=Path("late"),
            data=SimpleNamespace(index=SimpleNamespace(fingerprint="aa"), metric="accuracy", uses_folds=True),
            tracker=SimpleNamespace(log_epoch=lambda *_: None),
            parent_run="",
        )
        self.plan = Plan(SPACE, make_costs(SPACE), (), None, ())
        monkeypatch.setattr(trials, "_run_trial", self._run_trial)

    def _run_trial(self, *arguments: Any) -> TrialResult:
        spec, seconds = arguments[5], arguments[7]
        self.seconds.append(seconds)
        return TrialResult(spec, "complete", 0.6, 1.0, {"val_loss": 1.0})


def test_the_first_linear_probe_runs_to_its_end_however_late_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    late = Late(monkeypatch, 10.0)
    log = trials.run_search(late.context, late.plan, {LITE: POINTS}, [LITE], None)
    assert late.seconds == [None]
    assert [is_probe(f.spec) for f in log.search.finished] == [True]
    assert log.why == "time"


def test_gains_are_taken_on_the_folds_that_both_have() -> None:
    space = make_space(LITE)
    costs = make_costs(space)
    costs.folds, costs.trained_folds = 3, 1
    plan = Plan(space, costs, (), None, (Fold((0,), (1,)),) * 3)
    spec = space.spec(space.params(LITE))
    scratch = TrialResult(replace(spec, weights=None), "complete", 0.25, 1.0, {"val_accuracy": 0.25})
    solved = TrialResult(spec, "complete", 0.75, 1.0, fold_values=(0.5, 0.75, 1.0))
    probe = TrialRecord(1, spec, "complete", 0.5, 1.0, 1.0, (), fold_values=(0.125, 0.625, 0.75))
    assert trials._val_figures(solved, scratch, probe) == {
        "baseline_val_accuracy": 0.25,
        "val_gain_over_baseline": 0.25,  # on the first fold alone, as the network from scratch
        "val_gain_over_linear_probe": 0.25,  # on all three
    }
    tuned = TrialResult(spec, "complete", 0.5, 1.0, fold_values=(0.5,))
    assert trials._val_figures(tuned, scratch, probe)["val_gain_over_linear_probe"] == 0.375
    assert trials._val_figures(solved, None, probe) == {"val_gain_over_linear_probe": 0.25}
    assert trials._row(plan, 1, solved, "").compared == 0.5
    assert trials._row(plan, 1, tuned, "").compared == 0.5
    costs.trained_folds = 3
    assert trials._row(plan, 1, solved, "").compared is None
