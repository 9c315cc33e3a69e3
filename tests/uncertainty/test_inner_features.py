"""A saved model that gives the features of an inner layer beside its probabilities."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what Keras and TensorFlow say of themselves while they are imported
    import keras

from tlsearch.uncertainty.inner_features import with_inner_features
from tlsearch.uncertainty.reference import ComparedLayer

# Keras saves variables through NumPy's old array protocol.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

IMAGES = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)).astype(np.float32)


def exported(joined: bool = False) -> keras.Model:
    """A model as ``models.build.export`` makes it: preprocessing, a backbone inside, pooling, a head."""
    pixels = keras.Input((8, 8, 3))
    first = keras.layers.Conv2D(4, 3, activation="relu", name="first")(pixels)
    second = keras.layers.Conv2D(5, 3, name="second")(first)
    outputs = [first, second] if joined else second
    backbone = keras.Model(pixels, outputs, name="backbone")
    rgb = keras.Input((8, 8, 3))
    inside = backbone(rgb / 127.0 - 1.0)
    pooled = [keras.ops.mean(part, axis=(1, 2)) for part in (inside if joined else [inside])]
    together = keras.ops.concatenate(pooled, axis=-1) if joined else pooled[0]
    return keras.Model(rgb, keras.layers.Dense(2, activation="softmax")(together))


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("layer", ["first", "second"])
def test_both_outputs_are_what_the_parts_give(joined: bool, layer: str, tmp_path: Path) -> None:
    exported(joined).save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    before = np.asarray(model.predict_on_batch(IMAGES))
    probabilities, features = with_inner_features(model, (ComparedLayer(name=layer, width=4),)).predict_on_batch(IMAGES)
    backbone = model.get_layer("backbone")
    inside = keras.Model(backbone.input, backbone.get_layer(layer).output)(IMAGES / 127.0 - 1.0)
    assert np.asarray(probabilities) == pytest.approx(before, abs=1e-6)
    assert np.asarray(features) == pytest.approx(np.asarray(inside).mean(axis=(1, 2)), abs=1e-5)
    assert np.asarray(model.predict_on_batch(IMAGES)) == pytest.approx(before, abs=1e-6)  # it is as it was


def test_leading_tokens_are_not_averaged() -> None:
    pixels = keras.Input((8, 8, 3))
    tokens = keras.layers.Reshape((16, 12), name="tokens")(pixels)
    backbone = keras.Model(pixels, tokens, name="backbone")
    rgb = keras.Input((8, 8, 3))
    model = keras.Model(rgb, keras.layers.Dense(2, activation="softmax")(keras.ops.mean(backbone(rgb), axis=1)))
    _, features = with_inner_features(
        model, (ComparedLayer(name="tokens", width=12, leading_tokens=4),)
    ).predict_on_batch(IMAGES)
    assert np.asarray(features) == pytest.approx(IMAGES.reshape(3, 16, 12)[:, 4:].mean(axis=1), rel=1e-5)


def test_a_layer_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="no backbone with the layers first, third"):
        with_inner_features(exported(), (ComparedLayer(name="first", width=4), ComparedLayer(name="third", width=4)))


def test_several_layers_stand_side_by_side() -> None:
    model = exported()
    layers = ComparedLayer(name="first", width=4), ComparedLayer(name="second", width=5)
    alone = [np.asarray(with_inner_features(model, (layer,)).predict_on_batch(IMAGES)[1]) for layer in layers]
    together = np.asarray(with_inner_features(model, layers).predict_on_batch(IMAGES)[1])
    assert together == pytest.approx(np.concatenate(alone, axis=1), abs=1e-5)
