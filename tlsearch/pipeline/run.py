"""The flow of a run.

scan, preflight, check, split, plan, resize, profile, baseline, search, confirm, evaluate, calibrate, report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tlsearch.callbacks import Callback
from tlsearch.config import RunConfig
from tlsearch.listeners.mlflow import MlflowCallback
from tlsearch.pipeline.baseline import scratch_of, train_baseline
from tlsearch.pipeline.confirm import confirm
from tlsearch.pipeline.context import RunContext, open_run, try_out
from tlsearch.pipeline.evaluate import evaluate, make_models
from tlsearch.pipeline.evaluate.beside_models import write_beside_models
from tlsearch.pipeline.limits.refusal import refuse_before_limit
from tlsearch.pipeline.limits.time_messages import say_duration, warn_if_short
from tlsearch.pipeline.messages import recorded_run
from tlsearch.pipeline.plan import Plan, begin_or_resume, make_plan
from tlsearch.pipeline.preflight import check_places, check_record, open_record, preflight
from tlsearch.pipeline.profile import choose_best, make_profile
from tlsearch.pipeline.report import StepResults, finished_result, report
from tlsearch.pipeline.resize.choose import choose_resize
from tlsearch.pipeline.scan import check_and_split, scan
from tlsearch.pipeline.search import search
from tlsearch.pipeline.search.steps import settle_steps
from tlsearch.pipeline.workers import settle_workers
from tlsearch.reporter import Reporter
from tlsearch.results.result import RunResult
from tlsearch.runs.output import is_finished


def run(config: RunConfig, reporter: Reporter | None = None, callbacks: Sequence[Callback] = ()) -> RunResult:
    """Find and prove the best way to reuse a pre-trained network for ``config.dataset``.

    A run that was interrupted is resumed where ``config.output`` holds it. Of a run that is finished the result is
    given.

    Args:
        config: What is asked for.
        reporter: Is told lines and progress, as the console is.
        callbacks: Follow the run; see ``tlsearch.Callback``.

    Returns:
        The result that ``result.json`` holds.

    Raises:
        UsageError: The request cannot be met as asked; the kinds of it say whether data, weights, a plugin or the
            record are in the way.
        RunError: The run failed.
        Interrupted: The run was interrupted and can be resumed.
    """
    with open_run(config, reporter, callbacks) as context:
        if is_finished(context.output):
            return finished_result(context)
        plan, record = plan_run(context)
        plan = choose_resize(context, plan)
        with record.recording(recorded_run(context, plan), context.checkpoint):
            plan, profile = make_profile(context, plan)
            best = choose_best(context.callbacks, plan, profile)
            baseline = train_baseline(context, plan, best[0])
            plan = settle_steps(context, plan, best, baseline)
            log, probe = search(context, plan, record, profile, best, baseline)
            confirmation = confirm(context, plan, log.contenders, probe, scratch_of(baseline), log.selected_from)
            models = make_models(context, plan, confirmation, probe, baseline)
            baseline = models.baseline
            evaluation = evaluate(context, plan, record, models, baseline)
            write_beside_models(context, plan, models, log, probe, evaluation)
        steps = StepResults(
            profile=profile, baseline=baseline, log=log, probe=probe, models=models, evaluation=evaluation
        )
        return report(context, plan, record, steps)


def plan_run(context: RunContext) -> tuple[Plan, MlflowCallback]:
    """Scan, preflight, check, split and plan: what can refuse the request, before the run has begun anything.

    Returns:
        The plan, and the record in MLflow, which is open.

    Raises:
        UsageError: The request cannot be met as asked.
    """
    check_places(context)
    with refuse_before_limit(context):
        files = scan(context)
        ready = preflight(context, files)
        sharing = settle_workers(context, len(files.images))
        context.pool.start()
        record = open_record(context)
        data = check_and_split(context, files, max(ready.sizes))
        plan = replace(make_plan(context, data, ready), round_size=sharing.round_size)
    begin_or_resume(context, plan)
    warn_if_short(context, plan, ready)
    say_duration(context, plan)
    return plan, record


def plan(config: RunConfig, reporter: Reporter | None = None) -> Plan:
    """Say what ``run`` would do: a dry run, which trains nothing and leaves nothing behind.

    Args:
        config: What is asked for; its output folder is not used.
        reporter: Is told lines and progress.

    Returns:
        The candidates as they were measured, the search space, what trials cost, and what is left out and why.

    Raises:
        UsageError: The request cannot be met as asked.
    """
    with try_out(config, reporter) as context:
        with refuse_before_limit(context):
            files = scan(context)
            ready = preflight(context, files, download=False)
            settle_workers(context, len(files.images))
            check_record(context)
            data = check_and_split(context, files, max(ready.sizes))
            plan = make_plan(context, data, ready)
        warn_if_short(context, plan, ready)
        say_duration(context, plan)
        return plan
