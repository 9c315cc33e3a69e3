"""The end of the record in MLflow: files, model, figures and story of a run, and the rank of its trials."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tlsearch.config import CONFIG_NAME
from tlsearch.data.images.pixels import open_pixels
from tlsearch.explain.study import MAPS_FOLDER
from tlsearch.listeners.callback_list import CallbackList
from tlsearch.listeners.mlflow import MlflowCallback
from tlsearch.pipeline import messages
from tlsearch.pipeline.confirm import Confirmation
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.limits.shortest_limit import may_take
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.search import SearchLog
from tlsearch.report.images import PICTURES_FOLDER
from tlsearch.report.markdown import describe, describe_model
from tlsearch.report.verdict import answers
from tlsearch.results.flatten import COSTS, FIGURES_FILE, SCORES, compared_metrics, figure_table
from tlsearch.results.result import RunResult
from tlsearch.tracking.exported import INPUT, MODEL_URI, ModelPage
from tlsearch.tracking.sync import hint_at_sync, name_runs, settle
from tlsearch.tracking.trial_fields import run_name

_TABLES = json.dumps([{"path": FIGURES_FILE, "type": "table"}])
"""By this the UI shows the file as a table."""


def runs_in_order(log: SearchLog, confirmation: Confirmation) -> list[str]:
    """Give the ids of the runs of all complete trials, in the order of the choice.

    The winner comes first, then those that cannot be told apart from it in the order of preference, then all others as
    the search ranks them.
    """
    ranked = log.search.ranked()
    found = {f.spec: f for f in ranked}
    chosen = [found[spec] for spec in (confirmation.winner.spec, *confirmation.level) if spec in found]
    runs = {row.number: row.run_id for row in log.rows}
    return [run for number in {f.number: f for f in (*chosen, *ranked)} if (run := runs.get(number))]


def complete_record(
    context: RunContext,
    plan: Plan,
    record: MlflowCallback,
    result: RunResult,
    report: Path | None,
    order: Sequence[str],
) -> None:
    """Record the files of a run, its model, its figures and its story; register the winner where that is asked.

    ``report`` is None where the page could not be made. ``order`` has the ids of the runs of all complete
    trials, in the order of the choice.
    """
    tracker, run_id, output = record.tracker, record.parent_run, context.output
    limit = context.budget.limit
    if limit is not None:  # a store may be slow; so late no file is begun, and `tlsearch sync` sends it
        tracker.keep_files_from((limit + may_take(limit)) / 2 - context.budget.elapsed())
    record.close_left_open()
    tracker.send_waiting(files=False)
    name_runs(tracker, output)
    for path in (
        *([report] if report else []),
        *(output / name for name in ("result.json", "trials.csv", CONFIG_NAME)),
    ):
        tracker.log_artifact(run_id, path)
    if report is not None:
        tracker.log_artifact(run_id, output / PICTURES_FOLDER, PICTURES_FOLDER)
    if (output / MAPS_FOLDER).is_dir():
        tracker.log_artifact(run_id, output / MAPS_FOLDER, MAPS_FOLDER)
    model = context.checkpoint.get_or_compute(
        ("model", run_id), str, lambda: _log_model(context.output, plan, record, result)
    )
    name = context.config.register
    if name is not None:
        context.checkpoint.get_or_compute(
            ("register", run_id), str, lambda: _register(context.callbacks, record, result, name, model)
        )
    record.rank_trials(order, _longest_name(result, context.config.effective_trials))
    _log_figures(record, result, model)
    story = {"mlflow.note.content": describe(result), **answers(result)}
    tracker.finish(run_id, "FINISHED", tags={**story, "mlflow.loggedArtifacts": _TABLES})
    if tracker.send_waiting():
        hint_at_sync(context.callbacks.on_warning, output)
    else:
        settle(tracker, output)


def _log_figures(record: MlflowCallback, result: RunResult, model: str) -> None:
    """Those that runs are compared by as metrics, and all as a table."""
    compared = compared_metrics(result)
    scores, costs = ({name: compared[name] for name in part if name in compared} for part in (SCORES, COSTS))
    record.log_figures(model, scores, costs)
    record.tracker.log_dict(record.parent_run, figure_table(result), FIGURES_FILE)


def _longest_name(result: RunResult, total: int) -> int:
    """Letters of the longest name of a trial's run."""
    return max(len(run_name(row.number, total, row.label)) for row in result.trials if row.role == "trial")


def _log_model(output: Path, plan: Plan, record: MlflowCallback, result: RunResult) -> str:
    """Its address in MLflow, or an id of our own until the store has one."""
    size, classes, folder = result.winner.spec.image_size, result.dataset.classes, "model"
    if (choice := result.choice) is not None:
        size, folder = choice.image_size, choice.model
    example = np.asarray(open_pixels(plan.data.pixels_at(size))[:1])
    page = ModelPage(note=describe_model(result, MODEL_URI, INPUT), params=messages.model_params(result))
    return record.tracker.log_model(record.parent_run, output / folder, example, classes, page)


def _register(callbacks: CallbackList, record: MlflowCallback, result: RunResult, name: str, model: str) -> str:
    """What became of it, which is also told."""
    figures, tags, note = messages.version_figures(result), messages.version_tags(result), messages.version_note(result)
    became = record.tracker.register(name, model, record.parent_run, figures, tags, note)
    if became:
        callbacks.on_step("register", became)
    else:
        callbacks.on_warning(f"the winner is not registered as {name} yet, for the record in MLflow failed")
    return became
