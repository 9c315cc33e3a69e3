"""The test split is opened, once: every model sees the original files of its images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tlsearch.errors import RunError
from tlsearch.listeners.mlflow import MlflowCallback
from tlsearch.pipeline.baseline import BaselineResult
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.evaluate.models import Models
from tlsearch.pipeline.messages import tested_line
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.saved_models import SCRATCH
from tlsearch.predictor import model_megabytes
from tlsearch.results.schema import Confusion
from tlsearch.runs.ledger import fingerprint_of
from tlsearch.stats.claims import Claims, Estimate, estimate
from tlsearch.stats.scoring import claims_of, estimate_of
from tlsearch.types import Float64Array, IntArray
from tlsearch.worker.models.requests import EvaluateModel


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


def evaluate(
    context: RunContext, plan: Plan, record: MlflowCallback, models: Models, baseline: BaselineResult | None
) -> Evaluation:
    """Open the test split for the models, once."""
    with context.budget.measure("test"):
        evaluation = evaluate_once(context, plan.data, record, models.folders, is_probe=models.is_probe)
    context.callbacks.on_step("test", tested_line(evaluation, plan.data.metric, baseline))
    return evaluation


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
