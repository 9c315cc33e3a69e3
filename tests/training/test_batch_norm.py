"""BatchNorm statistics taken anew: plain averages over batches, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest

from tests.helpers.networks.tiny import Tiny, make_pool
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
