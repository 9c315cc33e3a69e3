"""The searches that are compared: two as an Optuna user writes them, and tlsearch's default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tlsearch.listeners.mlflow import MlflowCallback
from tlsearch.listeners.running_trial import RunningTrial
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.profile import choose_best, make_profile
from tlsearch.pipeline.search import run_study
from tlsearch.pipeline.trial import run_trial
from tlsearch.types import Decision, TrialResult

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

Method = Callable[[RunContext, Plan, MlflowCallback, bool], None]
"""Searches by the seed of the request until its time is used up, given whether plain Optuna may prune."""


def search_randomly(context: RunContext, plan: Plan, record: MlflowCallback, pruning: bool) -> None:
    """Uniform over the search space."""
    from optuna.samplers import RandomSampler

    search_plainly(context, plan, RandomSampler(context.config.seed), pruning)


def search_with_tpe(context: RunContext, plan: Plan, record: MlflowCallback, pruning: bool) -> None:
    """Optuna's TPE as it comes, which begins with ten random trials."""
    from optuna.samplers import TPESampler

    search_plainly(context, plan, TPESampler(seed=context.config.seed), pruning)


def search_plainly(context: RunContext, plan: Plan, sampler: BaseSampler, pruning: bool) -> None:
    """The loop of an Optuna user around tlsearch's trial runner."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner: BasePruner | None = None if pruning else optuna.pruners.NopPruner()
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    distributions = plan.space.distributions()
    for number in range(1, context.config.effective_trials + 1):
        left = context.budget.left_for()
        if left is not None and left <= 0:
            break
        trial = study.ask(distributions)
        result = run_plainly(context, plan, trial, number, left)
        if result.state == "complete" and result.value is not None:
            study.tell(trial, result.value)
        else:
            states = optuna.trial.TrialState
            study.tell(trial, state=states.PRUNED if result.state == "pruned" else states.FAIL)


def run_plainly(context: RunContext, plan: Plan, trial: Any, number: int, seconds: float | None) -> TrialResult:
    """One trial whose epochs are reported to Optuna, which may prune it."""
    spec = plan.space.spec(trial.params)

    def judge(count: int, numbers: Mapping[str, float]) -> Decision:
        trial.report(numbers["objective"], count)
        return Decision.PRUNE if trial.should_prune() else Decision.CONTINUE

    running = RunningTrial(
        number=number,
        role="trial",
        name=f"{number:02} {spec.label}",
        spec=spec,
        candidate=plan.space.of(spec),
        folds=plan.folds_of(spec),
        seconds=seconds,
    )
    return run_trial(context, running, judge).result


def search_by_default(context: RunContext, plan: Plan, record: MlflowCallback, pruning: bool) -> None:
    """Profile and search as in a run. The pruner is tlsearch's own."""
    plan, profile = make_profile(context, plan)
    run_study(context, plan, record, profile, choose_best(context.callbacks, plan, profile), None)


METHODS: Mapping[str, Method] = {
    "random search": search_randomly,
    "TPE from nothing": search_with_tpe,
    "tlsearch": search_by_default,
}
