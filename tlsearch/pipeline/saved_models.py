"""The saved models of a run: kept where a trial was scored with them, else trained again from their seed.

While the search goes on the models of the best trials so far are kept, so that what ships is what was scored. Where
trials are compared on folds, none of their models has seen all images, and the configuration is trained once more on
the whole pool instead.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from tlsearch.errors import OutOfTimeError, RunError
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.search.study import Search
from tlsearch.search.trial_record import TrialRecord
from tlsearch.types import Candidate, Decision, TrialSpec
from tlsearch.utils.files import keep_on_disk
from tlsearch.worker.client import WorkerDiedError
from tlsearch.worker.events import Event, FrozenPasses
from tlsearch.worker.models.requests import LoadHead, SaveHead, SaveModel
from tlsearch.worker.pool import Worker
from tlsearch.worker.protocol import RunTrial
from tlsearch.worker.retry import where_lost_again, within_memory

HEAD_FILE = "head.npz"

KEPT = 3
"""Models that are kept while the search goes on, besides those of ``_worth_keeping``."""

SCRATCH = "scratch "
"""What the name of a model begins with that was trained from scratch and is not the baseline."""


def output_folders(output: Path, from_scratch: Sequence[str]) -> dict[str, Path]:
    """Where the models of a finished run lie, by "winner", "linear_probe", "baseline" and "scratch ARCHITECTURE".

    ``from_scratch`` are the architectures that were trained from scratch, the baseline first.
    """
    folders = {"winner": output / "model", "linear_probe": output / "linear_probe"}
    for number, architecture in enumerate(from_scratch):
        name, folder = (f"{SCRATCH}{architecture}", f"scratch-{architecture}") if number else ("baseline", "baseline")
        folders[name] = output / folder
    return folders


def model_folder(work: Path, spec: TrialSpec) -> Path:
    """Where the model of a spec is kept while the run goes on."""
    return work / f"model-{spec.digest}"


def fold_model_folder(work: Path, spec: TrialSpec) -> Path:
    """Where the model of a network from scratch that was trained on one of several folds is kept meanwhile."""
    return work / f"fold-{spec.digest}"


def fetch_model(context: RunContext, data: Data, spec: TrialSpec, candidate: Candidate, target: Path) -> None:
    """Put the model of a finished trial into ``target``.

    It is the kept one; else the trial is run again from its seed. With folds, it is trained on the whole pool.
    """
    kept = model_folder(context.work, spec)
    if (kept / HEAD_FILE).exists():
        where_lost_again(lambda: _save_with_head(context, data, spec, candidate, target))
        return
    if kept.exists():
        shutil.copytree(kept, target, dirs_exist_ok=True)
        return
    fit_model(context, data, asked_model(data, spec, candidate, whole_pool=data.uses_folds), target)


def _save_with_head(context: RunContext, data: Data, spec: TrialSpec, candidate: Candidate, target: Path) -> None:
    context.worker.send(LoadHead(spec=spec, file=model_folder(context.work, spec) / HEAD_FILE))
    save_fitted(data, spec, candidate, target, context.worker)


def asked_model(
    data: Data, spec: TrialSpec, candidate: Candidate, *, whole_pool: bool, seconds: float | None = None
) -> RunTrial:
    """Give the request for a model that is trained from its seed, on the training part or on the whole pool."""
    # With folds the configuration was confirmed on others just before: its compiled model may still be there.
    fold = data.whole if whole_pool else data.fold
    return RunTrial(candidate=candidate, spec=spec, folds=(fold,), keep_compiled=whole_pool, seconds=seconds)


def fit_model(context: RunContext, data: Data, request: RunTrial, target: Path) -> None:
    """Train a model (see ``asked_model``) and save it. Raises ``OutOfTimeError`` where its time was too short."""

    def listener(event: Event) -> Decision:
        if isinstance(event, FrozenPasses):
            context.count(event.counts)
        return Decision.CONTINUE

    spec = request.spec

    def fit_and_save() -> None:
        worker = context.pool.worker_for(request)
        outcome = within_memory(lambda trial: worker.send(trial, listener), request, context.callbacks.on_warning)
        if outcome.result.state == "timed_out":
            raise OutOfTimeError(outcome.result.reason)
        if outcome.result.state != "complete":
            raise RunError(f"The model of the trial '{spec.label}' could not be made again: {outcome.result.reason}.")
        save_fitted(data, spec, request.candidate, target, worker)

    where_lost_again(fit_and_save)


def keep_fitted(context: RunContext, data: Data, spec: TrialSpec, candidate: Candidate, worker: Worker) -> None:
    """Keep the model that ``worker`` fitted last while the run goes on; of a frozen network only its head.

    It appears under its name when it is whole. Where the worker dies meanwhile, it is not kept.
    """
    folder = model_folder(context.work, spec)
    partial = folder.with_name(f"{folder.name}.part")
    try:
        if spec.kind == "feature_extraction":
            worker.send(SaveHead(spec=spec, file=partial / HEAD_FILE))
            keep_on_disk(partial)
        else:
            save_fitted(data, spec, candidate, partial, worker)
    except WorkerDiedError as error:
        context.callbacks.on_warning(
            f"the model of {spec.label} is not kept ({error}); it is made again where it ships"
        )
        shutil.rmtree(partial, ignore_errors=True)
        return
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def save_fitted(data: Data, spec: TrialSpec, candidate: Candidate, folder: Path, worker: Worker) -> None:
    """Save the model that ``worker`` fitted last: it is whole before the checkpoint says that there is one."""
    decoding = data.index.decoding
    request = SaveModel(spec=spec, candidate=candidate, folder=folder, decode_size=data.base_size, decoding=decoding)
    worker.send(request)
    keep_on_disk(folder)


def keep_good(context: RunContext, plan: Plan, search: Search, latest: TrialRecord, worker: Worker) -> None:
    """Keep the model of a trial that ``worker`` has just run, where it might ship by what is known so far.

    Linear probes are not saved here: they come out the same when they are fitted again.
    """
    if plan.data.uses_folds or latest.state != "complete" or latest.spec.is_linear_probe:
        return
    if latest.spec in _worth_keeping(plan, search, latest):
        keep_fitted(context, plan.data, latest.spec, plan.space.of(latest.spec), worker)


def drop_worse(context: RunContext, plan: Plan, search: Search) -> None:
    """Drop the models of trials that will not ship.

    A model of a trial of the present round that was not told yet is left alone.
    """
    best = {model_folder(context.work, spec) for spec in _worth_keeping(plan, search)}
    others = [folder for folder in context.work.glob("model-*") if folder not in best]
    finished = {model_folder(context.work, f.spec) for f in search.finished} if others else set()
    for folder in finished.intersection(others):
        shutil.rmtree(folder, ignore_errors=True)


def _worth_keeping(plan: Plan, search: Search, *untold: TrialRecord) -> set[TrialSpec]:
    """The best three; where a small or a fast model is preferred, the best one of every network, too.

    They are contenders then (``SearchLog.contenders``), and no time is kept to train one of them again.
    """
    ranked = search.best(len(search.finished) + len(untold), *untold)
    found = {trial.spec for trial in ranked[:KEPT]}
    if plan.use is not None and plan.use.prefers_cheap:
        of_networks = {(trial.spec.backbone, trial.spec.weights): trial.spec for trial in reversed(ranked)}
        found |= set(of_networks.values())
    return found


def final_seconds(plan: Plan, contenders: Sequence[TrialRecord], scratch_seconds: float, *, refit: bool) -> float:
    """Seconds that must be kept for training what ships, and for measuring its file where that was asked for.

    They are the longest of ``contenders`` where it is refitted, and with folds, which leave no model of the whole
    pool, the networks from scratch too, which take ``scratch_seconds``.
    """
    longest = max((plan.costs.fold_seconds(c.spec) for c in contenders), default=0.0)
    folds = plan.data.uses_folds
    seconds = (longest if folds else 0.0) + (plan.use.seconds if plan.use is not None else 0.0)
    if refit and not folds:
        seconds += longest
    return seconds + (scratch_seconds if folds else 0.0)
