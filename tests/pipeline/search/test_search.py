"""Where a study is kept and under which name, and how much time the search leaves to what comes after it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from tests.helpers.pipeline.contexts import make_context, make_data, make_plan
from tests.helpers.pipeline.made_up import LITE, VGG, make_costs, make_space
from tlsearch.data.split import Fold
from tlsearch.listeners.mlflow import MlflowCallback
from tlsearch.listeners.running_trial import CompletedTrial, RunningTrial
from tlsearch.pipeline import trials as module
from tlsearch.pipeline.baseline import BaselineResult
from tlsearch.pipeline.confirm.fold_runs import more_views
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.limits.shortest_limit import EndCosts
from tlsearch.pipeline.search import is_probe, reserved_seconds, search, trial_row, val_figures
from tlsearch.pipeline.search.searching import _trials_to_train
from tlsearch.results.schema import ProfilePoint
from tlsearch.runs.budget import SHARES
from tlsearch.search.study import Search
from tlsearch.search.trial_record import TrialRecord
from tlsearch.types import TrialResult

SPACE = make_space(LITE)
PROBE = TrialRecord(
    number=1, spec=SPACE.spec(SPACE.params(LITE)), state="complete", value=0.6, val_loss=0.5, seconds=1.0
)
TUNED = TrialRecord(
    number=2,
    spec=SPACE.spec(SPACE.params(LITE, train_suffix=True, policy="standard")),
    state="complete",
    value=0.9,
    val_loss=0.5,
    seconds=1.0,
)


def scratch(seconds: float) -> BaselineResult:
    """A network from scratch that was trained for so many seconds."""
    result = TrialResult(spec=replace(PROBE.spec, weights=None), state="complete", value=0.5, seconds=seconds)
    return BaselineResult(
        candidate=replace(LITE, weights=None),
        result=result,
        rows=(),
        seconds=seconds,
        stopped_by="schedule",
        still_improving=False,
        not_affordable=(),
        epochs=5,
    )


SCRATCH = scratch(50.0)


def test_trials_that_are_too_few_for_training_are_told_with_what_is_enough() -> None:
    space = make_space(LITE, VGG)
    probes = [space.params(c, pooling=pooling) for pooling in ("avg", "avgmax") for c in (LITE, VGG)]
    plan = make_plan(space=space)
    entries = [*probes, probes[0], space.params(LITE, hidden=True)]  # what is there twice is one trial
    assert [_trials_to_train(plan, entries, trials) for trials in (2, 4, 5, 9)] == [5, 5, 0, 0]
    assert _trials_to_train(plan, probes, 2) == 0  # nothing would be trained with more, either


def reserved(
    limit: float | None,
    *finished: TrialRecord,
    baseline: BaselineResult | None = None,
    uses_folds: bool = False,
    own_folds: int = 0,
) -> float:
    context = make_context(Path("images"), limit=limit)
    data = make_data(val=()) if uses_folds or own_folds else make_data()
    if own_folds:
        images = tuple(replace(image, fold=str(row // 2 % own_folds)) for row, image in enumerate(data.index.images))
        data = replace(data, index=replace(data.index, images=images))
    plan = make_plan(SPACE, data=data)
    search = Search(optuna.create_study(direction="maximize"), SPACE, plan.costs, lambda _: True, lambda _: True)
    search.finished = list(finished)
    return reserved_seconds(context, plan, search, baseline)


def comparing(*finished: TrialRecord) -> float:
    """Seconds for three folds, with twice the views of each."""
    costs = make_costs(SPACE)
    return sum(3 * costs.fold_seconds(f.spec) + costs.view_seconds(more_views(f.spec)) for f in finished)


def test_nothing_is_reserved_without_a_limit() -> None:
    assert reserved(None, PROBE, TUNED) == 0.0


def test_confirmation_keeps_its_share_once_a_suffix_has_been_tuned() -> None:
    assert reserved(10_000.0) == reserved(10_000.0, PROBE) == 0.0
    assert reserved(10_000.0, PROBE, TUNED) == pytest.approx(1_000.0)


def test_nothing_is_reserved_where_a_comparison_takes_more_than_its_share() -> None:
    needed = comparing(TUNED, PROBE)
    assert reserved(1.01 * needed / SHARES["confirm"], PROBE, TUNED) == pytest.approx(1.01 * needed)
    assert reserved(0.99 * needed / SHARES["confirm"], PROBE, TUNED) == 0.0


def test_with_folds_the_training_of_what_ships_is_always_kept_possible() -> None:
    final = make_costs(SPACE).fold_seconds(TUNED.spec) + SCRATCH.result.seconds
    assert reserved(1.0, PROBE, TUNED, baseline=SCRATCH, uses_folds=True) == pytest.approx(final)


def test_nothing_is_reserved_for_a_comparison_that_the_users_own_folds_do_not_allow() -> None:
    final = make_costs(SPACE).fold_seconds(TUNED.spec)
    assert reserved(10_000.0, PROBE, TUNED, own_folds=3) == pytest.approx(final)
    assert reserved(10_000.0, PROBE, TUNED, own_folds=4) == pytest.approx(final + 1_000.0)


def test_trials_are_ranked_on_the_folds_that_all_of_them_have() -> None:
    """The probe is better on five folds than the tuned trial on one, but not on that one."""
    probe = replace(PROBE, value=0.7, fold_values=(0.5, 0.7, 0.75, 0.75, 0.8))
    tuned = replace(TUNED, value=0.65, fold_values=(0.65,))
    assert probe.compared(1) == 0.5
    assert probe.compared(2) == pytest.approx(0.6)
    assert probe.compared(5) == 0.7
    assert (probe.rank(1.0, 5)[0], probe.rank(1.0, 5, -1.0)[0]) == (0.7, -0.7)
    assert replace(probe, value=None).rank(1.0, 5, -1.0)[0] == -math.inf
    assert tuned.compared(1) == 0.65
    costs = make_costs(SPACE)
    costs.folds, costs.trained_folds = 5, 1
    search = Search(optuna.create_study(direction="maximize"), SPACE, costs, lambda _: True, lambda _: True)
    search.finished = [probe, tuned]
    assert search.best(2) == [tuned, probe]


POINTS = tuple(ProfilePoint(cut_point=f"cut{n}", depth=n, accuracy=0.5, stderr=0.01) for n in range(1, LITE.depth + 1))


class Late:
    """A search whose time is over, and that asks for a linear probe first; its trials take no time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, limit: float) -> None:
        self.seconds: list[float | None] = []
        self.context = make_context(folder, limit=limit, storage="sqlite://", trials=5)
        self.context.budget.started -= 10 * limit
        self.plan = make_plan(SPACE, data=make_data(val=()))
        monkeypatch.setattr(module, "run_trial", self._run_trial)

    def _run_trial(self, context: RunContext, trial: RunningTrial, judge: object, fitted: object) -> CompletedTrial:
        self.seconds.append(trial.seconds)
        result = TrialResult(spec=trial.spec, state="complete", value=0.6, seconds=1.0, metrics={"val_loss": 1.0})
        return CompletedTrial(result=result, outcome=None, run_id="run", epochs=())


