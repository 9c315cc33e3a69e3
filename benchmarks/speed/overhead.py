"""How much time does tlsearch add to a trial that has nothing to extract?

    python -m benchmarks.speed.overhead

Such a trial is a head on pooled features that are stored already. Two kinds of trial: hidden heads, which are trained,
and linear heads, which are solved. tlsearch runs them as a run does: an Optuna study and an MLflow store in SQLite,
proposals by its own sampler, a worker process that is renewed from time to time, the models of the best three kept.
Beside it the same specs run bare, in one process: Keras' own `fit` on arrays in memory, or one call of the solver. The
images are made up, their features are extracted before the clock starts, and so is one trial on either side. Only heads
are proposed, and no trial is pruned, so that all train all their epochs.

Each side runs twice (with `--quick` once): undisturbed, for the times, and watched, for the parts into which they fall.
Takes ten minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from rich.console import Console

from benchmarks.common.machine import ROOT
from benchmarks.common.results import make_parser, parse_options, publish
from benchmarks.common.synthetic_images import CLASSES, write_images
from benchmarks.speed.overhead_bare import Job
from benchmarks.speed.overhead_parts import PARENT, joined, read_workers, watch_workers
from benchmarks.speed.overhead_table import Side, summary, table
from benchmarks.speed.stack_sampler import Sampler
from tlsearch.config import RunConfig
from tlsearch.pipeline.context import RunContext, new_context
from tlsearch.pipeline.measure import open_pool
from tlsearch.pipeline.messages import recorded_run
from tlsearch.pipeline.plan import Plan, make_plan
from tlsearch.pipeline.preflight import open_record, preflight
from tlsearch.pipeline.profile import Profile, make_profile
from tlsearch.pipeline.scan import check_and_split, pool_digest, scan
from tlsearch.pipeline.search import run_study
from tlsearch.runs.budget import TimeBudget
from tlsearch.runs.output import WORK_FOLDER
from tlsearch.search.space import Params, SearchSpace
from tlsearch.types import Candidate, TrialSpec
from tlsearch.utils import serialize
from tlsearch.utils.cache_folders import features_dir
from tlsearch.worker.protocol import RunTrial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

VALIDATION_IMAGES = 0.2
"""Validation images for every training image; about as in a run's own split, 15 for 70."""

WARM_START, PRUNE = "tlsearch.pipeline.search.searching.warm_start", "tlsearch.search.pruner.SameKindPruner.prune"
"""What the searches that are compared do without."""

BENCHMARK = "speed.overhead"
BARE = "benchmarks.speed.overhead_bare"
QUICK = {"images": 60, "trials": 2, "solved": 2, "epochs": 2, "image_size": 32}
TITLES = {"hidden": "hidden heads", "solved": "linear probes"}


@dataclass(frozen=True, kw_only=True)
class HeadSpace(SearchSpace):
    """A search space of nothing but heads on frozen features: all hidden, or all linear."""

    hidden: bool = True

    def distributions(self) -> dict[str, BaseDistribution]:
        """See ``SearchSpace``."""
        from optuna.distributions import CategoricalDistribution

        fixed = {"train_suffix": False, "hidden": self.hidden}
        return {**super().distributions(), **{name: CategoricalDistribution([value]) for name, value in fixed.items()}}

    def params(self, candidate: Candidate, **chosen: Any) -> Params:
        """See ``SearchSpace``."""
        return super().params(candidate, **{"hidden": self.hidden, **chosen})


@dataclass(frozen=True)
class Prepared:
    """What a run knows when its search begins; its features are in the store."""

    config: RunConfig
    plan: Plan
    profile: Profile


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = make_parser(__doc__)
    parser.add_argument("--images", type=int, default=3000, help="training images (default 3000)")
    parser.add_argument("--trials", type=int, default=40, help="trials of hidden heads (default 40)")
    parser.add_argument("--solved", type=int, default=12, help="trials of linear probes (default 12)")
    parser.add_argument("--epochs", type=int, default=5, help="epochs of a hidden head (default 5)")
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--image-size", type=int, default=64)
    options = parse_options(parser, arguments, QUICK)
    with tempfile.TemporaryDirectory(prefix="tlsearch-benchmark-") as name:
        prepared = prepare(options, Path(name))
        found = {
            kind: compare(prepared, kind, trials, Path(name) / kind, once=options.quick)
            for kind, trials in (("hidden", options.trials), ("solved", options.solved))
            if trials
        }
    report(options, found)
    return 0


def prepare(options: argparse.Namespace, folder: Path) -> Prepared:
    """Images, and everything that a run does before its search: scan, split, plan and profile.

    The profile leaves the pooled features of every cut in the store.
    """
    held = max(len(CLASSES), round(VALIDATION_IMAGES * options.images))
    sizes = {"train": options.images, "val": held, "test": 4 * len(CLASSES)}
    write_images(folder / "images", sizes, options.image_size, options.seed)
    config = RunConfig(
        dataset=folder / "images", backbones=(options.backbone,), augment=("none",), trials=1, epochs=options.epochs,
        image_size=options.image_size, seed=options.seed, cache_dir=folder / "cache", baseline="none",
        tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", experiment="overhead",
    )  # fmt: skip
    (folder / "preparation" / WORK_FOLDER).mkdir(parents=True)
    with new_context(config, folder / "preparation", TimeBudget(limit=None)) as context:
        files = scan(context)
        ready = preflight(context, files)
        plan = make_plan(context, check_and_split(context, files, max(ready.sizes)), ready)
        plan, profile = make_profile(context, plan)
    return Prepared(config, plan, profile)


