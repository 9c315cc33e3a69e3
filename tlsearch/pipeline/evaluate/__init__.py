"""evaluate: the test split is opened, once.

The winner, the best linear probe and what was trained from scratch each come from their saved model and see the
original files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tlsearch.errors import OutOfTimeError, RunError
from tlsearch.listeners.mlflow import MlflowCallback
from tlsearch.pipeline.at_use.settle import settle_use
from tlsearch.pipeline.baseline import BaselineResult, scratch_of
from tlsearch.pipeline.confirm import Confirmation
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.evaluate.calibrate import share_calibration
from tlsearch.pipeline.evaluate.reference import share_reference
from tlsearch.pipeline.messages import tested_line
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.saved_models import SCRATCH, asked_model, fetch_model, fit_model, output_folders
from tlsearch.predictor import model_megabytes
from tlsearch.results.schema import Confusion, EvaluationPredictions, Mistake
from tlsearch.runs.ledger import fingerprint_of
from tlsearch.search.trial_record import TrialRecord
from tlsearch.stats.claims import Claims, Estimate, estimate
from tlsearch.stats.scoring import claims_of, estimate_of
from tlsearch.training.trial import Outcome
from tlsearch.types import Float64Array, IntArray, TrialSpec
from tlsearch.worker.models.requests import EvaluateModel

GALLERY = 24
"""Mistakes that the report shows."""


@dataclass(frozen=True)
class ModelCost:
    """What a model costs at use: the size of its file, the time of one image alone, and how many values it has."""

    megabytes: float
    ms_per_image: float | None = None
    parameters: int | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What the test split said, the only time that it was asked.

    ``scratch`` has the figures of the networks from scratch that are not the baseline, by architecture. ``opened`` is
    how often this test set has been opened, this time included. ``costs`` says by the name of a model what it costs at
    use. ``probabilities``, shape (N, classes), are the winner's
    for the images of the classes ``labels``, shape (N,).
    """

    claims: Claims
    confusion: Confusion
    costs: Mapping[str, ModelCost]
    accuracy: Estimate
    scratch: Mapping[str, Estimate]
    opened: int
    labels: IntArray
    probabilities: Float64Array


@dataclass(frozen=True, kw_only=True)
class Models:
    """The models that are compared, and what is known of them before the test.

    Attributes:
        confirmation: What came of the contenders, and which model is to be used.
        folders: The folders of "winner", "linear_probe", where there is one "baseline", and "scratch ARCHITECTURE" for
            what else was trained from scratch.
        is_probe: Whether the winner is the linear probe.
    """

    confirmation: Confirmation
    folders: Mapping[str, Path]
    is_probe: bool = False


def make_models(
    context: RunContext, plan: Plan, confirmation: Confirmation, probe: TrialRecord, baseline: BaselineResult | None
) -> Models:
    """Make every model that is compared, and settle which is to be used where something was asked of it."""
    with context.budget.measure("models"):
        networks = scratch_of(baseline)
        folders = output_folders(context.output, [network.architecture for network in networks])
        fetched = [(spec, plan.space.of(spec)) for spec in (confirmation.winner.spec, probe.spec)]
        fetched += [(network.result.spec, network.candidate) for network in networks]
        for (spec, candidate), folder in zip(fetched, folders.values(), strict=True):
            fetch_model(context, plan.data, spec, candidate, folder)
        confirmation = settle_use(context, plan, confirmation, folders, networks)
    return Models(confirmation=confirmation, folders=folders, is_probe=confirmation.winner.spec == probe.spec)


def evaluate(
    context: RunContext, plan: Plan, record: MlflowCallback, models: Models, baseline: BaselineResult | None
) -> Evaluation:
    """Open the test split for the models, once."""
    with context.budget.measure("test"):
        evaluation = evaluate_once(context, plan.data, record, models.folders, is_probe=models.is_probe)
    context.callbacks.on_step("test", tested_line(evaluation, plan.data.metric, baseline))
    return evaluation


def refit(context: RunContext, plan: Plan, confirmation: Confirmation) -> bool:
    """Train the model to use once more, on training and validation images together, into a folder of its own.

    The model that was tested stays what it is. Where the limit of time has left no time for it, a warning says so, and
    False is given.
    """
    data, spec, shipped = plan.data, confirmation.winner.spec, confirmation.shipped
    if data.uses_folds:
        context.callbacks.on_step("refit", "not needed: the tested model has been trained on all but the test images")
        return False
    if shipped is not None:
        spec = shipped.spec
    with context.budget.measure("refit"):
        folder, candidate = context.output / "refit", shipped.candidate if shipped is not None else plan.space.of(spec)
        left = context.budget.left_before_report()
        try:
            if left is not None and left < _refit_seconds(context, plan, spec):
                raise OutOfTimeError
            fit_model(context, data, asked_model(data, spec, candidate, whole_pool=True, seconds=left), folder)
        except OutOfTimeError:
            context.callbacks.on_warning(
                "--refit is left out, for the time limit left no time for it; a longer --time-limit, with another "
                "--output, has it"
            )
            return False
        source = context.output / (shipped.folder if shipped is not None else "model")
        share_calibration(source, folder)
        if spec.freeze_depth:
            share_reference(source, folder)
    context.callbacks.on_step("refit", f"{spec.label} on {len(data.pool):,} images, not tested")
    return True


