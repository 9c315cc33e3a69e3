"""Running one trial: from a TrialSpec to a TrialResult, on stored features wherever something is frozen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tlsearch.data.split import Fold
from tlsearch.features.extractor import Extractor
from tlsearch.features.prefix import Network
from tlsearch.models.build import build_suffix
from tlsearch.models.heads import Head, HeadWeights
from tlsearch.models.scratch_init import input_scale, prepare_from_scratch
from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.stats.metrics import log_loss, softmax
from tlsearch.training.batches import trial_seed
from tlsearch.training.compiled import CompiledModel, ModelCache, compile_model
from tlsearch.training.linear_head import LabelledImages, fit_linear_head, logits, standardisation
from tlsearch.training.stopped import TrialStopped, after, timed_out
from tlsearch.training.trainer import COUNTED_EPOCHS, Task, Trainer
from tlsearch.training.trial_data import TrialData
from tlsearch.training.validation import validation
from tlsearch.types import AnyArray, Decision, EpochJudge, EpochNumbers, Float32Array, IntArray, TrialResult, TrialSpec
from tlsearch.utils.deadline import check_time, no_time_limit, time_limit

START_STEPS = 400
"""Steps for which a hidden head is trained on frozen features before the suffix joins in."""


@dataclass
class Fitted:
    """A model that was just fitted, as far as it is needed to save it. ``backbone_weights`` None: as in the file."""

    spec: TrialSpec
    head: Head
    backbone_weights: list[AnyArray] | None

    @classmethod
    def of(cls, spec: TrialSpec, compiled: CompiledModel) -> Fitted:
        """Take what a model has learned by now."""
        backbone = compiled.backbone
        return cls(spec, compiled.head, None if backbone is None else backbone.get_weights())


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        result: Its result.
        val_rows: The validation images of all folds, as rows of the pool.
        val_probabilities: The probabilities (rows, classes) that the fitted models gave for them.
    """

    result: TrialResult
    val_rows: IntArray
    val_probabilities: Float32Array

    def probabilities_of(self, rows: AnyArray) -> AnyArray | None:
        """The probabilities (rows, classes) of validation images; None where some of ``rows`` were not validated on."""
        place = {int(row): number for number, row in enumerate(self.val_rows)}
        if any(int(row) not in place for row in rows):
            return None
        return np.asarray(self.val_probabilities[[place[int(row)] for row in rows]], np.float64)


