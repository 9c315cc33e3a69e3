"""The record of a whole run in MLflow: opened before any work, begun with the first, completed with the result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.data.pixels import open_pixels
from tlsearch.pipeline import messages as wording
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.report.images import PICTURES_FOLDER
from tlsearch.reporter import Reporter
from tlsearch.results.result import RunResult
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.tracking.location import locate
from tlsearch.tracking.outbox import UNSENT_FOLDER
from tlsearch.tracking.register import Figures
from tlsearch.tracking.sync import hint_at_sync, name_runs, settle
from tlsearch.tracking.tracker import Tracker
from tlsearch.utils.signals import defer_interrupts


def open_record(config: RunConfig, reporter: Reporter, checkpoint: Checkpoint, output: Path) -> Tracker | None:
    """The record in MLflow, where the first attempt at the run opened it; a dry run only asks whether it could be
    opened.

    Raises ``TrackingError`` where it cannot, or where the winner could not be registered as asked.
    """
    if config.dry_run:
        locate(config.tracking_uri, Path.cwd())
        return None
    # Without an option it lies in the folder where the run was started, which need not be where it is taken up.
    uri: str = checkpoint.get_or_compute(("tracking",), str, lambda: locate(config.tracking_uri, Path.cwd()).uri)
    tracker = Tracker.open(uri, config.effective_experiment, unsent=output / UNSENT_FOLDER, warn=reporter.warn)
    if config.register is not None:
        tracker.check_registry(config.register)
    if tracker.warning:
        reporter.warn(tracker.warning)
    return tracker


@contextmanager
def begun(context: RunContext, plan: Plan) -> Iterator[None]:
    """Starts the parent run, or resumes that of an earlier attempt, and records the load of the machine in it."""
    tracker, metric = context.tracker, context.data.metric
    kept: str | None = context.checkpoint.get(("parent",), str)
    if kept is None:
        tracker.close_left_open(str(context.output))
        with defer_interrupts():
            context.parent_run = _start_parent(context, plan)
            context.checkpoint.put(("parent",), context.parent_run)
    else:
        context.parent_run = kept
        context.unfinished.update(tracker.take_up(kept))
    figures = [f"val_{metric}"] if plan.costs.trained_folds == len(plan.folds) else ["val_compared", f"val_{metric}"]
    context.view = tracker.offer_view(context.parent_run, figures)
    with tracker.system_metrics(context.parent_run):
        yield


def _start_parent(context: RunContext, plan: Plan) -> str:
    tracker, index, split = context.tracker, context.data.index, context.data.split
    run_id = tracker.start_parent(
        context.output.name, wording.parent_params(context, plan), wording.parent_tags(context)
    )
    counts = {"train": len(split.train), "val": len(split.val), "test": len(split.test)}
    tracker.log_dataset(run_id, index.root.name or "images", index.root, index.fingerprint, counts)
    return run_id


def complete_record(context: RunContext, result: RunResult, report: Path) -> None:
    """The files of a run, its model, its figures and its story; the winner is registered where that was asked for."""
    tracker, run_id, output = context.tracker, context.parent_run, context.output
    context.close_unfinished()
    tracker.send_waiting()
    name_runs(tracker, output)
    for path in (report, output / "result.json", output / "trials.csv", output / CONFIG_NAME):
        tracker.log_artifact(run_id, path)
    tracker.log_artifact(run_id, output / PICTURES_FOLDER, PICTURES_FOLDER)
    example = np.asarray(open_pixels(context.work / f"pool-{result.winner.spec.image_size}.npy")[:1])
    model: str = context.checkpoint.get_or_compute(
        ("model",), str, lambda: tracker.log_model(run_id, output / "model", example, result.dataset.classes)
    )
    name = context.config.register
    if name is not None:
        context.checkpoint.get_or_compute(("register",), str, lambda: _register(context, result, name, model))
    tracker.finish(run_id, "FINISHED", wording.parent_metrics(result), wording.parent_description(result))
    if tracker.send_waiting():
        hint_at_sync(context.reporter, output)
    else:
        settle(tracker, output)


def _register(context: RunContext, result: RunResult, name: str, model: str) -> str:
    """What became of it, which is also told."""
    figures = Figures(result.dataset.fingerprint, result.metrics.name, result.metrics.val)
    said = context.tracker.register(
        name, model, context.parent_run, figures, wording.version_tags(result), wording.version_note(result)
    )
    if said:
        context.reporter.say("register", said)
    else:
        context.reporter.warn(f"the winner is not registered as {name} yet, for the record in MLflow failed")
    return said
