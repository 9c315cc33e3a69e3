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
from tlsearch.disk import is_full
from tlsearch.errors import Interrupted, RunError, UsageError
from tlsearch.paths import cache_dir
from tlsearch.progress import Reporter, SilentReporter
from tlsearch.records import Candidate
from tlsearch.results.report import write_report
from tlsearch.results.result import RunResult, read_result, write_result
from tlsearch.search import wording
from tlsearch.search.again import check_unchanged
from tlsearch.search.assemble import Parts, assemble
from tlsearch.search.baseline import BaselineResult, run_baseline, scratch_of
from tlsearch.search.candidates import find_candidates
from tlsearch.search.clock import Clock
from tlsearch.search.confirm import CONTENDERS, Confirmation, confirm
from tlsearch.search.folder import LOG_NAME, is_finished, output_folder
from tlsearch.search.journal import Journal
from tlsearch.search.load import load_data
from tlsearch.search.models import fetch_model, fit_model
from tlsearch.search.plan import Plan, choose_policies, make_plan, sizes_of
from tlsearch.search.portfolio import depths_of
from tlsearch.search.profile import best_candidates, make_profile
from tlsearch.search.prove import Proof, open_test
from tlsearch.search.record import begun, complete_record, open_record
from tlsearch.search.session import ANSWERS_FOLDER, WORK_FOLDER, Session
from tlsearch.search.study import Finished
from tlsearch.search.sync import hint_at_sync
from tlsearch.search.trials import best_probe, check_storage, run_search
from tlsearch.worker_client import Worker


def run(config: RunConfig, reporter: Reporter | None = None) -> RunResult | None:
    """Find and prove the best way to reuse a pre-trained network for ``config.dataset``.

    Gives the result that ``result.json`` holds, or None after a dry run, which stops after the plan. Raises
    ``UsageError`` and its kinds where the request cannot be met, ``RunError`` where the run fails, ``Interrupted``
    where it was interrupted. A run that was broken off goes on where ``config.output`` holds it; of one that is
    finished the result is given.
    """
    reporter = reporter or SilentReporter()
    clock = Clock(config.effective_time_limit)
    with output_folder(config) as output:
        if is_finished(output):
            reporter.say("run", f"the run in {output} is finished; this is its result")
            hint_at_sync(reporter, output)
            return read_result(output)
        try:
            with Worker(output / LOG_NAME) as worker:
                return _run(config, reporter, worker, clock, output)
        except KeyboardInterrupt as stop:
            raise stop if config.dry_run else Interrupted(output) from stop
        except Exception as error:
            if not is_full(error) or isinstance(error, UsageError | RunError):
                raise
            what = f"a disk is full ({str(error).splitlines()[0].rstrip('.')})"
            remedy = f"make room, then go on with `tlsearch resume {shlex.quote(str(output))}`"
            raise RunError(f"The run in {output} was broken off, for {what}: {remedy}.") from error


def _run(config: RunConfig, reporter: Reporter, worker: Worker, clock: Clock, output: Path) -> RunResult | None:
    worker.start()
    if config.dry_run:
        config = replace(config, cache_dir=output)  # whoever measures opens a store, if only an empty one
    session, plan = _prepare(config, reporter, worker, clock, output)
    if config.dry_run:
        return None
    check_unchanged(session, plan)
    try:
        result = _spend(session, plan)
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        why = "" if interrupted else str(error) or type(error).__name__
        session.tracker.finish(session.parent_run, "KILLED" if interrupted else "FAILED", reason=why)
        if isinstance(error, UsageError):
            # The request could be met, as work has begun; what there is of the run is kept.
            raise RunError(str(error)) from error
        raise
    worker.close()
    return result


def _prepare(config: RunConfig, reporter: Reporter, worker: Worker, clock: Clock, output: Path) -> tuple[Session, Plan]:
    """scan, check, split, plan: everything up to the first spending of time."""
    with clock.measure("scan"):
        found_files = survey(
            config.dataset,
            lambda done, total: reporter.progress("data", done, total, "looking"),
            config.test,
            config.group_by,
        )
    with clock.measure("plan"):
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
        journal = Journal(output / WORK_FOLDER / ANSWERS_FOLDER, clock, {})
        record = open_record(config, reporter, journal, output)
    with clock.measure("scan"):
        data = load_data(config, found_files, max(sizes), output / WORK_FOLDER, reporter)
    session = Session(config, reporter, worker, clock, output, data, plugins, record)
    reporter.say("data", wording.data_line(data))
    for finding in check(data.index, data.split):
        reporter.warn(finding.message)
    with clock.measure("plan"):
        plan = make_plan(session, found, sizes, left_out)
    for line in wording.plan_lines(session, plan):
        reporter.say("plan", line)
    return session, plan


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


