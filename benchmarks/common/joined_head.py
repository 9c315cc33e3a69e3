"""A model that a short search seldom chooses: a hidden layer on joined cuts, fitted to the training images of a run."""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tlsearch import backend
from tlsearch.export.images import batches
from tlsearch.export.run_images import find_run_images
from tlsearch.features.prefix import Network
from tlsearch.models.build import export
from tlsearch.models.heads import Head, HeadWeights
from tlsearch.plugins import registry
from tlsearch.predictor import Predictor, load
from tlsearch.reporter import SilentReporter
from tlsearch.types import Candidate, Float32Array, LabelArray, TrialSpec

if TYPE_CHECKING:
    import keras

UNITS = 64


def fit_joined(output: Path, folder: Path, seed: int) -> None:
    """Fit the head on the winner's backbone as it was pre-trained, and write a model folder.

    Args:
        output: The folder of the finished run.
        folder: Where the model is written.
        seed: Decides the initial values.
    """
    winner = load(output / "model")
    pixels, labels = _training_images(winner, output)
    spec = _joined(TrialSpec.from_dict(winner.config["spec"]))
    network = _network(spec)
    cuts = network.inspect(pixels[:4])
    # "avgmax" gives two features for each channel.
    width = 2 * sum(cuts.point(depth).shape[-1] for depth in (spec.skip_cut, spec.depth))

    def model_with(weights: HeadWeights) -> keras.Model:
        head = Head.of(weights, len(winner.labels))
        return export(network.plugin, network.candidate, cuts, spec, head, None)

    features = _features(model_with(_zeros(width, len(winner.labels))), pixels)
    folder.mkdir(parents=True)
    model_with(_fit(features, labels, seed)).save(folder / "model.keras")
    shutil.copy(output / "model" / "labels.json", folder)
    config = {**winner.config, "spec": spec.to_dict()}
    config.pop("calibration", None)  # the temperature is the winner's
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def _training_images(winner: Predictor, output: Path) -> tuple[Float32Array, LabelArray]:
    """Pixels (N, S, S, 3) and classes (N,)."""
    images = find_run_images(output, refitted=False, reporter=SilentReporter()).training
    decoded = list(batches(winner, images.files, 32))
    rows = np.concatenate([batch.rows for batch in decoded])
    return np.concatenate([batch.pixels for batch in decoded]), np.array(images.labels, np.intp)[rows]


def _joined(spec: TrialSpec) -> TrialSpec:
    """The same backbone, all of it frozen, its last features joined with those of its middle, and a hidden layer."""
    plain = TrialSpec(
        backbone=spec.backbone,
        weights=spec.weights,
        image_size=spec.image_size,
        depth=spec.depth,
        freeze_depth=spec.depth,
    )
    return replace(plain, skip_cut=spec.depth // 2, pooling="avgmax", units=UNITS, steps=1)


def _network(spec: TrialSpec) -> Network:
    plugin = registry.load_plugin("backbone", spec.backbone)
    source = plugin.weights.get(spec.weights or "")
    candidate = Candidate(
        backbone=spec.backbone,
        weights=spec.weights,
        weights_file=str(source.path) if source else None,
        weights_id="",
        image_size=spec.image_size,
        depth=spec.depth,
    )
    return Network(plugin, candidate, None, backend.FLOAT32)


def _zeros(width: int, classes: int) -> HeadWeights:
    return HeadWeights(
        mean=np.zeros(width, np.float32),
        scale=np.ones(width, np.float32),
        hidden=None,
        linear=(np.zeros((width, classes), np.float32), np.zeros(classes, np.float32)),
    )


def _features(model: keras.Model, pixels: Float32Array) -> Float32Array:
    """What the head of ``model`` gets, (N, width)."""
    import keras

    prefix = keras.Model(model.input, model.get_layer("standardise").input)
    return np.concatenate([prefix.predict_on_batch(pixels[at : at + 32]) for at in range(0, len(pixels), 32)])


def _fit(features: Float32Array, labels: LabelArray, seed: int) -> HeadWeights:
    """A hidden layer with ReLU and a linear one, on standardised features of three classes or more."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-3
    net = MLPClassifier((UNITS,), alpha=1.0, max_iter=100, random_state=seed)
    with backend.one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit((features - mean) / scale, labels)
    hidden, linear = (
        (np.asarray(kernel, np.float32), np.asarray(bias, np.float32))
        for kernel, bias in zip(net.coefs_, net.intercepts_, strict=True)
    )
    return HeadWeights(mean=mean.astype(np.float32), scale=scale.astype(np.float32), hidden=hidden, linear=linear)
