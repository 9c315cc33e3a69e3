"""Does the search find good networks sooner than plain Optuna would?

    python -m benchmarks.quality.search_quality clothing --weights vgg16=vgg16_imagenet.weights.h5 --image-size 128

The best validation score is compared against seconds. Three searches, each with several seeds and the same number of
seconds:

- random search: Optuna's RandomSampler
- TPE from nothing: Optuna's TPESampler with its defaults
- tlsearch: the default search of `tlsearch run`: profile, warm start, cost-aware TPE, its own pruner

The first two are what an Optuna user writes: ask, train while reporting every epoch, tell; trials are pruned by the
MedianPruner that ``optuna.create_study`` gives a study (``--no-pruning``: by none), and nothing is known beforehand of
networks, costs, or trials that come out the same.

All share the images, the split, the folds, the search space, the schedule, and tlsearch's own trial runner with its
record in MLflow. That runner trains on stored features, which a plain loop does not have: the comparison is of what is
tried and when, and random search and TPE look much faster here than they are elsewhere. Candidates, steps and the cap
on a trial's cost are planned once, as `tlsearch run` plans when profile and search get the seconds that a search here
gets. The cap binds tlsearch alone, as do the models that it keeps of its best trials.

Every search begins with an empty feature store and a new worker process that has imported its libraries. The time axis
is wall-budget seconds from there: the profile, extraction of features, proposals, records and all. A value counts when
its trial is complete; a trial that is not complete when the time ends counts nothing, and is interrupted at its next
event. Three searches with three seeds at 400 s take an hour, and some minutes for starting.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from benchmarks.common.results import make_parser, parse_options, publish, read_result, say
from benchmarks.common.synthetic_images import write_images
from benchmarks.quality.search_curves import draw, print_table, summarize
from benchmarks.quality.search_methods import METHODS, Method
from tlsearch.config import RunConfig
from tlsearch.errors import TlsearchError
from tlsearch.pipeline.context import new_context
from tlsearch.pipeline.measure import open_pool
from tlsearch.pipeline.messages import recorded_run
from tlsearch.pipeline.plan import Plan, make_plan
from tlsearch.pipeline.preflight import open_record, preflight
from tlsearch.pipeline.scan import check_and_split, scan
from tlsearch.runs.budget import SHARES, TimeBudget
from tlsearch.runs.output import LOG_NAME, WORK_FOLDER
from tlsearch.training.trial import Outcome
from tlsearch.types import Decision, State, TrialResult
from tlsearch.worker.client import WorkerClient
from tlsearch.worker.events import Event, Listener
from tlsearch.worker.pool import WorkerPool
from tlsearch.worker.protocol import Request, RunTrial

BENCHMARK = "quality.search_quality"
QUICK = {"image_size": 32, "epochs": 1, "trials": 2, "seeds": [0], "time_limit": 60.0}
QUICK_IMAGES = {"train": 60, "val": 40, "test": 20}

UNLIMITED = 100_000
"""Trials that no search reaches."""

Record = dict[str, Any]

T = TypeVar("T")


class SearchBudget(TimeBudget):
    """A budget that keeps no time for what comes after a search, for nothing does."""

    def left_for(self, *later: str) -> float | None:
        """All seconds that are left."""
        return super().left_for()

    def share(self, step: str) -> float | None:
        """What a step may take; confirmation is not wanted."""
        return None if step == "confirm" else super().share(step)


class TimeIsUp(KeyboardInterrupt):
    """The time of a search has ended in the middle of a call."""


class WatchedWorker(WorkerClient):
    """A worker that notes when each trial began and ended, in seconds of ``time.monotonic``, and with what.

    At ``ends`` it interrupts what it does.
    """

    def __init__(self, log: Path) -> None:
        """Write what the worker prints into ``log``."""
        super().__init__(log)
        self.trials: list[tuple[float, float, TrialResult]] = []
        self.ends = math.inf

    def send(self, request: Request[T], listener: Listener | None = None) -> T:
        """The reply to a request, noted where it is a trial; ``TimeIsUp`` at the first event after ``ends``."""

        def in_time(event: Event) -> Decision:
            if time.monotonic() > self.ends:
                raise TimeIsUp
            return listener(event) if listener else Decision.CONTINUE

        began = time.monotonic()
        result: TrialResult | None = None
        try:
            reply = super().send(request, in_time)
            result = reply.result if isinstance(reply, Outcome) else None
        except (TlsearchError, TimeIsUp) as error:
            if isinstance(request, RunTrial):
                state: State = "failed" if isinstance(error, TlsearchError) else "timed_out"
                result = TrialResult(spec=request.spec, state=state, value=None, seconds=0.0, reason=str(error))
            raise
        finally:
            if result is not None:
                self.trials.append((began, time.monotonic(), result))
        return reply


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, or read what was found before; print the table and the result, draw the figure."""
    options = parse(arguments)
    if options.draw:
        found = dict(read_result(options.draw).figures)
    else:
        with tempfile.TemporaryDirectory(prefix="tlsearch-benchmark-") as folder:
            found = measure(options, Path(folder))
    found["summary"] = summarize(found["searches"], found["time_limit"])
    before = [search["seconds_before_trials"] for search in found["searches"] if search["method"] == "tlsearch"]
    found["profile_seconds"] = [min(before), max(before)] if before else None
    if options.plot:
        draw(found, options.plot)
    print_table(found, Console(width=160))
    if not options.draw:
        publish(BENCHMARK, options, found)
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options. Exits where they make no sense."""
    parser = make_parser(__doc__)
    parser.add_argument("dataset", nargs="?", type=Path, help="a folder as `tlsearch run` takes it")
    parser.add_argument("--backbone", action="append", default=[], help="NAME[@WEIGHTS]; may be repeated")
    parser.add_argument("--weights", action="append", default=[], help="BACKBONE[@NAME]=FILE; may be repeated")
    parser.add_argument("--image-size", type=int, help="side in pixels (default: as a run chooses)")
    parser.add_argument("--epochs", type=int, help="epochs of a trained trial (default: as a run plans)")
    parser.add_argument("--trials", type=int, default=UNLIMITED, help="at most so many a search (default: no limit)")
    parser.add_argument("--time-limit", type=float, default=400.0, help="seconds of each search (default 400)")
    parser.add_argument(
        "--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0, 1, 2], help="default 0,1,2"
    )
    parser.add_argument(
        "--method", action="append", choices=METHODS, help="search by this alone; may be repeated (default: all three)"
    )
    parser.add_argument("--no-pruning", action="store_true", help="random search and TPE train every trial to its end")
    parser.add_argument("--partial", type=Path, help="write what was found here, after every search")
    parser.add_argument("--plot", type=Path, help="draw a PNG here")
    parser.add_argument("--draw", type=Path, metavar="FILE.json", help="run nothing; show what --result wrote")
    options = parse_options(parser, arguments, QUICK)
    if not options.quick and (options.dataset is None) == (options.draw is None):
        parser.error("give a data set to search, or --draw FILE.json")
    return options


def measure(options: argparse.Namespace, folder: Path) -> Record:
    """All searches, seed by seed, so that a machine that grows slower slows every method."""
    dataset = options.dataset or write_images(folder / "images", QUICK_IMAGES, 32, 0)
    config = request(options, dataset, folder)
    plan = prepare(config, folder / "plan")
    found = describe(plan, options)
    for seed in options.seeds:
        for name in options.method or METHODS:
            place = folder / f"{name}-{seed}"
            limits = options.time_limit, not options.no_pruning
            record = search(replace(config, seed=seed), place, plan, METHODS[name], *limits)
            found["searches"].append({"method": name, "seed": seed, **record})
            shutil.rmtree(place)
            if options.partial:
                options.partial.write_text(json.dumps(found), encoding="utf-8")
            say(f"{name}, seed {seed}: {best_of(found['searches'][-1])}")
    return found


def request(options: argparse.Namespace, dataset: Path, folder: Path) -> RunConfig:
    """What a run would be asked for whose profile and search get the seconds of a search here."""
    return RunConfig(
        dataset=dataset,
        backbones=tuple(options.backbone),
        weights=tuple(options.weights),
        image_size=options.image_size,
        epochs=options.epochs,
        trials=options.trials,
        time_limit=options.time_limit / (SHARES["profile"] + SHARES["search"]),
        seed=options.seeds[0],
        cache_dir=folder,
        tracking_uri=f"sqlite:///{folder / 'mlflow.db'}",
        experiment="search quality",
    )


def prepare(config: RunConfig, folder: Path) -> Plan:
    """Read, split and plan as `tlsearch run` does."""
    (folder / WORK_FOLDER).mkdir(parents=True)
    with new_context(config, folder, TimeBudget(limit=config.effective_time_limit)) as context:
        files = scan(context)
        ready = preflight(context, files)
        return make_plan(context, check_and_split(context, files, max(ready.sizes)), ready)


def search(config: RunConfig, folder: Path, plan: Plan, method: Method, seconds: float, pruning: bool) -> Record:
    """One search by the seed of ``config``, with a new worker and an empty store in ``folder``.

    Its ``seconds`` start when the worker has its images.
    """
    config = replace(config, cache_dir=folder)
    plan = replace(plan, space=replace(plan.space, seed=config.seed), costs=replace(plan.costs, made=set()))
    (folder / WORK_FOLDER).mkdir(parents=True)
    worker = WatchedWorker(folder / LOG_NAME)
    with worker, new_context(config, folder, TimeBudget(limit=seconds)) as context:
        context = replace(context, pool=WorkerPool(lambda: worker))
        record = open_record(context)
        with record.recording(recorded_run(context, plan), context.checkpoint):
            open_pool(context, plan.data, plan.measured)
            budget = SearchBudget(limit=seconds)
            worker.ends = budget.started + seconds
            with suppress(TimeIsUp):
                method(replace(context, budget=budget), plan, record, pruning)
            taken = budget.elapsed()
        record.tracker.finish(record.parent_run, "FINISHED")
    trials = [
        describe_trial(result, began - budget.started, ended - budget.started) for began, ended, result in worker.trials
    ]
    before = min((trial["began"] for trial in trials), default=taken)
    return {"seconds": round(taken, 1), "seconds_before_trials": round(before, 1), "trials": trials}


def describe_trial(result: TrialResult, began: float, ended: float) -> Record:
    """What is kept of a trial; times are seconds since the search began."""
    return {
        "label": result.spec.label,
        "kind": "solved" if result.spec.is_linear_probe else result.spec.kind,
        "state": result.state,
        "value": result.value,
        "began": round(began, 2),
        "ended": round(ended, 2),
    }


def describe(plan: Plan, options: argparse.Namespace) -> Record:
    """What all searches share."""
    data = plan.data
    return {
        "dataset": data.index.root.name,
        "images": {"training": len(data.fold.train), "validation": len(data.fold.val), "folds": len(data.folds)},
        "metric": data.metric.name,
        "candidates": [f"{c.label} at {c.image_size} px" for c in plan.space.candidates],
        "policies": plan.space.policies,
        "steps": plan.space.steps,
        "trained_folds": plan.costs.trained_folds,
        "cap_seconds": plan.cap,
        "pruner": "none" if options.no_pruning else "median",
        "time_limit": options.time_limit,
        "searches": [],
    }


def best_of(search: Record) -> str:
    """A word on a search that is over."""
    values = [trial["value"] for trial in search["trials"] if trial["value"] is not None]
    return f"best {max(values, default=0):.3f}, {len(search['trials'])} trials in {search['seconds']:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