def _spend(session: Session, plan: Plan) -> RunResult:
    """profile, baseline, search, confirm, test once, report."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    started = session.journal.once(("started",), str, lambda: now)
    with begun(session, plan):
        plan, parts = _find(session, plan, started)
    return _report(session, plan, parts)


def _find(session: Session, plan: Plan, started: str) -> tuple[Plan, Parts]:
    """Everything that takes time; gives the plan without the candidates that turned out not to be worth it."""
    clock, config = session.clock, session.config
    with clock.measure("profile"):
        plan, profile = make_profile(session, plan)
    best = best_candidates(profile, _affordable(plan))
    baseline = None
    if config.baseline == "auto":
        with clock.measure("baseline"):
            baseline = run_baseline(session, plan, best[0])
        session.reporter.say("baseline", wording.baseline_line(baseline))
    with clock.measure("search"):
        log = run_search(session, plan, profile, best, baseline)
    contenders = log.search.best(CONTENDERS)
    probe = best_probe(log.search.finished, plan)
    if not contenders or probe is None:
        raise RunError(wording.nothing_found(log.search.finished, session.output))
    compared = len(plan.folds_of(contenders[0].spec)), len(plan.folds)
    session.reporter.say("search", wording.search_line(log.search.finished, contenders[0], log.why, *compared))
    with clock.measure("confirm"):
        confirmation = confirm(session, plan, contenders, probe, scratch_of(baseline))
    session.reporter.say("confirm", wording.confirm_line(confirmation))
    with clock.measure("test"):
        proof = _test(session, plan, confirmation, probe, baseline)
    session.reporter.say("test", wording.tested_line(proof, session))
    refit = config.refit and _refit(session, plan, confirmation)
    return plan, Parts(profile, baseline, log, probe, confirmation, proof, started, refit)


def _affordable(plan: Plan) -> dict[Candidate, bool]:
    """Whether the last stage of a candidate can be tuned within the cap of one trial."""
    result: dict[Candidate, bool] = {}
    for candidate in plan.space.candidates:
        spec = plan.space.spec(plan.space.params(candidate, train_suffix=True, freeze_depth=depths_of(candidate)[1]))
        result[candidate] = plan.cap is None or plan.costs.train_seconds(spec) <= plan.cap
    return result


def _test(
    session: Session, plan: Plan, confirmation: Confirmation, probe: Finished, baseline: BaselineResult | None
) -> Proof:
    """Make every model that is compared, then open the test split for them, once."""
    winner = confirmation.winner.spec
    models = {"winner": session.output / "model", "linear_probe": session.output / "linear_probe"}
    fetch_model(session, winner, plan.space.of(winner), models["winner"])
    fetch_model(session, probe.spec, plan.space.of(probe.spec), models["linear_probe"])
    for number, scratch in enumerate(scratch_of(baseline)):
        name = "baseline" if number == 0 else f"scratch {scratch.architecture}"
        models[name] = session.output / ("baseline" if number == 0 else f"scratch-{scratch.architecture}")
        fetch_model(session, scratch.result.spec, scratch.candidate, models[name])
    return open_test(session, models)


def _refit(session: Session, plan: Plan, confirmation: Confirmation) -> bool:
    """Train the winner once more, on training and validation images together, into a folder of its own: the model that
    was tested stays what it is."""
    if session.data.uses_folds:
        session.reporter.say("refit", "not needed: the tested model has been trained on all but the test images")
        return False
    spec = confirmation.winner.spec
    with session.clock.measure("refit"):
        fit_model(session, spec, plan.space.of(spec), session.output / "refit", whole_pool=True)
    session.reporter.say("refit", f"{spec.label} on {len(session.data.pool):,} images, not tested")
    return True


def _report(session: Session, plan: Plan, parts: Parts) -> RunResult:
    """Write everything down, in the output folder and in MLflow."""
    with session.clock.measure("report"):
        result = assemble(session, plan, parts, {"tlsearch": version("tlsearch"), **session.worker.call("versions")})
        write_result(result, session.output)
        report = write_report(result, session.output, session.data.index.root)
        complete_record(session, result, report)
    return result
