"""The record of a search of a hundred trials: written by the search's own code, with a worker that trains nothing."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.helpers.pipeline.contexts import make_context
from tests.helpers.pipeline.made_up import LITE, VGG, facts_of, plugin_facts
from tlsearch.listeners.callback_list import CallbackList
from tlsearch.listeners.mlflow import MlflowCallback, RecordedRun
from tlsearch.listeners.running_trial import RunningTrial
from tlsearch.pipeline.trial import run_trial
from tlsearch.tracking.tracker import Tracker
from tlsearch.tracking.trial_fields import run_name
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, TrialResult, TrialSpec
from tlsearch.worker.events import EpochEnd, Listener
from tlsearch.worker.protocol import RunTrial

EPOCHS = 12


class MadeUpWorker:
    """Runs a trial at once with a learning curve; every fifth is pruned."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.asked = 0

    def send(self, request: RunTrial, listener: Listener) -> Outcome:
        self.asked += 1
        spec = request.spec
        best = float(self.rng.uniform(0.5, 0.9))
        for epoch in range(1, 1 if spec.is_linear_probe else EPOCHS + 1):
            share = 1 - math.exp(-epoch / 4)
            listener(EpochEnd({"epoch": epoch, "fraction": epoch / EPOCHS, **_metrics(best * share)}))
        result = TrialResult(
            spec=spec, state="complete", value=best, seconds=20.0, metrics={**_metrics(best), "trainable_params": 5e4}
        )
        if self.asked % 5 == 0:
            result = replace(result, state="pruned", value=None, reason="below the median")
        return Outcome(result, np.zeros(0, np.int64), np.zeros((0, 2), np.float32))


def record_search(folder: Path, trials: int, database: Path) -> tuple[str, float]:
    """Record a parent with ``trials`` children, each with its learning curve, into ``database``; gives the end of the
    link to them and the seconds that recording a trial took. The search writes into ``folder``."""
    tracker = Tracker.open(f"sqlite:///{database}", f"of {trials}", directory=folder)
    record = MlflowCallback(tracker)
    context = replace(make_context(folder, MadeUpWorker()), callbacks=CallbackList([record], []))
    run = RecordedRun(
        output=folder / "search",
        params={"dataset": "made up"},
        dataset=str(folder),
        dataset_name="made up",
        fingerprint="f00",
        counts={"train": 100},
        seed=0,
        metric="accuracy",
        ranked_by=["val_accuracy"],
        plugins=plugin_facts().versions(),
        cuts={candidate: facts_of(candidate).cuts for candidate in (LITE, VGG)},
    )
    with record.recording(run, context.checkpoint):
        rng = np.random.default_rng(1)
        began = time.monotonic()
        for number in range(1, trials + 1):
            candidate, spec = _spec(rng)
            name = run_name(number, trials, spec.label)
            trial = RunningTrial(number=number, role="trial", name=name, spec=spec, candidate=candidate, folds=())
            run_trial(context, trial)
        seconds = (time.monotonic() - began) / trials
    tracker.finish(record.parent_run, "FINISHED", {"val": 0.9, "test": 0.88})
    return record.view.partition("/#/")[2], seconds


def _spec(rng: np.random.Generator) -> tuple[Candidate, TrialSpec]:
    candidate = (LITE, VGG)[rng.integers(2)]
    spec = TrialSpec(
        backbone=candidate.backbone,
        weights=candidate.weights,
        image_size=candidate.image_size,
        depth=candidate.depth,
        freeze_depth=int(rng.integers(1, candidate.depth + 1)),
        policy="geometric",
        strength=round(float(rng.uniform(0.1, 1)), 2),
        units=int(rng.choice([0, 64, 256])),
        steps=400,
        lr_head=float(10 ** rng.uniform(-4, -2)),
    )
    if spec.is_linear_probe:
        # Without anything to train, what tells such a trial from others is its skip_cut.
        spec = replace(
            spec, policy="none", strength=0.0, steps=0, lr_head=0.0, skip_cut=int(rng.integers(candidate.depth))
        )
    return candidate, spec


def _metrics(value: float) -> dict[str, float]:
    return {
        "train_loss": 2 - value,
        "train_accuracy": min(1.0, value + 0.05),
        "val_loss": 2.1 - value,
        "val_accuracy": value,
        "objective": value,
    }
