"""The training: how long, with which learning rates, and successive halving of these in the worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tlsearch.config import RunConfig
from tlsearch.errors import OutOfTimeError, PluginError, PluginFailedError, RunError
from tlsearch.listeners.mlflow import RecordedRun
from tlsearch.listeners.running_trial import RunningTrial
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.halving import RaceResult, halve
from tlsearch.pipeline.jobs import run_jobs
from tlsearch.pipeline.measure import measure_rendering, measure_whole
from tlsearch.pipeline.pretrain.prepare import Start
from tlsearch.pipeline.saved_models import save_fitted
from tlsearch.pipeline.scratch_time import UNLIMITED_EPOCHS, costs_of
from tlsearch.pretrain_config import PretrainConfig
from tlsearch.report.numbers import format_score
from tlsearch.runs.budget import TimeBudget, rest_seconds
from tlsearch.search.cost import RENDER_SECONDS
from tlsearch.search.space import schedule
from tlsearch.training.batches import steps_per_epoch
from tlsearch.types import TrialResult, TrialSpec
from tlsearch.utils.addresses import shown_source, source_name
from tlsearch.utils.files import keep_on_disk
from tlsearch.utils.units import counted, format_duration
from tlsearch.worker.models.requests import SaveBackbone, TrySaving
from tlsearch.worker.pool import Worker
from tlsearch.worker.protocol import RunSuccessiveHalving

FROM_RANDOM = (1e-3, 3e-3, 3e-4)
"""Learning rates that are tried from random values: those of the networks from scratch in a run."""

FROM_WEIGHTS = (3e-4, 1e-4, 3e-5)
"""Learning rates that are tried from other weights, which larger ones would undo."""

HEAD_RATE = 1e-3
"""The learning rate of the classes' layer on top of other weights, where it begins as a linear probe."""

FEWEST_STEPS = 10
"""Steps of the shortest training, however little time there is."""

MODEL_FOLDER = "model"
"""The folder in the output folder for the whole model, with the classes of the source data set."""