class TrialRunner:
    """Runs trials on one pool.

    Attributes:
        extractor: Gives the features of the pool.
        metric: What trials are valued by.
        fitted: The model of the last fold of the last trial.
        models: Those that were compiled for the folds of a trial, and are still there for the same trial on others.
        rows: Gives what a trial reads.
    """

    def __init__(self, extractor: Extractor, metric: GuardedMetric) -> None:
        """Run trials on the pool of ``extractor``."""
        self.extractor = extractor
        self.metric: GuardedMetric = metric
        self.fitted: Fitted | None = None
        self.models = ModelCache()
        self.rows = TrialData(extractor, metric)

    def run(
        self,
        network: Network,
        spec: TrialSpec,
        folds: Sequence[Fold],
        judge: EpochJudge,
        seconds: float | None,
        *,
        keep: bool = False,
    ) -> Outcome:
        """Train a spec on each fold and validate it there; the value is the mean over folds.

        Args:
            network: The network that it is about.
            spec: What it computes.
            folds: Where it trains and validates. A fold without validation images only fits. The history is that of
                the first fold.
            judge: Decides after every epoch whether the trial goes on; ``fraction`` counts over all folds.
            seconds: After so many the trial is timed out, between two batches: it has no value.
            keep: Whether its model stays for the same trial on other folds.
        """
        models = self.models.during(reuse=len(folds) > 1, keep=keep)
        with time_limit(seconds), models, self.rows.for_all_folds():
            return self._run(network, spec, folds, judge)

    def _run(self, network: Network, spec: TrialSpec, folds: Sequence[Fold], judge: EpochJudge) -> Outcome:
        started = time.monotonic()
        self.fitted = None
        history: list[dict[str, float]] = []
        rows: list[IntArray] = []
        probabilities: list[Float32Array] = []
        numbers: list[dict[str, float]] = []
        state, reason = "complete", ""
        try:
            for number, fold in enumerate(folds):
                kept = history if number == 0 else []
                val, of_fold, outcome = self._fold(network, spec, fold, _recording(judge, kept, number, len(folds)))
                numbers.append(outcome)
                rows.append(val)
                probabilities.append(of_fold)
                if number + 1 < len(folds):
                    with timed_out(f"after {number + 1} of {len(folds)} folds"):
                        check_time()
        except TrialStopped as stop:
            state, reason = stop.state, stop.reason
            self.fitted = None
        metrics = {name: float(np.mean([n[name] for n in numbers])) for name in (numbers[0] if numbers else {})}
        cut = network.cuts.at(spec.freeze_depth)
        result = TrialResult(
            spec=spec,
            state=state,  # type: ignore[arg-type]  # TrialStopped carries one of the states
            value=metrics.get("objective") if state == "complete" else None,
            seconds=time.monotonic() - started,
            metrics=metrics or dict(history[-1] if history else {}),
            history=tuple(history),
            reason=reason,
            frozen_layers=cut.frozen_layers if cut else (),
            cut_point=cut.name if cut else "",
            fold_values=tuple(n["objective"] for n in numbers if "objective" in n) if state == "complete" else (),
        )
        none = np.zeros((0, len(self.extractor.pool.classes)), np.float32)
        return Outcome(result, np.concatenate([np.zeros(0, np.int64), *rows]), np.concatenate([none, *probabilities]))

    def _fold(
        self, network: Network, spec: TrialSpec, fold: Fold, judge: EpochJudge
    ) -> tuple[IntArray, Float32Array, dict[str, float]]:
        with timed_out("before it was trained"):
            if spec.is_linear_probe:
                return self._fit_probe(network, spec, fold)
            trainer = self.prepare(network, spec, fold)
        self._train(trainer, judge, renew_norm=spec.kind == "from_scratch")
        self.fitted = Fitted.of(spec, trainer.compiled)
        with no_time_limit():  # all is trained
            probabilities = trainer.probabilities(trainer.task.plain(), trainer.task.val)
        numbers = trainer.final()
        numbers["trainable_params"] = float(sum(np.prod(v.shape) for v in trainer.model.trainable_variables))
        return trainer.task.val, probabilities, numbers

    def _train(self, trainer: Trainer, judge: EpochJudge, renew_norm: bool) -> None:
        for number in range(1, trainer.epochs + 1):
            counts = number > trainer.epochs - COUNTED_EPOCHS
            with timed_out(after(trainer)):
                numbers = trainer.run_epoch(renew_norm and counts)
            if number == trainer.epochs:
                judge({**numbers, "fraction": 1.0})
                return
            decision = judge({**numbers, "fraction": number / trainer.epochs})
            if decision is Decision.PRUNE:
                raise TrialStopped("pruned", after(trainer))  # whoever decided it knows why
            if decision is Decision.TIME_OUT:
                raise TrialStopped("timed_out", f"its time ended {after(trainer)}")

    # Fully frozen: the head alone, on pooled features.

    def _fit_probe(
        self, network: Network, spec: TrialSpec, fold: Fold
    ) -> tuple[IntArray, Float32Array, dict[str, float]]:
        task = self.rows.pooled(network, spec, fold)
        views = range(spec.views) if spec.strength else range(1)
        parts = [task.rows(v).take(task.train) for v in views]
        x = np.concatenate(parts) if len(parts) > 1 else parts[0]
        del parts
        images = LabelledImages(task.labels[task.train], task.train_groups, task.classes, task.train_weights)
        numbers, c = fit_linear_head(x, images, trial_seed(spec, "solve"), task.class_weights, len(views))
        y = np.tile(images.labels, len(views))
        self.fitted = Fitted(spec, Head.of(numbers, task.classes), None)
        probabilities = softmax(logits(numbers, task.plain().take(task.val)))
        fit = softmax(logits(numbers, x))
        return (
            task.val,
            probabilities,
            {
                "train_loss": log_loss(fit, y),
                "train_accuracy": float((fit.argmax(axis=1) == y).mean()),
                **validation(probabilities, task.labels[task.val], self.metric),
                "trainable_params": float(numbers.linear[0].size + numbers.linear[1].size),
                "c": c,
            },
        )

    # What is trained in steps: a head alone, a suffix, or the whole network.

    def prepare(self, network: Network, spec: TrialSpec, fold: Fold) -> Trainer:
        """Give the trainer of a trial on a fold, with its model at its start."""
        if spec.kind == "feature_extraction":
            return self._head_trainer(spec, self.rows.pooled(network, spec, fold))
        numbers = None if spec.kind == "from_scratch" else self._head_start(network, spec, fold)
        start = starting_point(spec)
        key = ("suffix", network.candidate, network.precision, min(spec.batch_size, len(fold.train)), start)
        compiled = self.models.get(key, lambda: self._build(network, start))
        if numbers is not None:
            compiled.head.set(numbers)
        return Trainer(compiled, spec, self.rows.maps(network, spec, fold))

    def _build(self, network: Network, spec: TrialSpec) -> CompiledModel:
        head = self._new_head(spec)
        parts = build_suffix(network.plugin, network.candidate, network.cuts, spec, head, network.precision)
        if spec.kind == "from_scratch":
            scale = input_scale(network.plugin, self.extractor.pool.pixels[spec.image_size])
            prepare_from_scratch(parts.backbone_model, trial_seed(spec, "backbone"), scale)
        optimizer = compile_model(parts.model, spec, parts.suffix_variables, parts.head_variables)
        return CompiledModel(parts.model, optimizer, head, parts.backbone_model)

    def _head_trainer(self, spec: TrialSpec, task: Task) -> Trainer:
        features = task.plain().take(task.train)
        width, start = features.shape[1], starting_point(spec)
        key = ("head", width, min(spec.batch_size, len(features)), start)
        compiled = self.models.get(key, lambda: self._build_head(start, width))
        mean, scale = standardisation(features)
        compiled.head.set(replace(compiled.head.weights(), mean=mean, scale=scale))
        return Trainer(compiled, spec, task)

    def _build_head(self, spec: TrialSpec, width: int) -> CompiledModel:
        import keras

        head = self._new_head(spec)
        x = keras.Input((width,))
        model = keras.Model(x, head(x))
        return CompiledModel(model, compile_model(model, spec, (), model.trainable_variables), head)

    def _new_head(self, spec: TrialSpec) -> Head:
        return Head(spec.units, spec.dropout, len(self.extractor.pool.classes), trial_seed(spec, "head"))

    def _head_start(self, network: Network, spec: TrialSpec, fold: Fold) -> HeadWeights:
        """A head that already fits the frozen features: the first phase of LP-FT (Kumar et al. 2022)."""
        plain = replace(spec, freeze_depth=spec.depth, policy="none", strength=0.0, views=1)
        task = self.rows.pooled(network, plain, fold)
        if spec.units:
            plain = replace(plain, steps=min(START_STEPS, spec.steps))
            trainer = self._head_trainer(plain, replace(task, val=task.val[:0]))
            for _ in range(trainer.epochs):
                trainer.run_epoch()
            return trainer.compiled.head.weights()
        x = task.rows(0).take(task.train)
        images = LabelledImages(task.labels[task.train], task.train_groups, task.classes, task.train_weights)
        fitted, _ = fit_linear_head(x, images, trial_seed(spec, "solve"), task.class_weights)
        return fitted


def starting_point(spec: TrialSpec) -> TrialSpec:
    """Give what decides a trial's model and its initial values.

    That is all but the images on which it is trained, how fast, and how long. So learning rates start from the same
    values, and what is confirmed starts as it did in the search.

    A model is compiled for one size of batches besides: for a second one TensorFlow makes a graph for any size, whose
    results differ in the last bits from those of a model that has seen no other.
    """
    return replace(spec, policy="none", strength=0.0, views=1, lr_suffix=0.0, lr_head=0.0, steps=0)


def _recording(judge: EpochJudge, history: list[dict[str, float]], fold: int, folds: int) -> EpochJudge:
    """A judge that keeps the epochs of a fold in ``history`` and gets the share of all folds that is done."""

    def record(numbers: EpochNumbers) -> Decision:
        history.append(dict(numbers))
        return judge({**numbers, "fraction": (fold + numbers["fraction"]) / folds})

    return record
