"""The models of a run: kept where a trial was scored with them, else trained again from their seed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tlsearch.errors import RunError
from tlsearch.records import Candidate, TrialSpec
from tlsearch.search.memory import within_memory
from tlsearch.search.session import Session
from tlsearch.training.trial import Outcome

HEAD_FILE = "head.npz"


def model_folder(session: Session, spec: TrialSpec) -> Path:
    """Where the model of a spec is kept while the run goes on."""
    return session.work / f"model-{spec.digest}"


def fetch_model(session: Session, spec: TrialSpec, candidate: Candidate, target: Path) -> None:
    """Put the model of a finished trial into ``target``: the kept one, else the trial is run again from its seed; with
    folds, it is trained on the whole pool."""
    kept = model_folder(session, spec)
    if (kept / HEAD_FILE).exists():
        session.worker.call("restore_head", spec=spec, file=str(kept / HEAD_FILE))
        save_fitted(session, spec, candidate, target)
        return
    if kept.exists():
        shutil.copytree(kept, target, dirs_exist_ok=True)
        return
    data = session.data
    fit_model(session, spec, candidate, target, whole_pool=data.uses_folds)


def fit_model(session: Session, spec: TrialSpec, candidate: Candidate, target: Path, *, whole_pool: bool) -> None:
    """Train a spec from its seed, on the training part or on the whole pool, and save the model."""
    data = session.data

    def on_event(event: tuple[str, Any]) -> str:
        if event[0] == "passes":
            session.count(event[1])
        return "continue"

    def run(seconds: float | None, batch_size: int | None, *, keep: bool) -> Outcome:
        folds = [data.whole if whole_pool else data.fold]
        arguments = {"candidate": candidate, "spec": spec, "folds": folds, "seconds": seconds}
        fitted: Outcome = session.worker.trial("trial", on_event, **arguments, batch_size=batch_size, keep=keep)
        return fitted

    # With folds the configuration was confirmed on others just before: its compiled model may still be there.
    outcome = within_memory(run, spec, None, session.reporter.warn, keep=whole_pool)
    if outcome.result.state != "complete":
        raise RunError(f"The model of the trial '{spec.label}' could not be made again: {outcome.result.reason}.")
    save_fitted(session, spec, candidate, target)


def keep_fitted(session: Session, spec: TrialSpec, candidate: Candidate) -> None:
    """Keep the model that the worker fitted last while the run goes on; of a frozen network only its head."""
    folder = model_folder(session, spec)
    if spec.kind == "frozen":
        session.worker.call("keep_head", spec=spec, file=str(folder / HEAD_FILE))
    else:
        save_fitted(session, spec, candidate, folder)


def save_fitted(session: Session, spec: TrialSpec, candidate: Candidate, folder: Path) -> None:
    """Save the model that the worker fitted last."""
    session.worker.call("save", spec=spec, candidate=candidate, folder=str(folder), decode_size=session.data.base_size)
