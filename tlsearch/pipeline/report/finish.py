"""The end of a run: the result, the page and the record are written."""

from __future__ import annotations

import shlex
import traceback
from contextlib import suppress
from pathlib import Path

from tlsearch.listeners.mlflow import MlflowCallback
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.evaluate import refit
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.preflight import prune_shared_cache
from tlsearch.pipeline.report.assemble import assemble
from tlsearch.pipeline.report.record import complete_record, runs_in_order
from tlsearch.pipeline.report.step_results import StepResults
from tlsearch.report.html import write_report
from tlsearch.results.result import RunResult, read_result, write_result
from tlsearch.tracking.sync import hint_at_sync
from tlsearch.utils.files import write_atomically

REPORT_ERROR_FILE = "report-error.log"
"""The file in the output folder that says why there is no report."""


def finished_result(context: RunContext) -> RunResult:
    """The result of a run that is over already."""
    context.callbacks.on_step("run", f"the run in {context.output} is finished; this is its result")
    hint_at_sync(context.callbacks.on_warning, context.output)
    result = read_result(context.output)
    context.callbacks.on_run_end(result)
    return result


def report(context: RunContext, plan: Plan, record: MlflowCallback, found: StepResults) -> RunResult:
    """Write everything down, in the output folder and in MLflow, and train the winner once more where that is asked."""
    refitted = context.config.refit and refit(context, plan, found.models)
    with context.budget.measure("report"):
        result = assemble(context, plan, record, found, refitted)
        write_result(result, context.output)
        page = _page(context, plan, result)
        complete_record(context, plan, record, result, page, runs_in_order(found.log, found.confirmation))
    prune_shared_cache(context.config)
    context.callbacks.on_run_end(result)
    return result


def _page(context: RunContext, plan: Plan, result: RunResult) -> Path | None:
    """The page; None where it could not be made, which costs neither the result nor the record."""
    try:
        return write_report(result, context.output, plan.data.index.root)
    except Exception as error:
        log = context.output / REPORT_ERROR_FILE
        with suppress(OSError):
            # Names of files that are not Unicode come in as surrogates, which UTF-8 cannot hold.
            write_atomically(log, traceback.format_exc().encode("utf-8", "backslashreplace"))
        context.callbacks.on_warning(
            f"the report could not be made ({type(error).__name__}: {error}), all else is complete: {log} says where "
            f"it failed, and `tlsearch report {shlex.quote(str(context.output))}` tries again"
        )
        return None
