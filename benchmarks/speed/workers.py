"""How many more trials a minute do several workers on one machine finish, and do they find the same?

    python -m benchmarks.speed.workers

The same search, with the same rounds and threads, is run by each number of workers: tuned suffixes and heads of one
network on images made up on the spot, without a baseline. The time is that of the search alone, with processes that are
started and features that are stored already: a first search of the same kind, which is not counted, sees to both. The
search has about as many trials as a run of half an hour: with fewer, the time in which the last ones of a round are
waited for weighs more. The exit code is 1 where the trials or their values differ.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.synthetic_images import write_images
from tlsearch.config import RunConfig
from tlsearch.pipeline.context import RunContext, new_context
from tlsearch.pipeline.messages import recorded_run
from tlsearch.pipeline.plan import Plan, make_plan
from tlsearch.pipeline.preflight import open_record, preflight
from tlsearch.pipeline.profile import make_profile
from tlsearch.pipeline.scan import check_and_split, scan
from tlsearch.pipeline.search import run_study
from tlsearch.pipeline.workers import settle_workers
from tlsearch.runs.budget import TimeBudget
from tlsearch.runs.output import WORK_FOLDER

BENCHMARK = "speed.workers"
QUICK = {"images": 60, "trials": 4, "image_size": 32, "epochs": 1, "workers": [1, 2]}


@dataclass(frozen=True)
class Finished:
    """A search that is over: its seconds, and its trials with their values."""

    seconds: float
    trials: tuple[Any, ...]

    @property
    def per_minute(self) -> float:
        """Trials a minute."""
        return 60 * len(self.trials) / self.seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Search with each number of workers, and compare; 1 where they find something else."""
    parser = make_parser(__doc__)
    parser.add_argument("--images", type=int, default=400, help="images in all (default 400)")
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=4, help="of a trained trial (default 4)")
    parser.add_argument("--trials", type=int, default=24, help="of a search (default 24)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="numbers of workers (default 1 2)")
    parser.add_argument("--threads", type=int, default=1, help="of a worker (default 1)")
    parser.add_argument("--round-size", type=int, default=4, help="trials that are asked for at once (default 4)")
    parser.add_argument("--all-cores", action="store_true", help="also one worker with all cores, as without options")
    options = parse_options(parser, arguments, QUICK)
    with tempfile.TemporaryDirectory(prefix="tlsearch-benchmark-") as folder:
        home = Path(folder)
        write_images(home / "images", {"": options.images}, options.image_size, options.seed)
        found = {f"{n} workers" if n > 1 else "1 worker": measured(home, options, n) for n in options.workers}
        if options.all_cores:
            alone = argparse.Namespace(**{**vars(options), "threads": None, "round_size": 1})
            found["1 worker, all cores, rounds of one"] = measured(home, alone, 1)
    shared = [search.trials for name, search in found.items() if "all cores" not in name]
    same = all(trials == shared[0] for trials in shared)
    print_table(found, same)
    asked = {name: getattr(options, name) for name in ("images", "image_size", "epochs", "trials", "threads")}
    searches = {
        name: {"seconds": round(search.seconds, 2), "trials_per_minute": round(search.per_minute, 2)}
        for name, search in found.items()
    }
    publish(
        BENCHMARK,
        options,
        {**asked, "backbone": options.backbone, "round_size": options.round_size, "searches": searches, "same": same},
    )
    return 0 if same else 1


def measured(home: Path, options: argparse.Namespace, workers: int) -> Finished:
    """A search by so many workers, after one that is not counted."""
    name = f"{workers}-{options.threads}-{options.round_size}"
    config = RunConfig(
        dataset=home / "images",
        backbones=(options.backbone,),
        augment=("none",),
        trials=options.trials,
        epochs=options.epochs,
        image_size=options.image_size,
        seed=options.seed,
        cache_dir=home / f"cache-{options.threads}",
        tracking_uri=f"sqlite:///{home / f'{name}.db'}",
        workers=workers,
        threads=options.threads,
        round_size=options.round_size,
    )
    output = home / name
    (output / WORK_FOLDER).mkdir(parents=True)
    with new_context(config, output, TimeBudget(limit=None)) as context:
        say(f"{workers} workers: preparing")
        files = scan(context)
        ready = preflight(context, files)
        sharing = settle_workers(context, len(files.images))
        plan = make_plan(context, check_and_split(context, files, max(ready.sizes)), ready)
        plan = replace(plan, round_size=sharing.round_size)
        record = open_record(context)
        with record.recording(recorded_run(context, plan), context.checkpoint):
            plan, profile = make_profile(context, plan)
            finished = Finished(0.0, ())
            for counted in (False, True):
                say(f"{workers} workers: {'the search' if counted else 'a first search'}")
                finished = search(_anew(context, counted), plan, record, profile)
        context.pool.close()
    say(f"{finished.per_minute:.1f} trials a minute")
    return finished


def _anew(context: RunContext, counted: bool) -> RunContext:
    """The same run with a study and a checkpoint of its own, so that nothing is known of an earlier search."""
    from tlsearch.runs.checkpoint import Checkpoint

    output = context.output / ("counted" if counted else "first")
    (output / WORK_FOLDER).mkdir(parents=True)
    return replace(context, output=output, checkpoint=Checkpoint(output / "checkpoint", context.budget, context.passes))


def search(context: RunContext, plan: Plan, record: Any, profile: Any) -> Finished:
    """One search, timed."""
    plan = replace(plan, costs=replace(plan.costs, made=set()))
    began = time.monotonic()
    log = run_study(context, plan, record, profile, plan.space.candidates, None)
    seconds = time.monotonic() - began
    return Finished(seconds, tuple((f.spec, f.state, f.value, f.curve) for f in log.search.finished))


def print_table(found: dict[str, Finished], same: bool) -> None:
    """For people."""
    table = Table(title="A search by several workers")
    for column in ("", "seconds", "trials a minute", "against the first"):
        table.add_column(column, justify="right" if column else "left")
    first = next(iter(found.values()))
    for name, finished in found.items():
        ratio = finished.per_minute / first.per_minute
        table.add_row(name, f"{finished.seconds:.1f}", f"{finished.per_minute:.1f}", f"{ratio:.2f}")
    Console(width=100).print(table)
    Console(width=100).print("All found the same trials and values." if same else "They found different things.")


if __name__ == "__main__":
    sys.exit(main())
