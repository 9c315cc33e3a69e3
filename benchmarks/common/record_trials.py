"""Runs trials on real images and keeps what came of them, for simulations.

    python -m benchmarks.common.record_trials DATASET --durations RESULT_JSON

They are the warm start of a search and, after it, configurations drawn by chance from the search space; those that are
one trial are run once. Nothing is pruned, so that every trial has a value. Ctrl-C keeps what there is. The network is
the stub, three convolutions, so that it takes minutes. How long trials take comes from the result of a whole run.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.common.machine import commit, machine_facts, package_versions
from benchmarks.common.recorded_trials import FILE, Duration, RecordedTrials, write_trials
from benchmarks.common.results import say
from benchmarks.common.stub_install import stub_on_path
from tlsearch.config import RunConfig
from tlsearch.listeners.running_trial import CompletedTrial, RunningTrial
from tlsearch.models.cuts import Cuts
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.context import RunContext, new_context
from tlsearch.pipeline.plan import Plan, make_plan
from tlsearch.pipeline.preflight import preflight
from tlsearch.pipeline.profile import Profile, affordable, best_candidates, make_profile
from tlsearch.pipeline.scan import check_and_split, scan
from tlsearch.pipeline.trial import run_trial
from tlsearch.results.result import read_result
from tlsearch.runs.budget import TimeBudget
from tlsearch.runs.output import WORK_FOLDER
from tlsearch.search.space import SearchSpace
from tlsearch.search.trial_record import TrialRecord
from tlsearch.search.warm_start import warm_start
from tlsearch.types import TrialSpec

KEPT_METRICS = ("val_loss", "val_accuracy")
NEW_SPECS = 1000
"""Configurations that are drawn in a row without a new one before there are none left."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a folder of class folders")
    parser.add_argument("--durations", type=Path, required=True, metavar="RESULT_JSON", help="of a finished run")
    parser.add_argument("--backbone", default="stub")
    parser.add_argument("--image-size", type=int, default=48)
    parser.add_argument("--epochs", type=int, default=4, help="of a trained trial (default 4)")
    parser.add_argument("--trials", type=int, default=80, help="of all kinds (default 80)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=FILE, metavar="FILE")
    typed = list(sys.argv[1:] if arguments is None else arguments)
    options = parser.parse_args(typed)
    with tempfile.TemporaryDirectory(prefix="tlsearch-benchmark-") as folder, stub_on_path(Path(folder) / "site"):
        found = record(Path(folder), options)
    command = shlex.join(["python", "-m", "benchmarks.common.record_trials", *typed])
    write_trials(replace(found, source={"command": command, **found.source}), options.output)
    return 0


def record(home: Path, options: argparse.Namespace) -> RecordedTrials:
    """The trials of a data set."""
    timed = read_result(options.durations.parent)
    config = RunConfig(
        options.dataset,
        backbones=(options.backbone,),
        trials=options.trials,
        epochs=options.epochs,
        image_size=options.image_size,
        seed=options.seed,
        baseline="none",
        cache_dir=home / "cache",
        workers=1,
    )
    output = home / "output"
    (output / WORK_FOLDER).mkdir(parents=True)
    with new_context(config, output, TimeBudget(None)) as context:
        files = scan(context)
        ready = preflight(context, files)
        plan = make_plan(context, check_and_split(context, files, max(ready.sizes)), ready)
        plan, profile = make_profile(context, plan)
        say(f"{len(plan.data.pool)} images, {len(plan.folds)} folds")
        trials = list(_run(context, plan, _specs(plan, profile, options)))
        context.pool.close()
    return RecordedTrials(
        source=_source(),
        durations=tuple(Duration.of(row.spec, round(row.seconds, 2)) for row in timed.trials if row.role == "trial"),
        durations_of={
            "networks": [f"{c.network or c.backbone} at {c.image_size} px" for c in timed.plan.candidates],
            "images": sum(sum(counts.values()) for counts in timed.dataset.counts.values()),
            "steps": timed.plan.steps,
        },
        images=len(plan.data.pool),
        train_images=len(plan.data.fold.train),
        policies=plan.space.policies,
        steps=plan.space.steps,
        batch_size=plan.space.batch_size,
        measured=tuple(_without_paths(facts) for facts in plan.measured.values()),
        profile=tuple(tuple(point.accuracy for point in profile[c]) for c in plan.measured),
        hints=plan.space.hints,
        trials=tuple(trials),
    )


def _source() -> dict[str, Any]:
    return {
        "commit": commit(),
        "machine": machine_facts(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": package_versions(),
    }


def _specs(plan: Plan, profile: Profile, options: argparse.Namespace) -> list[TrialSpec]:
    """The configurations of so many trials, each once."""
    space = plan.space
    accuracies = {candidate: [p.accuracy for p in points] for candidate, points in profile.items()}
    best = best_candidates(profile, affordable(plan))
    entries = warm_start(space, accuracies, best, lambda p: plan.costs.operations(space.spec(p)), options.trials)
    found = dict.fromkeys(space.spec(params) for params in entries)
    for params in _drawn(space, options.seed):
        if len(found) >= options.trials:
            break
        found.setdefault(space.spec(params))
    return list(found)


def _drawn(space: SearchSpace, seed: int) -> Iterator[Mapping[str, Any]]:
    """Parameters drawn by chance, as Optuna's random sampler draws them."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
    for _ in range(NEW_SPECS):
        yield study.ask(space.distributions()).params


def _run(context: RunContext, plan: Plan, specs: Sequence[TrialSpec]) -> Iterator[TrialRecord]:
    """Run each; ends early where it is interrupted."""
    for number, spec in enumerate(specs, 1):
        trial = RunningTrial(
            number=number,
            role="trial",
            name=f"{number} {spec.label}",
            spec=spec,
            candidate=plan.space.of(spec),
            folds=plan.folds_of(spec),
        )
        try:
            completed = run_trial(context, trial)
        except KeyboardInterrupt:
            say("interrupted")
            return
        yield _record(number, completed)
        result = completed.result
        say(f"{number} of {len(specs)}: {spec.label} {result.state} {result.value} in {result.seconds:.1f} s")


def _record(number: int, completed: CompletedTrial) -> TrialRecord:
    curve = [(epoch["fraction"], epoch["objective"]) for epoch in completed.epochs]
    result = completed.result
    found = TrialRecord.of(number, result.spec, result, curve)
    return replace(found, metrics={name: found.metrics[name] for name in KEPT_METRICS if name in found.metrics})


def _without_paths(facts: MeasuredCandidate) -> MeasuredCandidate:
    """The same without the path of the weights and the names of layers, which no simulation needs."""
    cuts = Cuts(tuple(replace(cut, frozen_layers=()) for cut in facts.cuts))
    return replace(facts, candidate=replace(facts.candidate, weights_file=None), cuts=cuts)


if __name__ == "__main__":
    sys.exit(main())
