"""SmallCNN learns from scratch, and is never a candidate of the search."""

from __future__ import annotations

import keras
import numpy as np

from tlsearch.models.small_cnn import SmallCNN


def test_it_offers_no_weights_and_keeps_a_spatial_output() -> None:
    assert not SmallCNN.weights
    model = SmallCNN().build(96, None)
    assert model.input.shape == (None, 96, 96, 3)
    assert model.output.shape == (None, 6, 6, 192)
    assert 0.6e6 < model.count_params() < 0.8e6


def test_blocks_start_as_the_identity_of_their_shortcut() -> None:
    model = SmallCNN().build(32, None)
    gammas = [layer.gamma for layer in model.layers if layer.name.endswith("_2_bn")]
    assert len(gammas) == 3
    assert all(float(np.abs(gamma.numpy()).max()) == 0 for gamma in gammas)


def test_it_learns_to_tell_textures_apart() -> None:
    """Upright from level stripes of random phase, in 32 steps."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:32, 0:32]
    labels = rng.integers(0, 2, 192)
    axes = np.where(labels[:, None, None] == 0, x, y)
    waves = np.sin(axes * 0.9 + rng.uniform(0, 6, (192, 1, 1)))
    images = (128 + 60 * waves[..., None] + rng.normal(0, 30, (192, 32, 32, 3))).astype("float32")
    backbone = SmallCNN()
    body = backbone.build(32, None)
    outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(body.output))
    model = keras.Model(body.input, outputs)
    model.compile(
        keras.optimizers.AdamW(2e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    pixels = keras.ops.convert_to_numpy(backbone.preprocess(images))
    model.fit(pixels[:128], labels[:128], batch_size=32, epochs=8, verbose=0)
    _, accuracy = model.evaluate(pixels[128:], labels[128:], verbose=0)
    assert accuracy > 0.9
