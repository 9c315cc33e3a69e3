"""BatchNorm statistics taken anew: plain averages over batches, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest

from tests.helpers.networks.linear import CLASSES, TRAIN, WIDTH, features, make_trainer
from tests.helpers.networks.tiny import Tiny, make_pool, make_spec
from tlsearch.training.batch_norm import NormRenewal

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

BATCHES = [np.random.default_rng(i).normal(i, 1 + i, (50, 4)).astype(np.float32) for i in range(3)]


def array(value: Any) -> Any:
    """A variable's values."""
    return keras.ops.convert_to_numpy(value)


def nested() -> tuple[Any, Any]:
    """A model with a BatchNorm inside a nested one, and that layer."""
    norm = keras.layers.BatchNormalization(momentum=0.9)
    x = keras.Input((4,))
    inner = keras.Sequential([keras.Input((4,)), norm])
    return keras.Model(x, keras.layers.Dense(2)(inner(x))), norm


def test_statistics_are_averages_over_the_batches() -> None:
    model, norm = nested()
    norm.moving_mean.assign(np.full(4, 1000.0, np.float32))
    dense = [array(v) for v in model.trainable_variables]
    NormRenewal(model).renew(BATCHES)
    np.testing.assert_allclose(array(norm.moving_mean), np.mean([b.mean(axis=0) for b in BATCHES], axis=0), rtol=1e-4)
    variances = np.mean([b.var(axis=0) for b in BATCHES], axis=0)
    np.testing.assert_allclose(array(norm.moving_variance), variances, rtol=1e-4)
    assert norm.momentum == 0.9
    for variable, value in zip(model.trainable_variables, dense, strict=True):
        np.testing.assert_array_equal(array(variable), value)


def test_renewal_is_repeatable_and_forgets_what_was_there() -> None:
    model, norm = nested()
    renewal = NormRenewal(model)
    renewal.renew(BATCHES)
    first = array(norm.moving_mean)
    renewal.renew(BATCHES[:1])
    np.testing.assert_allclose(array(norm.moving_mean), BATCHES[0].mean(axis=0), rtol=1e-4, atol=1e-5)
    renewal.renew(BATCHES)
    np.testing.assert_array_equal(array(norm.moving_mean), first)


def test_training_goes_on_with_its_own_momentum() -> None:
    model, norm = nested()
    NormRenewal(model).renew(BATCHES[:1])
    before = array(norm.moving_mean)
    model.compile("sgd", "mse")
    model.train_on_batch(BATCHES[2], np.zeros((50, 2), np.float32))
    np.testing.assert_allclose(array(norm.moving_mean), 0.9 * before + 0.1 * BATCHES[2].mean(axis=0), rtol=1e-3)


def test_momenta_come_back_after_an_error() -> None:
    def broken() -> Iterator[Any]:
        yield BATCHES[0]
        raise RuntimeError("no more rows")

    model, norm = nested()
    with pytest.raises(RuntimeError, match="no more rows"):
        NormRenewal(model).renew(broken())
    assert norm.momentum == 0.9


def test_a_model_without_batchnorm_is_left_alone() -> None:
    x = keras.Input((4,))
    model = keras.Model(x, keras.layers.Dense(2)(x))
    before = [array(v) for v in model.variables]
    NormRenewal(model).renew(BATCHES)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(array(variable), value)


def test_deeper_layers_see_batches_normalised_by_the_layers_before() -> None:
    """In a network, the statistics of the last BatchNorm are those of its input in training mode."""
    plugin = Tiny()
    model = plugin.build(16, None)
    pixels = array(plugin.preprocess(make_pool(32).pixels[16].astype(np.float32)))
    NormRenewal(model).renew([pixels])
    inputs = keras.Model(model.input, model.get_layer("last").output)
    seen = array(inputs(pixels, training=False))
    norm = model.get_layer("last_bn")
    np.testing.assert_allclose(array(norm.moving_mean), seen.mean(axis=(0, 1, 2)), rtol=1e-2, atol=1e-2)
    np.testing.assert_allclose(array(norm.moving_variance), seen.var(axis=(0, 1, 2)), rtol=1e-2)


def norm_model() -> Any:
    """BatchNorm, dropout and a linear layer, as a network from scratch has them."""
    x = keras.Input((WIDTH,))
    y = keras.layers.BatchNormalization(momentum=0.9)(x)
    y = keras.layers.Dropout(0.2, seed=1)(y)
    return keras.Model(x, keras.layers.Dense(CLASSES, kernel_initializer=keras.initializers.HeNormal(seed=2))(y))


def test_statistics_of_batchnorm_are_taken_anew_before_validation() -> None:
    """After one step the running statistics are mostly their initial values; renewed, they are the data's."""
    shifted = (features() * 3 + 40).astype(np.float16)
    means, epochs = [], []
    for renew in (False, True):
        trainer = make_trainer(make_spec(steps=5, batch_size=100, lr_head=1e-3), model=norm_model(), array=shifted)
        epochs.append(trainer.run_epoch(renew_norm=renew))
        norm = trainer.model.layers[1]
        means.append(keras.ops.convert_to_numpy(norm.moving_mean))
    data = shifted[TRAIN].astype(np.float32).mean(axis=0)
    np.testing.assert_allclose(means[0], 0.1 * data, rtol=0.02)
    np.testing.assert_allclose(means[1], data, rtol=0.06)
    assert epochs[1]["val_loss"] < 0.2 * epochs[0]["val_loss"]
    assert epochs[0]["train_loss"] == epochs[1]["train_loss"]


def test_renewal_changes_no_trained_value() -> None:
    trainers = [make_trainer(make_spec(steps=10, batch_size=20, lr_head=0.01), model=norm_model()) for _ in range(2)]
    for number, trainer in enumerate(trainers):
        trainer.run_epoch()
        before = [keras.ops.convert_to_numpy(v) for v in trainer.model.trainable_variables]
        if number:
            trainer._renew_norm()
        for variable, value in zip(trainer.model.trainable_variables, before, strict=True):
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)
    one, other = (keras.ops.convert_to_numpy(t.model.layers[1].moving_mean) for t in trainers)
    assert np.abs(one - other).max() > 0.01
