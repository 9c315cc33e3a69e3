"""A head: its layers, its numbers, and the file that holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tlsearch.models.heads import Head, HeadWeights, load_head, save_head

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def array(value: Any) -> Any:
    """A tensor's or a variable's values."""
    return keras.ops.convert_to_numpy(value)


@pytest.mark.parametrize("units", [0, 4])
def test_a_head_is_standardisation_hidden_layer_and_logits(units: int) -> None:
    rng = np.random.default_rng(0)
    mean, scale = rng.normal(size=6).astype(np.float32), rng.uniform(0.1, 50, 6).astype(np.float32)
    head = Head(units, 0.0, 3, 1)
    x = rng.normal(size=(7, 6)).astype(np.float32)
    head(x)
    width = units or 6
    hidden = (rng.normal(size=(6, 4)).astype(np.float32), rng.normal(size=4).astype(np.float32)) if units else None
    linear = (rng.normal(size=(width, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32))
    head.set(HeadWeights(mean=mean, scale=scale, hidden=hidden, linear=linear))
    y = (x - mean) / scale
    if hidden:
        y = np.maximum(y @ hidden[0] + hidden[1], 0)
    np.testing.assert_allclose(array(head(x)), y @ linear[0] + linear[1], rtol=1e-4, atol=1e-4)
    kept = head.weights()
    np.testing.assert_array_equal(kept.linear[0], linear[0])
    np.testing.assert_array_equal([kept.mean, kept.scale], [mean, scale])
    assert (kept.hidden is None) == (hidden is None)


def test_heads_start_from_their_seed() -> None:
    heads = [Head(5, 0.5, 3, seed) for seed in (1, 1, 2)]
    for head in heads:
        head(np.zeros((1, 4), np.float32))
    first, same, other = (head.weights() for head in heads)
    assert first.hidden is not None
    assert same.hidden is not None
    assert other.hidden is not None
    np.testing.assert_array_equal(first.hidden[0], same.hidden[0])
    np.testing.assert_array_equal(first.linear[0], same.linear[0])
    assert not np.array_equal(first.hidden[0], other.hidden[0])


@pytest.mark.parametrize("units", [0, 4])
def test_a_saved_head_is_the_same_to_the_bit(tmp_path: Path, units: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(7, 6)).astype(np.float32)
    head = Head(units, 0.5, 3, 1)
    head(x)
    made = head.weights()
    head.set(HeadWeights(mean=x.mean(axis=0), scale=x.std(axis=0), hidden=made.hidden, linear=made.linear))
    save_head(tmp_path / "new" / "head.npz", head)
    loaded = load_head(tmp_path / "new" / "head.npz", 3)
    np.testing.assert_array_equal(array(loaded(x)), array(head(x)))
    assert (loaded.units, loaded.dropout) == (units, 0.0)


@pytest.mark.parametrize("units", [0, 4])
def test_an_exported_head_has_layers_of_keras_own_alone(units: int) -> None:
    x = np.random.default_rng(0).normal(3, 2, size=(7, 6)).astype(np.float32)
    head = Head(units, 0.5, 3, 1)
    head(x)
    made = head.weights()
    head.set(HeadWeights(mean=x.mean(axis=0), scale=x.std(axis=0), hidden=made.hidden, linear=made.linear))
    pooled = keras.Input((6,))
    model = keras.Model(pooled, head.exported(pooled))
    np.testing.assert_allclose(array(model(x, training=False)), array(head(x)), rtol=1e-4, atol=1e-5)
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
