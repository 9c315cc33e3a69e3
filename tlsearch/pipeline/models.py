"""The models of a run: kept where a trial was scored with them, else trained again from their seed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tlsearch.errors import RunError
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.memory import within_memory
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, TrialSpec

HEAD_FILE = "head.npz"


def model_folder(context: RunContext, spec: TrialSpec) -> Path:
    """Where the model of a spec is kept while the run goes on."""
    return context.work / f"model-{spec.digest}"


def fetch_model(context: RunContext, spec: TrialSpec, candidate: Candidate, target: Path) -> None:
    """Put the model of a finished trial into ``target``: the kept one, else the trial is run again from its seed; with
    folds, it is trained on the whole pool."""
    kept = model_folder(context, spec)
    if (kept / HEAD_FILE).exists():
        context.worker.call("restore_head", spec=spec, file=str(kept / HEAD_FILE))
        save_fitted(context, spec, candidate, target)
        return
    if kept.exists():
        shutil.copytree(kept, target, dirs_exist_ok=True)
        return
    data = context.data
    fit_model(context, spec, candidate, target, whole_pool=data.uses_folds)


def fit_model(context: RunContext, spec: TrialSpec, candidate: Candidate, target: Path, *, whole_pool: bool) -> None:
    """Train a spec from its seed, on the training part or on the whole pool, and save the model."""
    data = context.data

    def on_event(event: tuple[str, Any]) -> str:
        if event[0] == "passes":
            context.count(event[1])
        return "continue"

    def run(seconds: float | None, batch_size: int | None, *, keep: bool) -> Outcome:
        folds = [data.whole if whole_pool else data.fold]
        arguments = {"candidate": candidate, "spec": spec, "folds": folds, "seconds": seconds}
        fitted: Outcome = context.worker.trial("trial", on_event, **arguments, batch_size=batch_size, keep=keep)
        return fitted

    # With folds the configuration was confirmed on others just before: its compiled model may still be there.
    outcome = within_memory(run, spec, None, context.reporter.warn, keep=whole_pool)
    if outcome.result.state != "complete":
        raise RunError(f"The model of the trial '{spec.label}' could not be made again: {outcome.result.reason}.")
    save_fitted(context, spec, candidate, target)


def keep_fitted(context: RunContext, spec: TrialSpec, candidate: Candidate) -> None:
    """Keep the model that the worker fitted last while the run goes on; of a frozen network only its head."""
    folder = model_folder(context, spec)
    if spec.kind == "feature_extraction":
        context.worker.call("keep_head", spec=spec, file=str(folder / HEAD_FILE))
    else:
        save_fitted(context, spec, candidate, folder)


def save_fitted(context: RunContext, spec: TrialSpec, candidate: Candidate, folder: Path) -> None:
    """Save the model that the worker fitted last."""
    context.worker.call("save", spec=spec, candidate=candidate, folder=str(folder), decode_size=context.data.base_size)
