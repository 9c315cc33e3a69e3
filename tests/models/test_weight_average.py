"""The moving average of a model's weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tlsearch.models.weight_average import GAMMA, WeightAverage

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def small_model() -> keras.Model:
    """A linear layer and BatchNorm, on two numbers."""
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1), keras.layers.BatchNormalization()])


def fill(model: keras.Model, value: float) -> None:
    """Give all weights one value."""
    model.set_weights([np.full_like(values, value) for values in model.get_weights()])


def test_it_follows_the_formula_of_polynomial_decay() -> None:
    model, expected = small_model(), 5.0
    fill(model, expected)
    average = WeightAverage(model)
    for step, value in enumerate((1.0, 4.0, 2.0, 8.0), 1):
        fill(model, value)
        average.add(1)
        expected += (GAMMA + 1) / (GAMMA + step) * (value - expected)
        with average.in_place():
            for values in model.get_weights():
                np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert expected != 5.0


def test_where_it_began_counts_for_nothing_after_the_first_step() -> None:
    model = small_model()
    fill(model, 100.0)
    average = WeightAverage(model)
    fill(model, 3.0)
    average.add(1)
    with average.in_place():
        np.testing.assert_array_equal(model.get_weights()[0], 3.0)


def test_the_model_gets_its_own_weights_back_even_after_an_error() -> None:
    model = small_model()
    fill(model, 1.0)
    average = WeightAverage(model)
    fill(model, 2.0)
    with average.in_place():
        np.testing.assert_array_equal(model.get_weights()[0], 1.0)
    fault = ValueError("on the way")
    with pytest.raises(ValueError, match="on the way"), average.in_place():
        raise fault
    for values in model.get_weights():
        np.testing.assert_array_equal(values, 2.0)