class Best(MlflowCallback):
    """Keeps the best scores that it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, str, float]] = []

    def on_best(self, number: int, name: str, value: float) -> None:
        self.told.append((number, name, value))


def test_the_first_linear_probe_runs_to_its_end_however_late_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    late, record = Late(monkeypatch, tmp_path, 10.0), Best()
    log, _ = search(late.context, late.plan, record, {LITE: POINTS}, [LITE], None)
    assert late.seconds == [None]
    assert [is_probe(f.spec) for f in log.search.finished] == [True]
    assert log.why == "time"
    assert record.told == [(1, "curve/best_val_accuracy", 0.6)]


def test_a_search_whose_time_was_over_asks_for_no_more_where_the_run_is_resumed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The run was stopped later; its clock is set by what it has found out, and the proposals are others."""
    whys = []
    for resumed in (False, True):
        late = Late(monkeypatch, tmp_path, 1000.0)
        config = replace(late.context.config, storage=f"sqlite:///{tmp_path / 'study.db'}")
        late.context = replace(late.context, config=config)
        if resumed:
            late.context.budget.set(0.0)
        log, _ = search(late.context, late.plan, Best(), {LITE: POINTS}, [LITE], None)
        whys.append(log.why)
        assert len(late.seconds) == (not resumed)
        assert len(log.search.finished) == 1
    assert whys == ["time", "time"]
    assert late.context.budget.elapsed() > 1000.0


