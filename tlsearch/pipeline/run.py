"""The main job, one way: scan, check, split, plan, profile, baseline, search, confirm, test once, report."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile

from tlsearch.config import RunConfig
from tlsearch.data.checks import check
from tlsearch.data.index import survey
from tlsearch.errors import Interrupted, RunError, UsageError
from tlsearch.pipeline import messages as wording
from tlsearch.pipeline.baseline import BaselineResult, run_baseline, scratch_of
from tlsearch.pipeline.candidates import find_candidates
from tlsearch.pipeline.confirm import CONTENDERS, Confirmation, confirm
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.evaluate import Evaluation, evaluate_once
from tlsearch.pipeline.models import fetch_model, fit_model
from tlsearch.pipeline.plan import Plan, choose_policies, make_plan, sizes_of
from tlsearch.pipeline.profile import best_candidates, make_profile
from tlsearch.pipeline.record import begun, complete_record, open_record
from tlsearch.pipeline.report import Parts, assemble
from tlsearch.pipeline.resume import check_unchanged
from tlsearch.pipeline.scan import load_data
from tlsearch.pipeline.search import best_probe, run_search
from tlsearch.report.html import write_report
from tlsearch.reporter import Reporter, SilentReporter
from tlsearch.results.result import RunResult, read_result, write_result
from tlsearch.runs.budget import TimeBudget
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.runs.output import CHECKPOINT_FOLDER, LOG_NAME, WORK_FOLDER, is_finished, output_folder
from tlsearch.search.storage import check_storage
from tlsearch.search.study import TrialRecord
from tlsearch.search.warm_start import depths_of
from tlsearch.tracking.sync import hint_at_sync
from tlsearch.types import Candidate
from tlsearch.utils.cache import cache_dir
from tlsearch.utils.files import is_full
from tlsearch.worker.client import Worker


def run(config: RunConfig, reporter: Reporter | None = None) -> RunResult | None:
    """Find and prove the best way to reuse a pre-trained network for ``config.dataset``.

    Gives the result that ``result.json`` holds, or None after a dry run, which stops after the plan. Raises
    ``UsageError`` and its kinds where the request cannot be met, ``RunError`` where the run fails, ``Interrupted``
    where it was interrupted. A run that was interrupted goes on where ``config.output`` holds it; of one that is
    finished the result is given.
    """
    reporter = reporter or SilentReporter()
    budget = TimeBudget(config.effective_time_limit)
    with output_folder(config) as output:
        if is_finished(output):
            reporter.say("run", f"the run in {output} is finished; this is its result")
            hint_at_sync(reporter, output)
            return read_result(output)
        try:
            with Worker(output / LOG_NAME) as worker:
                return _run(config, reporter, worker, budget, output)
        except KeyboardInterrupt as stop:
            raise stop if config.dry_run else Interrupted(output) from stop
        except Exception as error:
            if not is_full(error) or isinstance(error, UsageError | RunError):
                raise
            what = f"a disk is full ({str(error).splitlines()[0].rstrip('.')})"
            remedy = f"make room, then go on with `tlsearch resume {shlex.quote(str(output))}`"
            raise RunError(f"The run in {output} was interrupted, for {what}: {remedy}.") from error


def _run(config: RunConfig, reporter: Reporter, worker: Worker, budget: TimeBudget, output: Path) -> RunResult | None:
    worker.start()
    if config.dry_run:
        config = replace(config, cache_dir=output)  # whoever measures opens a store, if only an empty one
    context, plan = _prepare(config, reporter, worker, budget, output)
    if config.dry_run:
        return None
    check_unchanged(context, plan)
    try:
        result = _spend(context, plan)
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        why = "" if interrupted else str(error) or type(error).__name__
        context.tracker.finish(context.parent_run, "KILLED" if interrupted else "FAILED", reason=why)
        if isinstance(error, UsageError):
            # The request could be met, as work has begun; what there is of the run is kept.
            raise RunError(str(error)) from error
        raise
    worker.close()
    return result


def _prepare(
    config: RunConfig, reporter: Reporter, worker: Worker, budget: TimeBudget, output: Path
) -> tuple[RunContext, Plan]:
    """scan, check, split, plan: everything up to the first spending of time."""
    with budget.measure("scan"):
        found_files = survey(
            config.dataset,
            lambda done, total: reporter.progress("data", done, total, "looking"),
            config.test,
            config.group_by,
        )
    with budget.measure("plan"):
        plugins = worker.call("plugins")
        choose_policies(config, plugins)
        cache = str(config.cache_dir) if config.cache_dir else None
        found, left_out = find_candidates(
            config, plugins, reporter, lambda label: worker.call("weights_file", label=label, cache_dir=cache)
        )
        sizes = sizes_of(found, found_files, config)
        check_cache(config)
        if config.storage is not None and not config.dry_run:  # asking makes the database
            check_storage(config.storage)
        checkpoint = Checkpoint(output / WORK_FOLDER / CHECKPOINT_FOLDER, budget, {})
        record = open_record(config, reporter, checkpoint, output)
    with budget.measure("scan"):
        data = load_data(config, found_files, max(sizes), output / WORK_FOLDER, reporter)
    context = RunContext(config, reporter, worker, budget, output, data, plugins, record)
    reporter.say("data", wording.data_line(data))
    for finding in check(data.index, data.split):
        reporter.warn(finding.message)
    with budget.measure("plan"):
        plan = make_plan(context, found, sizes, left_out)
    for line in wording.plan_lines(context, plan):
        reporter.say("plan", line)
    return context, plan


def check_cache(config: RunConfig) -> None:
    """Raise ``UsageError`` where the feature store cannot be written, before any work."""
    folder = cache_dir(config.cache_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"The cache folder {folder} cannot be written ({error.strerror}): name another one with --cache-dir."
        ) from error


def _spend(context: RunContext, plan: Plan) -> RunResult:
    """profile, baseline, search, confirm, test once, report."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    started = context.checkpoint.get_or_compute(("started",), str, lambda: now)
    with begun(context, plan):
        plan, parts = _find(context, plan, started)
    return _report(context, plan, parts)