WEIGHTS_FILE = "trained.weights.h5"
"""The file in the work folder for the weights before they are installed."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """What is trained: what it begins with, the network as it was measured, and one spec for each learning rate."""

    start: Start
    measured: MeasuredCandidate
    specs: tuple[TrialSpec, ...]

    def epochs(self, data: Data) -> float:
        """How often each training image is to be seen."""
        spec = self.specs[0]
        return round(spec.steps / steps_per_epoch(len(data.fold.train), spec.batch_size), 2)

    def epochs_of(self, best: TrialResult, data: Data) -> float:
        """How often each was seen in what came of it: the time may have been over before."""
        if not best.reason or not best.history:
            return self.epochs(data)
        return round(best.history[-1]["epoch"], 2)


def plan_training(context: RunContext, data: Data, start: Start) -> Training:
    """Measure the network, and fix how long it is trained; says so."""
    with context.budget.measure("plan"):
        try:
            measured = measure_whole(context, data, start.candidate)
        except PluginFailedError as error:
            raise PluginError(
                f"{str(error).rstrip('.')}: `tlsearch plugins check {start.backbone.name}` shows where."
            ) from error
        file = weights_file(context.work)
        context.checkpoint.get_or_compute(
            ("try saving",), bool, lambda: context.worker.send(TrySaving(candidate=measured.candidate, file=file))
        )
        steps = context.checkpoint.get_or_compute(("schedule",), int, lambda: _steps(context, data, start, measured))
        rates = FROM_RANDOM if start.weights is None else FROM_WEIGHTS
        specs = tuple(_spec(context.config, start, measured, steps, rate) for rate in rates)
        training = Training(start=start, measured=measured, specs=specs)
    context.say("plan", _plan_lines(context.budget, data, training))
    return training


def train(context: RunContext, data: Data, training: Training) -> RaceResult:
    """Train with every learning rate, the best one to the end; its model and its weights are saved."""
    candidate, specs = training.measured.candidate, training.specs
    trials = [
        RunningTrial(
            number=number,
            role="trial",
            name=f"{spec.label} lr {spec.lr_suffix:g}",
            spec=spec,
            candidate=candidate,
            folds=(data.fold,),
            step="train",
        )
        for number, spec in enumerate(specs)
    ]
    question = ("pretraining", specs, data.fold)
    states = context.work / "states"
    left = context.budget.left_for("rest")
    request = RunSuccessiveHalving(candidate=candidate, specs=specs, fold=data.fold, states=states, seconds=left)

    def keep(raced: RaceResult, worker: Worker) -> None:
        best = raced.best.spec
        save_fitted(data, best, candidate, context.output / MODEL_FOLDER, worker)
        worker.send(SaveBackbone(spec=best, candidate=candidate, file=weights_file(context.work)))
        keep_on_disk(weights_file(context.work))

    with context.budget.measure("train"):
        raced: RaceResult | None = context.checkpoint.get(question, RaceResult)
        if raced is None:
            try:
                raced = next(run_jobs(context.pool, [halve(context, trials, request, question, keep)])).result()
            except OutOfTimeError as error:
                limit = format_duration(context.budget.most(1.0))
                raise RunError(f"Nothing was trained in {limit}, for {error}: allow more with --time-limit.") from error
    for trial, completed in zip(trials, raced.trials(), strict=True):
        context.callbacks.on_trial_recalled(trial, completed)
    context.say("train", [_trained_line(raced.best, specs, training.epochs_of(raced.best, data))])
    return raced


def weights_file(work: Path) -> Path:
    """Where the weights are before they are installed."""
    return work / WEIGHTS_FILE


def recorded_training(context: RunContext, config: PretrainConfig, data: Data, training: Training) -> RecordedRun:
    """What the record in MLflow says of a training."""
    split, metric, limit = data.split, data.metric, context.budget.limit
    return RecordedRun(
        output=context.output,
        params={
            "dataset": shown_source(config.source),
            "weights": config.label,
            "started_from": training.start.label,
            "image_size": training.start.image_size,
            "steps": training.specs[0].steps,
            "epochs": training.epochs(data),
            "batch_size": config.batch_size,
            "metric": metric.name,
            "time_limit": "none" if limit is None else limit,
            "seed": config.seed,
        },
        dataset=shown_source(config.source),
        dataset_name=source_name(config.source) or "images",
        fingerprint=data.index.fingerprint,
        counts={"train": len(split.train), "val": len(split.val), "test": len(split.test)},
        seed=config.seed,
        metric=metric.name,
        greater_is_better=metric.sign > 0,
        ranked_by=[f"val_{metric.name}"],
        plugins=training.start.plugin_versions,
        cuts={training.measured.candidate: training.measured.cuts},
        role="pretraining",
    )


def _steps(context: RunContext, data: Data, start: Start, measured: MeasuredCandidate) -> int:
    """As many steps as were asked for, else 60 epochs and no fewer than a trial of a run has; or what the time allows.

    It is decided once: a training that is resumed must be the same.
    """
    config, images, limit = context.config, len(data.fold.train), context.budget.limit
    per_epoch = steps_per_epoch(images, config.batch_size)
    if config.epochs is not None:
        wanted = schedule(images, config.batch_size, config.epochs)
    else:
        wanted = max(UNLIMITED_EPOCHS * per_epoch, schedule(images, config.batch_size, None))
    if limit is None:
        return wanted
    rendering = measure_rendering(context, (start.policy,), start.image_size)
    costs = costs_of(data, rendering.get(start.policy, RENDER_SECONDS))
    epochs = costs.halving_epochs(measured, limit - context.budget.elapsed() - rest_seconds(limit))
    return min(wanted, max(int(epochs * per_epoch), FEWEST_STEPS))


def _spec(config: RunConfig, start: Start, measured: MeasuredCandidate, steps: int, rate: float) -> TrialSpec:
    return TrialSpec(
        backbone=start.backbone.name, weights=measured.candidate.weights, image_size=start.image_size,
        depth=len(measured.cuts), freeze_depth=0, dropout=0.2,
        policy=start.policy, strength=0.5 if start.policy != "none" else 0.0, views=0,
        steps=steps, batch_size=config.batch_size,
        lr_suffix=rate, lr_head=rate if start.weights is None else HEAD_RATE, weight_decay=1e-3,
        seed=config.seed,
    )  # fmt: skip


def _plan_lines(budget: TimeBudget, data: Data, training: Training) -> list[str]:
    start, limit = training.start, budget.limit
    time = f"at most {format_duration(limit)}" if limit is not None else "no time limit"
    return [
        f"{start.backbone.name} at {start.image_size} px, from {start.label}",
        f"{_epochs(training.epochs(data))} of {counted(len(data.fold.train), 'image')}, {len(training.specs)} learning "
        f"rates of which the best after a third goes on; augmentation {start.policy}; {time}",
    ]


def _trained_line(best: TrialResult, specs: Sequence[TrialSpec], epochs: float) -> str:
    rate = f"learning rate {best.spec.lr_suffix:g} of {len(specs)}"
    if best.reason:
        rate += f"; {best.reason}"
    return f"validation {format_score(best.score)}, selected   {best.seconds:.0f} s   ({rate}; {_epochs(epochs)})"


def _epochs(number: float) -> str:
    return f"{number:g} epoch{'' if number == 1 else 's'}"