class Slow(Late):
    """A search in time, whose tuned trials take ``slower`` times as long as estimated."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, limit: float, slower: float) -> None:
        super().__init__(monkeypatch, folder, limit)
        self.context.budget.started += 10 * limit
        self._slower = slower

    def _run_trial(self, context: RunContext, trial: RunningTrial, judge: object, fitted: object) -> CompletedTrial:
        self.seconds.append(trial.seconds)
        assert (trial.estimated is None) is trial.spec.is_linear_probe
        took = 1.0 if trial.estimated is None else self._slower * trial.estimated.until(1.0)
        self.context.budget.started -= took
        result = TrialResult(spec=trial.spec, state="complete", value=0.6, seconds=took, metrics={"val_loss": 1.0})
        return CompletedTrial(result=result, outcome=None, run_id="run", epochs=(), estimated=trial.estimated)


@pytest.mark.parametrize("slower", [1.0, 3.0])
def test_a_trial_begins_only_where_it_ends_in_time_at_the_pace_of_those_before_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, slower: float
) -> None:
    """The pace is known after the first trials: what is begun later than that does not end too late."""
    slow = Slow(monkeypatch, tmp_path, 5000.0, slower)
    search(slow.context, slow.plan, Best(), {LITE: POINTS}, [LITE], None)
    assert slow.context.budget.elapsed() <= 5000.0 - (slow.context.budget.share("rest") or 0.0)
    assert len(slow.seconds) > 1


def test_a_run_has_a_study_of_its_own_in_a_storage_that_others_use_and_finds_it_where_its_folder_was_renamed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The folders of two runs may have one name, and a run that begins anew has the folder of the one before."""

    def searched(folder: Path, output: Path) -> tuple[int, int]:
        """How many trials the search knows of, and how many of them it ran."""
        slow = Slow(monkeypatch, folder, 5000.0, 1.0)
        config = replace(slow.context.config, storage=f"sqlite:///{tmp_path / 'shared.db'}")
        context = replace(slow.context, config=config, output=output)
        log, _ = search(context, slow.plan, Best(), {LITE: POINTS}, [LITE], None)
        return len(log.search.finished), len(slow.seconds)

    one, other = tmp_path / "one", tmp_path / "other"
    trials, ran = searched(one, one / "out")
    assert trials == ran > 1
    assert searched(other, other / "out") == (trials, trials)
    assert searched(one, one / "renamed") == (trials, 0)


def test_the_end_is_priced_by_the_models_that_would_be_tested(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow = Slow(monkeypatch, tmp_path, 5000.0, 1.0)
    end = EndCosts(test_images=1000, decode_seconds=0.0, from_scratch=0)
    slow.plan = replace(slow.plan, end=end)
    log, probe = search(slow.context, slow.plan, Best(), {LITE: POINTS}, [LITE], None)
    assert slow.context.budget.end == slow.plan.end_price(log.search.best(1)[0].spec, probe.spec)
    forward = slow.plan.measured[LITE].forward_seconds
    assert slow.context.budget.end.test > 2000 * forward


def test_gains_are_taken_on_the_folds_that_both_have() -> None:
    space = make_space(LITE)
    costs = make_costs(space)
    costs.folds, costs.trained_folds = 3, 1
    plan = make_plan(space, costs, folds=(Fold((0,), (1,)),) * 3)
    spec = space.spec(space.params(LITE))
    from_scratch = TrialResult(
        spec=replace(spec, weights=None), state="complete", value=0.25, seconds=1.0, metrics={"val_accuracy": 0.25}
    )
    solved = TrialResult(spec=spec, state="complete", value=0.75, seconds=1.0, fold_values=(0.5, 0.75, 1.0))
    probe = TrialRecord(number=1, spec=spec, state="complete", value=0.5, fold_values=(0.125, 0.625, 0.75))
    assert val_figures(solved, from_scratch, probe) == {
        "val_gain_over_baseline": 0.25,  # on the first fold alone, as the network from scratch
        "val_gain_over_linear_probe": 0.25,  # on all three
    }
    # A gain is how much better, where less is better too.
    assert val_figures(solved, None, probe, -1.0) == {"val_gain_over_linear_probe": -0.25}
    tuned = TrialResult(spec=spec, state="complete", value=0.5, seconds=1.0, fold_values=(0.5,))
    assert val_figures(tuned, from_scratch, probe)["val_gain_over_linear_probe"] == 0.375
    assert val_figures(solved, None, probe) == {"val_gain_over_linear_probe": 0.25}
    assert trial_row(plan, 1, solved, "").value_on_shared_folds == 0.5
    assert trial_row(plan, 1, tuned, "").value_on_shared_folds == 0.5
    costs.trained_folds = 3
    assert trial_row(plan, 1, solved, "").value_on_shared_folds is None