def compare(prepared: Prepared, kind: str, trials: int, folder: Path, *, once: bool) -> dict[str, Side]:
    """The two sides of one kind of trial, each undisturbed and watched; ``once`` only watched."""
    prepared = with_heads(prepared, kind)
    watched = run_ours(prepared, trials, folder / "ours-watched", watched=True)
    if once:
        bare = run_bare(prepared, watched.specs, folder / "bare-watched", watched=True)
        return {"ours": watched, "ours watched": watched, "bare": bare, "bare watched": bare}
    ours = run_ours(prepared, trials, folder / "ours", watched=False)
    if ours.specs != watched.specs:
        raise SystemExit("the two searches have not tried the same")
    return {
        "ours": ours,
        "ours watched": watched,
        "bare": run_bare(prepared, ours.specs, folder / "bare", watched=False),
        "bare watched": run_bare(prepared, ours.specs, folder / "bare-watched", watched=True),
    }


def with_heads(prepared: Prepared, kind: str) -> Prepared:
    """The same with a search space of nothing but "hidden" or "solved" heads."""
    space = HeadSpace(**vars(prepared.plan.space), hidden=kind == "hidden")
    return replace(prepared, plan=replace(prepared.plan, space=space))


def run_ours(prepared: Prepared, trials: int, folder: Path, *, watched: bool) -> Side:
    """The search as a run has it, with its own study and worker."""
    environment = watch_workers(folder / "parts") if watched else {}
    plan = replace(prepared.plan, costs=replace(prepared.plan.costs, made=set()))
    config, output = replace(prepared.config, trials=trials), folder / "output"
    (output / WORK_FOLDER).mkdir(parents=True)
    with mock.patch.dict(os.environ, environment), new_context(config, output, TimeBudget(limit=None)) as context:
        _warm_up(context, plan)
        # Most of the warm start is no head on frozen features.
        no_warm_start, no_pruning = mock.patch(WARM_START, return_value=[]), mock.patch(PRUNE, return_value=False)
        record = open_record(context)
        sampler = Sampler(PARENT)
        with record.recording(recorded_run(context, plan), context.checkpoint):
            if watched:
                sampler.start()
            began = time.monotonic()
            with no_warm_start, no_pruning:
                log = run_study(context, plan, record, prepared.profile, plan.space.candidates, None)
            ended = time.monotonic()
            segments = sampler.stop() if watched else []
        context.worker.close()
    finished = log.search.finished
    if any(f.state != "complete" for f in finished) or len(finished) < trials:
        states = ", ".join(f"{f.state} {f.reason}".strip() for f in finished)
        raise SystemExit(f"of {trials} trials {len(finished)} are finished ({states}): {log.why}")
    workers = read_workers(folder / "parts") if watched else []
    return Side(
        seconds=ended - began,
        specs=tuple(f.spec for f in finished),
        values=tuple(f.value for f in finished if f.value is not None),
        parts=joined(segments, workers, began, ended),
        workers=len(workers),
    )


def _warm_up(context: RunContext, plan: Plan) -> None:
    """One trial that is not counted: what a process does only once, such as its imports, is not the price of a trial.

    A worker that is renewed later does it again, and then it counts.
    """
    open_pool(context, plan.data, plan.measured)
    candidate = plan.space.candidates[0]
    spec = plan.space.spec(plan.space.params(candidate))
    context.worker.send(RunTrial(candidate=candidate, spec=spec, folds=tuple(plan.folds)))


def run_bare(prepared: Prepared, specs: tuple[TrialSpec, ...], folder: Path, *, watched: bool) -> Side:
    """The specs in a process that holds nothing but Keras or the solver."""
    plan, data, candidate = prepared.plan, prepared.plan.data, prepared.plan.space.candidates[0]
    job = Job(
        facts=plan.measured[candidate],
        versions=plan.plugin_versions(),
        pixels=str(data.pixels),
        labels=data.labels,
        groups=data.groups,
        classes=data.index.classes,
        digest=pool_digest(data),
        store=str(features_dir(prepared.config.cache_dir)),
        fold=data.fold,
        specs=specs,
        watched=watched,
    )
    folder.mkdir(parents=True)
    (folder / "job").write_text(json.dumps(serialize.STRICT.encode(job)), encoding="utf-8")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", BARE, str(folder / "job"), str(folder / "answer")]
        code = subprocess.run(command, env=environment, cwd=ROOT, stderr=log, check=False).returncode
    if code:
        raise SystemExit(f"the bare side failed:\n{(folder / 'log').read_text(encoding='utf-8')[-2000:]}")
    answer = json.loads((folder / "answer").read_text(encoding="utf-8"))
    return Side(seconds=sum(answer["seconds"]), specs=specs, values=tuple(answer["values"]), parts=answer["parts"])


def report(options: argparse.Namespace, found: Mapping[str, Mapping[str, Side]]) -> None:
    """A table for people, and the result."""
    asked = {"train_images": options.images, "epochs": options.epochs, "backbone": options.backbone}
    figures = {kind: summary(sides) for kind, sides in found.items()}
    for kind, figure in figures.items():
        title = f"{TITLES[kind]}: {figure['trials']} trials, {options.images} training images"
        Console(width=120).print(table(title, figure))
    publish(BENCHMARK, options, {**asked, **figures})


if __name__ == "__main__":
    sys.exit(main())
