"""confirm: the best few are trained anew on resampled folds, as many as the time allows: luck must not win."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tlsearch.data.split import Fold, folds_of_two, resampled_folds
from tlsearch.errors import PluginFailedError
from tlsearch.pipeline.at_use.use_budget import Shipped
from tlsearch.pipeline.baseline import BaselineResult
from tlsearch.pipeline.confirm.corrected import corrected
from tlsearch.pipeline.confirm.fold_runs import FEWEST_FOLDS, FoldRun, FoldRuns
from tlsearch.pipeline.confirm.for_use import order_for_use
from tlsearch.pipeline.confirm.race import Race, choose
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.limits.contention import note_contention
from tlsearch.pipeline.messages import confirm_line
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.saved_models import final_seconds
from tlsearch.results.schema import Confirmed, Corrected, TrialRow
from tlsearch.search.trial_record import TrialRecord
from tlsearch.tracking.trial_fields import numbered
from tlsearch.training.trial import Outcome
from tlsearch.types import TrialSpec
from tlsearch.worker.solved import is_solved_trial

CONTENDERS = 3
MOST_FOLDS = 5
REPEATS = 2
"""Repetitions of the winner on the first fold with other seeds, at most, for the spread over seeds."""


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """What came of the contenders.

    Attributes:
        winner: One of the contenders.
        confirmed: The figures on resampled folds by the spec that was searched, of the contenders, the linear probe
            and the networks from scratch; what there was no time for is absent.
        rows: The trials that were run.
        needed: The seconds that the fewest folds of the first contender and of the linear probe take.
        compared: How many of the contenders were compared with each other and with the linear probe.
        contenders: How many there were.
        not_compared: Why none were compared; empty where some were.
        level: The specs that cannot be told apart from the winner, which costs less or is simpler; in the order of
            preference.
        corrected: The best value of the search, corrected for its selection.
        order: Where something was asked of the model to use, what may be it, in the order of the choice. Networks from
            scratch are among them, so that the first need not be the winner, which reuses a network.
        shipped: The model to use, once its file was measured; None where nothing was asked of it.
    """

    winner: TrialRecord
    confirmed: Mapping[TrialSpec, Confirmed]
    rows: tuple[TrialRow, ...]
    needed: float
    compared: int
    contenders: int
    not_compared: str = ""
    level: tuple[TrialSpec, ...] = ()
    corrected: Corrected | None = None
    order: tuple[TrialRecord, ...] = ()
    shipped: Shipped | None = None


def confirm(
    context: RunContext,
    plan: Plan,
    contenders: Sequence[TrialRecord],
    probe: TrialRecord,
    scratch: Sequence[BaselineResult],
    outcomes: Mapping[TrialSpec, Outcome],
) -> Confirmation:
    """Correct the best figure for its selection, and train the contenders and the linear probe anew.

    They are trained on resampled folds, and beside them the networks from scratch.

    The folds and the seeds are the same for all. After each fold a contender that another one leads by more than one
    paired standard error stops. Each is priced by itself: one that takes long gets fewer folds than one that takes a
    moment, and two are compared on the folds that both have. ``choose`` says which of those that stay ships.
    ``outcomes`` are those of the trials that the contenders were selected from.
    """
    with context.budget.measure("confirm"):
        found = _corrected(context, plan, outcomes)
        confirmation = replace(_confirm(context, plan, contenders, probe, scratch), corrected=found)
    context.callbacks.on_step("confirm", confirm_line(confirmation, context.config.prefer))
    return confirmation


def _corrected(context: RunContext, plan: Plan, outcomes: Mapping[TrialSpec, Outcome]) -> Corrected | None:
    """The best figure corrected for its selection; None where a metric plugin fails on parts of the images.

    That changes nothing of what was found, so it is only told.
    """
    try:
        return corrected(plan, outcomes, context.config.seed)
    except PluginFailedError as error:
        context.callbacks.on_warning(f"the best validation score is not corrected for its selection: {error}")
        return None


def _confirm(
    context: RunContext,
    plan: Plan,
    contenders: Sequence[TrialRecord],
    probe: TrialRecord,
    scratch: Sequence[BaselineResult],
) -> Confirmation:
    folds = _other_divisions(plan.data, context.config.seed)
    total = context.config.effective_trials
    numbers = {f.spec: numbered(f.number, total) for f in (*contenders, probe)}
    networks = [TrialRecord.of(0, b.result.spec, b.result, ()) for b in scratch]
    searched = {f.spec: f.fold_values or (f.score,) for f in (*contenders, probe, *networks)}
    runs = FoldRuns(
        context=context,
        plan=plan,
        folds=folds,
        scratch={b.result.spec: b for b in scratch},
        searched=searched,
        numbers=numbers,
    )
    alone = sum(b.estimated_seconds for b in scratch)
    later = final_seconds(plan, contenders, alone, refit=context.config.refit)

    def left() -> float | None:
        known = context.budget.left_before_end()
        return None if known is None else known - context.budget.price(later)

    def fits(seconds: float) -> bool:
        known = left()
        return known is None or seconds <= known

    runs.left = left

    note_contention(context, "confirm")
    starters = _starters(runs, contenders, probe, fits)
    staying = Race(runs, starters, probe, fits).run() if starters else []
    winner, level = choose(runs, staying) if staying else (contenders[0], [])
    order: list[TrialRecord] = []
    if plan.use is not None:
        raced = {record.spec: record for record in (*starters, probe)}
        dropped = [record for record in raced.values() if record not in (staying or [winner])]
        order, equals = order_for_use(runs, staying or [winner], dropped, networks), [winner, *level]
        winner = next((record for record in order if record.spec.weights is not None), winner)
        equals = equals if plan.use.prefer is None else staying
        level = [record for record in equals if record is not winner]
    _repeat(runs, winner.spec, fits)
    needed = _cost(runs, {contenders[0].spec, probe.spec})
    return Confirmation(
        winner=winner,
        confirmed={spec: _summary(runs, spec) for spec, values in runs.scores.items() if values},
        rows=tuple(runs.rows),
        needed=needed,
        compared=len(starters) if staying else 0,
        contenders=len(contenders),
        not_compared="" if staying else _why_not(runs, starters, needed),
        level=tuple(c.spec for c in level),
        order=tuple(order),
    )


def _other_divisions(data: Data, seed: int) -> list[Fold]:
    """Divisions of the pool that differ from those of the search: drawn anew, or two of the user's folds together.

    None where there are fewer than a comparison needs.
    """
    if (own := data.own_folds) is not None:
        folds = folds_of_two(own, data.labels, MOST_FOLDS, seed)
        return folds if len(folds) >= FEWEST_FOLDS else []
    share = len(data.fold.val) / len(data.pool)
    return resampled_folds(data.labels, data.groups, MOST_FOLDS, share, seed)


def _why_not(runs: FoldRuns, starters: Sequence[TrialRecord], needed: float) -> str:
    """Why nothing was compared."""
    if not runs.folds:
        return "your own folds leave no other division of the images to train on"
    if not starters:
        return f"three would have taken {needed:.0f} s"
    if all(starter.spec in runs.failed for starter in starters):
        return "all that were to be compared have failed"
    return "the time was over before each had a first fold"


def comparison_seconds(plan: Plan, context: RunContext, contender: TrialRecord, probe: TrialRecord) -> float:
    """Seconds that a comparison of a contender with the linear probe takes, on as few folds as tell anything."""
    return _cost(FoldRuns(context=context, plan=plan, folds=(), scratch={}), {contender.spec, probe.spec})


def _cost(runs: FoldRuns, specs: set[TrialSpec]) -> float:
    """Seconds that a comparison of all these takes, as many side by side as there are workers of their kind."""
    pool = runs.context.pool
    seconds = {spec: runs.comparison_seconds(spec) for spec in specs}
    solved = [value for spec, value in seconds.items() if pool.solvers and is_solved_trial(spec)]
    others = [value for spec, value in seconds.items() if not (pool.solvers and is_solved_trial(spec))]
    together = sum(solved) / len(pool.able(solved=True)), sum(others) / len(pool.able(solved=False))
    return max(*together, *seconds.values())


def _starters(
    runs: FoldRuns, contenders: Sequence[TrialRecord], probe: TrialRecord, fits: Callable[[float], bool]
) -> list[TrialRecord]:
    """As many of the contenders, best first, as there is time to compare: a fold or two would tell nothing."""
    if not runs.folds:
        return []
    for count in range(len(contenders), 0, -1):
        if fits(_cost(runs, {*(c.spec for c in contenders[:count]), probe.spec})):
            return list(contenders[:count])
    return []


def _repeat(runs: FoldRuns, spec: TrialSpec, fits: Callable[[float], bool]) -> None:
    """The winner again on the first fold with other seeds; a linear probe has no seed that matters."""
    if spec.is_linear_probe or not runs.scores.get(spec):
        return

    def is_time() -> bool:
        return fits(runs.first_seconds(spec))  # another seed is another model

    runs.run([FoldRun(spec=spec, fold=0, fits=is_time, repeat=repeat) for repeat in range(1, REPEATS + 1)])


def _summary(runs: FoldRuns, spec: TrialSpec) -> Confirmed:
    values = runs.scores[spec]
    seeds = [values[0], *runs.repeated.get(spec, ())]
    spread = float(np.std(seeds, ddof=1)) if len(seeds) > 1 else None
    mean, error = float(np.mean(values)), runs.error(spec)
    return Confirmed(mean=mean, folds=len(values), seed_spread=spread, sampling_error=error)