def _refit_seconds(context: RunContext, plan: Plan, spec: TrialSpec) -> float:
    """Seconds in which a model is trained once more, about; 0 for a network from scratch, of which it is not known."""
    return 0.0 if spec.weights is None else context.budget.price(plan.costs.fold_seconds(spec))


def evaluate_once(
    context: RunContext, data: Data, record: MlflowCallback, models: Mapping[str, Path], *, is_probe: bool = False
) -> Evaluation:
    """Open the test split. The ledger is written before any test file is read.

    Args:
        context: The run.
        data: The images.
        record: Has the ledger.
        models: The folders of "winner", "linear_probe", where there is one "baseline", and "scratch ARCHITECTURE" for
            what else was trained from scratch.
        is_probe: Whether the winner is the linear probe.

    Returns:
        What the test images say of each model.
    """
    index, split, metric = data.index, data.split, data.metric
    opened = note_opening(context, data, record)
    labels = np.asarray([index.images[row].label for row in split.test])
    probabilities, costs = _ask(context, data, models)
    predicted, seed = probabilities["winner"].argmax(axis=1), context.config.seed
    groups = [split.groups[row] for row in split.test]
    claims = claims_of(metric, labels, probabilities, seed, groups)
    if is_probe:  # a model is not compared with itself
        claims = replace(claims, gain=replace(claims.gain, over_linear_probe=None))
    return Evaluation(
        claims=claims,
        confusion=_confusion(index.classes, labels, predicted),
        costs=costs,
        accuracy=estimate(labels, predicted, groups=groups),
        scratch={
            name.removeprefix(SCRATCH): estimate_of(metric, labels, probabilities[name], groups, seed)
            for name in models
            if name.startswith(SCRATCH)
        },
        opened=opened,
        labels=labels,
        probabilities=probabilities["winner"],
    )


def note_opening(context: RunContext, data: Data, record: MlflowCallback) -> int:
    """Write the opening of the test split into the ledger; gives how often this test set has been opened."""
    index = data.index
    fingerprint = fingerprint_of(index.images[row].sha256 for row in data.split.test)
    names = str(index.root), str(context.output), record.parent_run
    opened: int = context.checkpoint.get_or_compute(
        ("opened", fingerprint), int, lambda: record.openings.note(fingerprint, *names)
    )
    return opened


def _ask(
    context: RunContext, data: Data, models: Mapping[str, Path]
) -> tuple[dict[str, Float64Array], dict[str, ModelCost]]:
    """Ask every saved model.

    Returns:
        Probabilities (N, classes) by each model from the original files, and what each costs at use.
    """
    index, rows = data.index, data.split.test
    files = tuple(index.file(row) for row in rows)
    probabilities: dict[str, Float64Array] = {}
    costs: dict[str, ModelCost] = {}
    for name, folder in models.items():
        context.callbacks.on_progress(
            "test", len(probabilities), len(models), f"{name.replace('_', ' ')} on {len(files)} images"
        )
        predictions = context.pool.near.send(EvaluateModel(folder=folder, files=files, latency=True))
        probabilities[name] = predictions.probabilities
        if not np.isfinite(probabilities[name]).all():
            raise RunError("Test images that were read before can no longer be read; restore them and run again.")
        costs[name] = ModelCost(model_megabytes(folder), predictions.ms_per_image, predictions.parameters)
    return probabilities, costs


def _confusion(classes: tuple[str, ...], labels: IntArray, predicted: IntArray) -> Confusion:
    size = len(classes)
    matrix = np.bincount(labels * size + predicted, minlength=size * size).reshape(size, size)
    return Confusion(classes, tuple(tuple(int(n) for n in row) for row in matrix))


def worst_mistakes(data: Data, outcome: Outcome | None) -> tuple[Mistake, ...]:
    """Validation images that the winner got most confidently wrong; test images are never looked at for this."""
    if outcome is None:
        return ()
    index, pool = data.index, data.pool
    mistakes = []
    for position, probabilities in zip(outcome.val_rows, outcome.val_probabilities, strict=True):
        image = index.images[pool[int(position)]]
        predicted = int(probabilities.argmax())
        if predicted != image.label:
            names: Sequence[str] = index.classes
            mistakes.append(
                Mistake(
                    path=image.path,
                    true=names[image.label],
                    predicted=names[predicted],
                    probability=float(probabilities[predicted]),
                )
            )
    return tuple(sorted(mistakes, key=lambda m: -m.probability)[:GALLERY])


def predictions_of(data: Data, probabilities: npt.NDArray[np.float64]) -> EvaluationPredictions:
    """The predictions behind ``probabilities``, shape (N, classes), for the N test images in the order of the split.

    Copies in the test set have one hash; of one class they are interchangeable, so class and position break the tie.
    """
    images, rows = data.index.images, data.split.test
    order = sorted(range(len(rows)), key=lambda place: (images[rows[place]].sha256, images[rows[place]].label, place))
    predicted = probabilities.argmax(axis=1)
    names = [data.split.groups[rows[place]] for place in order]
    number = {name: position for position, name in enumerate(dict.fromkeys(names))}
    return EvaluationPredictions(
        fingerprint=fingerprint_of(images[row].sha256 for row in rows),
        true=tuple(images[rows[place]].label for place in order),
        predicted=tuple(int(predicted[place]) for place in order),
        groups=tuple(number[name] for name in names),
    )
