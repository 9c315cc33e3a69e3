"""Keeping models: those of the best trials so far while the search goes on, so that what ships is what was scored."""

from __future__ import annotations

import shutil
from pathlib import Path

from tlsearch.errors import RunError
from tlsearch.records import TrialSpec
from tlsearch.search.plan import Plan
from tlsearch.search.session import Session
from tlsearch.search.study import Finished, Search

KEPT = 3


def model_folder(session: Session, spec: TrialSpec) -> Path:
    """Where the model of a spec is kept while the run goes on."""
    return session.work / f"model-{spec.digest}"


def keep_best(session: Session, plan: Plan, search: Search, latest: Finished) -> None:
    """Save the model of the latest trial where it is among the best three, and drop those that no longer are.

    Solved heads are not saved here: they come out the same when they are solved again.
    """
    best = {f.spec for f in search.best(KEPT)}
    if latest.spec in best and not latest.spec.solved:
        _save(session, plan, latest.spec, model_folder(session, latest.spec))
    for finished in search.finished:
        if finished.spec not in best:
            shutil.rmtree(model_folder(session, finished.spec), ignore_errors=True)


def fetch_model(session: Session, plan: Plan, spec: TrialSpec, target: Path) -> None:
    """Put the model of a finished trial into ``target``: the kept one, else the trial is run again from its seed."""
    kept = model_folder(session, spec)
    if kept.exists():
        shutil.copytree(kept, target, dirs_exist_ok=True)
        return
    outcome = session.worker.trial(
        "trial",
        lambda event: "continue",
        candidate=plan.space.of(spec),
        spec=spec,
        folds=[session.data.fold],
        seconds=None,
    )
    if outcome.result.state != "complete":
        raise RunError(f"The model of the trial '{spec.label}' could not be made again: {outcome.result.reason}.")
    _save(session, plan, spec, target)


def _save(session: Session, plan: Plan, spec: TrialSpec, folder: Path) -> None:
    session.worker.call(
        "save",
        spec=spec,
        candidate=plan.space.of(spec),
        folder=str(folder),
        decode_size=session.data.base_size,
    )
