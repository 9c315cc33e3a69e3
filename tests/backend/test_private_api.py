"""The private names of libraries are there, and give what the engine takes them for."""

from __future__ import annotations

from importlib.metadata import version
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import pytest

from tlsearch.backend.private_api import TESTED_ON, adam_moments, all_layers, calls_of, custom_gradients

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize("library", TESTED_ON)
def test_the_names_were_tested_on_these_versions(library: str) -> None:
    """Where this fails after an update, run the tests of backend, models and training, and write the new version."""
    assert version(library) == TESTED_ON[library]


def test_layers_inside_models_are_layers_too() -> None:
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense"), keras.layers.ReLU(name="relu")])
    outer = keras.Sequential([keras.Input((3,)), inner, keras.layers.Dense(1, name="top")])
    names = [layer.name for layer in all_layers(outer)]
    assert {"dense", "relu", "top", inner.name} <= set(names)
    assert len(names) == len(set(names))
    assert outer.name not in names
    assert "dense" not in {layer.name for layer in outer.layers}


def test_moments_are_those_of_the_variable() -> None:
    variables = [keras.Variable(np.zeros(2, np.float32)), keras.Variable(np.zeros(3, np.float32))]
    optimizer = keras.optimizers.Adam(0.1)
    optimizer.build(variables)
    optimizer.apply([np.full(2, 2.0, np.float32), np.full(3, -1.0, np.float32)], variables)
    for variable, gradient in zip(variables, (2.0, -1.0), strict=True):
        first, second = (np.asarray(moment) for moment in adam_moments(optimizer, variable))
        np.testing.assert_allclose(first, np.full(variable.shape, 0.1 * gradient), rtol=1e-5)
        np.testing.assert_allclose(second, np.full(variable.shape, 0.001 * gradient**2), rtol=1e-5)


def test_gradients_that_are_made_inside_a_function_are_registered() -> None:
    tf: Any = pytest.importorskip("tensorflow")
    before = set(custom_gradients())

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def double(x: Any) -> Any:
        return 2 * x, lambda upstream: 2 * upstream

    tf.function(lambda x: double(x)).get_concrete_function(tf.constant(1.0))
    new = set(custom_gradients()) - before
    assert new
    assert all(name.startswith("CustomGradient-") for name in new)
    for name in new:
        del custom_gradients()[name]


@pytest.mark.parametrize("sequential", [False, True])
def test_calls_come_in_order_with_what_they_take_and_give(sequential: bool) -> None:
    x = keras.Input((3,))
    shared = keras.layers.Dense(3, name="shared")
    if sequential:
        model = keras.Sequential([x, shared, keras.layers.ReLU(name="last")])
    else:
        model = keras.Model(x, shared(shared(x)) * 2.0)
    calls = calls_of(model)
    kinds = [type(operation).__name__ for operation, _, _ in calls]
    assert kinds == ["InputLayer", "Dense", *(["ReLU"] if sequential else ["Dense", "Multiply"])]
    for (_, _, given), (_, taken, _) in pairwise(calls):
        assert taken[0] is given[0]
    assert calls[-1][2][0] is model.outputs[0]
