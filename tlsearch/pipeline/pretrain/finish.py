"""The end of a training: the test images are looked at once, and the weights are installed with their provenance."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tlsearch.config_values import PROVENANCE_NAME
from tlsearch.errors import RunError
from tlsearch.listeners.mlflow import MlflowCallback
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.evaluate import note_opening
from tlsearch.pipeline.halving import RaceResult
from tlsearch.pipeline.plan import now
from tlsearch.pipeline.pretrain.prepare import RECORD_KEY
from tlsearch.pipeline.pretrain.train import MODEL_FOLDER, Training, weights_file
from tlsearch.pipeline.scratch_time import fair_epochs
from tlsearch.plugins.trained import store
from tlsearch.plugins.trained.record import NO_LICENCE, TrainedWeights
from tlsearch.pretrain_config import PretrainConfig
from tlsearch.report import text as words
from tlsearch.report.numbers import format_interval, format_score
from tlsearch.runs.output import WORK_FOLDER
from tlsearch.stats.claims import Estimate, estimate
from tlsearch.tracking.sync import hint_at_sync
from tlsearch.utils.addresses import source_name
from tlsearch.utils.files import write_atomically
from tlsearch.worker.models.requests import EvaluateModel


def finish(
    context: RunContext,
    config: PretrainConfig,
    record: MlflowCallback,
    data: Data,
    training: Training,
    raced: RaceResult,
) -> TrainedWeights:
    """Test the trained network once, install its weights, and write down where they come from."""
    with context.budget.measure("test"):
        tested = _test(context, data, record)
    if doubt := _doubt(context, data, training.epochs_of(raced.best, data), tested):
        context.callbacks.on_warning(doubt)
    provenance: TrainedWeights = context.checkpoint.get_or_compute(
        RECORD_KEY, TrainedWeights, lambda: _provenance(context, config, data, training, raced, tested)
    )
    store.install(provenance, weights_file(context.work))
    write_atomically(context.output / PROVENANCE_NAME, store.to_json(provenance))
    tracker, run_id = record.tracker, record.parent_run
    tracker.log_dict(run_id, json.loads(store.to_json(provenance)), PROVENANCE_NAME)
    tracker.finish(run_id, "FINISHED", {"test_accuracy": provenance.accuracy}, {"weights": provenance.label})
    if tracker.send_waiting():
        hint_at_sync(context.callbacks.on_warning, context.output)
    for step, line in say_weights(provenance):
        context.callbacks.on_step(step, line)
    context.callbacks.on_run_end(None)
    return provenance


def finished_weights(output: Path) -> TrainedWeights | None:
    """The provenance of the weights of a training that is over; None where none is."""
    if (output / WORK_FOLDER).exists():
        return None
    try:
        return store.from_json((output / PROVENANCE_NAME).read_bytes())
    except (OSError, ValueError):
        return None


def say_weights(found: TrainedWeights) -> list[tuple[str, str]]:
    """What is printed of trained weights, as (step, line)."""
    trained = ("weights", f"{found.label}, trained on {found.trained_on}")
    if not store.is_installed(found):
        return [trained, ("weights", "no longer on this machine, or damaged; --force trains them anew")]
    return [
        trained,
        ("weights", str(store.file_of(found.label))),
        ("use", f"tlsearch run YOUR-IMAGES --backbone {found.label}"),
    ]


def _test(context: RunContext, data: Data, record: MlflowCallback) -> Estimate:
    """The accuracy on the test images, of which the original files are read for the first time."""
    opened = note_opening(context, data, record)
    rows = data.split.test
    labels = np.asarray([data.index.images[row].label for row in rows])

    def ask() -> Estimate:
        context.callbacks.on_progress("test", 0, 1, f"{len(rows):,} images")
        files = tuple(data.index.file(row) for row in rows)
        found = context.worker.send(EvaluateModel(folder=context.output / MODEL_FOLDER, files=files)).probabilities
        if not np.isfinite(found).all():
            raise RunError("Test images that were read before can no longer be read; restore them and run again.")
        return estimate(labels, found.argmax(axis=1), groups=[data.split.groups[row] for row in rows])

    tested: Estimate = context.checkpoint.get_or_compute(("tested",), Estimate, ask)
    figures = f"accuracy {format_score(tested.value)} {format_interval(tested.ci95)}"
    context.callbacks.on_step("test", f"{figures} on {len(rows):,} images   ({words.openings(opened)})")
    return tested


def _doubt(context: RunContext, data: Data, epochs: float, tested: Estimate) -> str:
    """Why the weights may be of little use: they tell the classes apart no better than a guess, or hardly trained."""
    labels = [data.index.images[row].label for row in data.split.test]
    label, count = Counter(labels).most_common(1)[0]
    guess, name = count / len(labels), data.index.classes[label]
    more = "train longer (--time-limit, --epochs), or on more images, before you use these weights"
    if tested.ci95[0] <= guess:
        always = f"always answering {name!r} would give {format_score(guess)}"
        return f"the network may have learned nothing, since {always}: {more}"
    enough = fair_epochs(context.config, len(data.fold.train))
    if epochs < enough:
        return f"the time was over after {epochs:g} epochs, where {enough} show what a network can learn: {more}"
    return ""


def _provenance(
    context: RunContext,
    config: PretrainConfig,
    data: Data,
    training: Training,
    raced: RaceResult,
    tested: Estimate,
) -> TrainedWeights:
    start = training.start
    with weights_file(context.work).open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return TrainedWeights(
        backbone=config.backbone,
        name=config.name,
        dataset=source_name(config.source) or "images",
        fingerprint=data.index.fingerprint,
        classes=tuple(data.index.classes),
        images=len(data.fold.train),
        held_out=len(data.split.test),
        accuracy=tested.value,
        accuracy_ci95=tested.ci95,
        image_size=start.image_size,
        epochs=training.epochs_of(raced.best, data),
        learning_rate=raced.best.spec.lr_suffix,
        started_from=start.label,
        seed=config.seed,
        licence=config.licence or NO_LICENCE,
        trained_by=f"tlsearch {version('tlsearch')}",
        plugin=start.plugin_versions[start.backbone.name],
        trained_at=now(),
        sha256=digest,
    )
