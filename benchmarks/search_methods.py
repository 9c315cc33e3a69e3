"""The searches that are compared: two as an Optuna user writes them, and tlsearch's default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tlsearch.records import TrialResult, TrialSpec
from tlsearch.search.execute import execute
from tlsearch.search.plan import Plan
from tlsearch.search.profile import best_candidates, make_profile
from tlsearch.search.run import _affordable  # the run's own rule of which candidates it tunes first
from tlsearch.search.session import Session
from tlsearch.search.trials import run_search

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

Method = Callable[[Session, Plan, int, bool], None]
"""Searches until its time is used up, given a seed and whether plain Optuna may prune."""


def search_randomly(session: Session, plan: Plan, seed: int, pruning: bool) -> None:
    """Uniform over the search space."""
    from optuna.samplers import RandomSampler

    search_plainly(session, plan, RandomSampler(seed), pruning)


def search_with_tpe(session: Session, plan: Plan, seed: int, pruning: bool) -> None:
    """Optuna's TPE as it comes, which begins with ten random trials."""
    from optuna.samplers import TPESampler

    search_plainly(session, plan, TPESampler(seed=seed), pruning)


def search_plainly(session: Session, plan: Plan, sampler: BaseSampler, pruning: bool) -> None:
    """The loop of an Optuna user around tlsearch's trial runner."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner: BasePruner | None = None if pruning else optuna.pruners.NopPruner()
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    distributions = plan.space.distributions()
    for number in range(1, session.config.effective_trials + 1):
        left = session.clock.left_for()
        if left is not None and left <= 0:
            break
        trial = study.ask(distributions)
        result = run_plainly(session, plan, trial, plan.space.spec(trial.params), f"{number:02}", left)
        if result.state == "complete" and result.value is not None:
            study.tell(trial, result.value)
        else:
            states = optuna.trial.TrialState
            study.tell(trial, state=states.PRUNED if result.state == "pruned" else states.FAIL)


def run_plainly(
    session: Session, plan: Plan, trial: Any, spec: TrialSpec, name: str, seconds: float | None
) -> TrialResult:
    """One trial whose epochs are reported to Optuna, which may prune it."""

    def judge(count: int, numbers: Mapping[str, float]) -> str:
        trial.report(numbers["objective"], count)
        return "prune" if trial.should_prune() else "continue"

    folds = plan.folds_of(spec)
    title = f"{name} {spec.label}"
    return execute(session, spec, plan.space.of(spec), folds, "trial", title, judge, seconds, "search")[0]


def search_by_default(session: Session, plan: Plan, seed: int, pruning: bool) -> None:
    """profile and search as in a run. The seed is the plan's, and the pruner tlsearch's own."""
    plan, profile = make_profile(session, plan)
    run_search(session, plan, profile, best_candidates(profile, _affordable(plan)), None)


METHODS: Mapping[str, Method] = {
    "random search": search_randomly,
    "TPE from nothing": search_with_tpe,
    "tlsearch": search_by_default,
}
