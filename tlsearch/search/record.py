"""The record of a whole run in MLflow: opened before any work, begun with the first, completed with the result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.data.pixels import open_pixels
from tlsearch.progress import Reporter
from tlsearch.results.pictures import PICTURES_FOLDER
from tlsearch.results.result import RunResult
from tlsearch.search import wording
from tlsearch.search.journal import Journal
from tlsearch.search.plan import Plan
from tlsearch.search.session import Session
from tlsearch.search.sync import hint_at_sync, name_runs, settle
from tlsearch.shield import shielded
from tlsearch.tracking.location import locate
from tlsearch.tracking.outbox import UNSENT_FOLDER
from tlsearch.tracking.register import Figures
from tlsearch.tracking.tracker import Tracker


def open_record(config: RunConfig, reporter: Reporter, journal: Journal, output: Path) -> Tracker | None:
    """The record in MLflow, where the first life of the run opened it; a dry run only asks whether it could be opened.

    Raises ``TrackingError`` where it cannot, or where the winner could not be registered as asked.
    """
    if config.dry_run:
        locate(config.tracking_uri, Path.cwd())
        return None
    # Without an option it lies in the folder where the run was started, which need not be where it is taken up.
    uri: str = journal.once(("tracking",), str, lambda: locate(config.tracking_uri, Path.cwd()).uri)
    tracker = Tracker.open(uri, config.effective_experiment, unsent=output / UNSENT_FOLDER, warn=reporter.warn)
    if config.register is not None:
        tracker.check_registry(config.register)
    if tracker.warning:
        reporter.warn(tracker.warning)
    return tracker


@contextmanager
def begun(session: Session, plan: Plan) -> Iterator[None]:
    """Starts the parent run, or takes up that of an earlier life, and inside records the load of the machine in it."""
    tracker, metric = session.tracker, session.data.metric
    kept: str | None = session.journal.recall(("parent",), str)
    if kept is None:
        tracker.close_left_open(str(session.output))
        with shielded():
            session.parent_run = _start_parent(session, plan)
            session.journal.keep(("parent",), session.parent_run)
    else:
        session.parent_run = kept
        session.unfinished.update(tracker.take_up(kept))
    figures = [f"val_{metric}"] if plan.costs.trained_folds == len(plan.folds) else ["val_compared", f"val_{metric}"]
    session.view = tracker.offer_view(session.parent_run, figures)
    with tracker.system_metrics(session.parent_run):
        yield


def _start_parent(session: Session, plan: Plan) -> str:
    tracker, index, split = session.tracker, session.data.index, session.data.split
    run_id = tracker.start_parent(
        session.output.name, wording.parent_params(session, plan), wording.parent_tags(session)
    )
    counts = {"train": len(split.train), "val": len(split.val), "test": len(split.test)}
    tracker.log_dataset(run_id, index.root.name or "images", index.root, index.fingerprint, counts)
    return run_id


def complete_record(session: Session, result: RunResult, report: Path) -> None:
    """The files of a run, its model, its figures and its story; the winner is registered where that was asked for."""
    tracker, run_id, output = session.tracker, session.parent_run, session.output
    session.close_unfinished()
    tracker.send_waiting()
    name_runs(tracker, output)
    for path in (report, output / "result.json", output / "trials.csv", output / CONFIG_NAME):
        tracker.log_artifact(run_id, path)
    tracker.log_artifact(run_id, output / PICTURES_FOLDER, PICTURES_FOLDER)
    example = np.asarray(open_pixels(session.work / f"pool-{result.winner.spec.image_size}.npy")[:1])
    model: str = session.journal.once(
        ("model",), str, lambda: tracker.log_model(run_id, output / "model", example, result.dataset.classes)
    )
    name = session.config.register
    if name is not None:
        session.journal.once(("register",), str, lambda: _register(session, result, name, model))
    tracker.finish(run_id, "FINISHED", wording.parent_metrics(result), wording.parent_description(result))
    if tracker.send_waiting():
        hint_at_sync(session.reporter, output)
    else:
        settle(tracker, output)


def _register(session: Session, result: RunResult, name: str, model: str) -> str:
    """What became of it, which is also told."""
    figures = Figures(result.dataset.fingerprint, result.metrics.name, result.metrics.val)
    said = session.tracker.register(
        name, model, session.parent_run, figures, wording.version_tags(result), wording.version_note(result)
    )
    if said:
        session.reporter.say("register", said)
    else:
        session.reporter.warn(f"the winner is not registered as {name} yet, for the record in MLflow failed")
    return said
