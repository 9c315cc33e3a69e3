"""search: the study with its trials run, recorded and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tlsearch.errors import UsageError
from tlsearch.records import Candidate, TrialResult, TrialSpec
from tlsearch.results.parts import TrialRow
from tlsearch.search.baseline import BaselineResult
from tlsearch.search.confirm import CONTENDERS, fold_seconds
from tlsearch.search.execute import execute
from tlsearch.search.keep import keep_best
from tlsearch.search.plan import Plan
from tlsearch.search.portfolio import opening
from tlsearch.search.profile import Profile
from tlsearch.search.session import Session
from tlsearch.search.study import Finished, Judge, Search
from tlsearch.training.trial import Outcome

MARGIN = 1.1
"""How much longer than estimated a trial may take and still end within the time that was left when it began."""


@dataclass
class TrialLog:
    """What the search left: the study, the rows for the result, the outcomes of complete trials, learning curves,
    and why it ended."""

    search: Search
    rows: list[TrialRow] = field(default_factory=list)
    outcomes: dict[TrialSpec, Outcome] = field(default_factory=dict)
    why: str = ""


def run_search(
    session: Session,
    plan: Plan,
    profile: Profile,
    best: Sequence[Candidate],
    baseline: BaselineResult | None,
) -> TrialLog:
    """Run the study until its trials or its time are used up."""

    def reserved() -> tuple[str, ...]:
        return _reserved(session, plan, search, baseline)

    search = Search(
        open_study(session, plan),
        plan.space,
        plan.costs,
        # The first trial is a linear probe, without which there is nothing to prove: it runs however late it is.
        may_run=lambda spec: (
            not search.finished or session.clock.fits(MARGIN * plan.costs.seconds(spec), *reserved())
        ),
        affordable=lambda spec: plan.cap is None or plan.costs.train_seconds(spec) <= plan.cap,
    )
    search.enqueue(opening(plan.space, {c: [p.accuracy for p in points] for c, points in profile.items()}, best))
    log = TrialLog(search)

    def run_trial(number: int, spec: TrialSpec, judge: Judge) -> TrialResult:
        return _run_trial(session, plan, log, baseline, number, spec, judge, session.clock.left_for(*reserved()))

    def on_finished(finished: Finished) -> None:
        if finished.state == "complete":
            keep_best(session, plan, search, finished)
            best = search.best(1)[0].value
            session.tracker.log_epoch(session.parent_run, finished.number, {"best_objective": best or 0.0})

    log.why = search.run(session.config.effective_trials, run_trial, on_finished)
    return log


def _reserved(session: Session, plan: Plan, search: Search, baseline: BaselineResult | None) -> tuple[str, ...]:
    """The steps whose shares of the time the search leaves alone.

    Where the best trials so far are too long for even one fold of confirmation, its share would lie idle: the search
    uses it.
    """
    share = session.clock.share("confirm")
    contenders = search.best(CONTENDERS)
    if share is not None and contenders and fold_seconds(plan, contenders, baseline) > share:
        return ("rest",)
    return ("confirm", "rest")


def check_storage(url: str) -> None:
    """Raise ``UsageError`` where Optuna cannot keep a study at ``url``; asked before any work."""
    import optuna

    try:
        optuna.storages.get_storage(url)
    except Exception as error:  # SQLAlchemy, the database's driver and Optuna each raise kinds of their own
        what = str(error).strip().splitlines()
        raise UsageError(
            f"--storage {url} cannot be opened ({what[0] if what else type(error).__name__}): give the URL of a "
            "database, such as sqlite:///study.db."
        ) from error


def open_study(session: Session, plan: Plan):  # type: ignore[no-untyped-def]  # the type would import Optuna early
    """The Optuna study, in ``study.db`` or where ``--storage`` says.

    Its name holds a digest of all that makes values comparable: search space, data set and metric. In a storage that
    several runs share, a run meets no other run's trials by accident.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = session.config.storage or f"sqlite:///{session.output / 'study.db'}"
    comparable = f"{plan.space.digest} {session.data.index.fingerprint} {session.data.metric}"
    name = f"{session.output.name}-{hashlib.sha256(comparable.encode()).hexdigest()[:16]}"
    return optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)


def _run_trial(
    session: Session,
    plan: Plan,
    log: TrialLog,
    baseline: BaselineResult | None,
    number: int,
    spec: TrialSpec,
    judge: Judge,
    seconds: float | None,
) -> TrialResult:
    top = log.search.best(1)
    so_far = f"best {top[0].value:.3f}  " if top and top[0].value is not None else ""
    total = session.config.effective_trials

    def on_round(count: int, numbers: Mapping[str, float]) -> str:
        text = f"{so_far}{spec.label}: {numbers['objective']:.3f} after {numbers['fraction']:.0%}"
        session.reporter.progress("search", number - 1, total, text)
        return judge(count, numbers)

    session.reporter.progress("search", number - 1, total, f"{so_far}{spec.label}")
    result, outcome, run_id = execute(
        session,
        spec,
        plan.space.of(spec),
        [session.data.fold],
        "trial",
        f"{number:02} {spec.label}",
        on_round,
        seconds,
        "search",
    )
    if result.state == "complete" and result.value is not None and baseline is not None:
        scratch = baseline.result
        session.tracker.log_metrics(
            run_id,
            {
                "baseline_val_accuracy": scratch.metrics["val_accuracy"],
                "gain_over_baseline": result.value - (scratch.value or 0.0),
            },
        )
    log.rows.append(TrialRow.of(number, "trial", result, run_id))
    if outcome is not None and result.state == "complete":
        log.outcomes[spec] = outcome
    return result
