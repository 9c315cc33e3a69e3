"""The searches that are compared: two as an Optuna user writes them, and tlsearch's default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.profile import best_candidates, make_profile
from tlsearch.pipeline.run import _affordable  # the run's own rule of which candidates it tunes first
from tlsearch.pipeline.search import run_search
from tlsearch.pipeline.trial import execute
from tlsearch.types import Decision, TrialResult, TrialSpec

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

Method = Callable[[RunContext, Plan, int, bool], None]
"""Searches until its time is used up, given a seed and whether plain Optuna may prune."""


def search_randomly(context: RunContext, plan: Plan, seed: int, pruning: bool) -> None:
    """Uniform over the search space."""
    from optuna.samplers import RandomSampler

    search_plainly(context, plan, RandomSampler(seed), pruning)


def search_with_tpe(context: RunContext, plan: Plan, seed: int, pruning: bool) -> None:
    """Optuna's TPE as it comes, which begins with ten random trials."""
    from optuna.samplers import TPESampler

    search_plainly(context, plan, TPESampler(seed=seed), pruning)


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
        result = run_plainly(context, plan, trial, plan.space.spec(trial.params), f"{number:02}", left)
        if result.state == "complete" and result.value is not None:
            study.tell(trial, result.value)
        else:
            states = optuna.trial.TrialState
            study.tell(trial, state=states.PRUNED if result.state == "pruned" else states.FAIL)


def run_plainly(
    context: RunContext, plan: Plan, trial: Any, spec: TrialSpec, name: str, seconds: float | None
) -> TrialResult:
    """One trial whose epochs are reported to Optuna, which may prune it."""

    def judge(count: int, numbers: Mapping[str, float]) -> Decision:
        trial.report(numbers["objective"], count)
        return Decision.PRUNE if trial.should_prune() else Decision.CONTINUE

    folds = plan.folds_of(spec)
    title = f"{name} {spec.label}"
    return execute(context, spec, plan.space.of(spec), folds, "trial", title, judge, seconds, "search")[0]


def search_by_default(context: RunContext, plan: Plan, seed: int, pruning: bool) -> None:
    """Profile and search as in a run. The seed is the plan's, and the pruner tlsearch's own."""
    plan, profile = make_profile(context, plan)
    run_search(context, plan, profile, best_candidates(profile, _affordable(plan)), None)


METHODS: Mapping[str, Method] = {
    "random search": search_randomly,
    "TPE from nothing": search_with_tpe,
    "tlsearch": search_by_default,
}