def _find(context: RunContext, plan: Plan, started: str) -> tuple[Plan, Parts]:
    """Everything that takes time; gives the plan without the candidates that turned out not to be worth it."""
    budget, config = context.budget, context.config
    with budget.measure("profile"):
        plan, profile = make_profile(context, plan)
    best = best_candidates(profile, _affordable(plan))
    baseline = None
    if config.baseline == "auto":
        with budget.measure("baseline"):
            baseline = run_baseline(context, plan, best[0])
        context.reporter.say("baseline", wording.baseline_line(baseline))
    with budget.measure("search"):
        log = run_search(context, plan, profile, best, baseline)
    contenders = log.search.best(CONTENDERS)
    probe = best_probe(log.search.finished, plan)
    if not contenders or probe is None:
        raise RunError(wording.nothing_found(log.search.finished, context.output))
    compared = len(plan.folds_of(contenders[0].spec)), len(plan.folds)
    context.reporter.say("search", wording.search_line(log.search.finished, contenders[0], log.why, *compared))
    with budget.measure("confirm"):
        confirmation = confirm(context, plan, contenders, probe, scratch_of(baseline))
    context.reporter.say("confirm", wording.confirm_line(confirmation))
    with budget.measure("test"):
        proof = _test(context, plan, confirmation, probe, baseline)
    context.reporter.say("test", wording.tested_line(proof, context))
    refit = config.refit and _refit(context, plan, confirmation)
    return plan, Parts(profile, baseline, log, probe, confirmation, proof, started, refit)


def _affordable(plan: Plan) -> dict[Candidate, bool]:
    """Whether the last stage of a candidate can be tuned within the cap of one trial."""
    result: dict[Candidate, bool] = {}
    for candidate in plan.space.candidates:
        spec = plan.space.spec(plan.space.params(candidate, train_suffix=True, freeze_depth=depths_of(candidate)[1]))
        result[candidate] = plan.cap is None or plan.costs.train_seconds(spec) <= plan.cap
    return result


def _test(
    context: RunContext, plan: Plan, confirmation: Confirmation, probe: TrialRecord, baseline: BaselineResult | None
) -> Evaluation:
    """Make every model that is compared, then open the test split for them, once."""
    winner = confirmation.winner.spec
    models = {"winner": context.output / "model", "linear_probe": context.output / "linear_probe"}
    fetch_model(context, winner, plan.space.of(winner), models["winner"])
    fetch_model(context, probe.spec, plan.space.of(probe.spec), models["linear_probe"])
    for number, scratch in enumerate(scratch_of(baseline)):
        name = "baseline" if number == 0 else f"scratch {scratch.architecture}"
        models[name] = context.output / ("baseline" if number == 0 else f"scratch-{scratch.architecture}")
        fetch_model(context, scratch.result.spec, scratch.candidate, models[name])
    return evaluate_once(context, models)


def _refit(context: RunContext, plan: Plan, confirmation: Confirmation) -> bool:
    """Train the winner once more, on training and validation images together, into a folder of its own: the model that
    was tested stays what it is."""
    if context.data.uses_folds:
        context.reporter.say("refit", "not needed: the tested model has been trained on all but the test images")
        return False
    spec = confirmation.winner.spec
    with context.budget.measure("refit"):
        fit_model(context, spec, plan.space.of(spec), context.output / "refit", whole_pool=True)
    context.reporter.say("refit", f"{spec.label} on {len(context.data.pool):,} images, not tested")
    return True


def _report(context: RunContext, plan: Plan, parts: Parts) -> RunResult:
    """Write everything down, in the output folder and in MLflow."""
    with context.budget.measure("report"):
        result = assemble(context, plan, parts, {"tlsearch": version("tlsearch"), **context.worker.call("versions")})
        write_result(result, context.output)
        report = write_report(result, context.output, context.data.index.root)
        complete_record(context, result, report)
    return result
