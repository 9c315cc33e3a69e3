"""The optimizer: its schedule, its two learning rates, what is decayed and what is clipped."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tlsearch.training.optimizer import TwoRateOptimizer
from tlsearch.training.schedule import amount_trained, warm_up_cosine

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

STEPS = 40


def variable(*shape: int, value: float = 1.0) -> Any:
    """A variable of equal values."""
    return keras.Variable(np.full(shape, value, np.float32))


def values(one: Any) -> Any:
    """A variable's values as an array."""
    return keras.ops.convert_to_numpy(one)


def test_the_learning_rate_warms_up_and_follows_a_cosine_to_zero() -> None:
    shares = [warm_up_cosine(step, STEPS) for step in range(STEPS + 1)]
    assert shares[0] == pytest.approx(1 / 4)
    assert shares[:5] == sorted(shares[:5])
    assert shares[4] == max(shares) == 1.0
    assert shares[4:] == pytest.approx([0.5 * (1 + np.cos(np.pi * i / 36)) for i in range(37)])
    assert shares[STEPS - 1] < 0.003
    assert shares[STEPS] == pytest.approx(0.0)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_very_short_schedules_move_in_every_step(steps: int) -> None:
    assert all(0.05 < warm_up_cosine(step, steps) <= 1 for step in range(steps))


@pytest.mark.parametrize("epochs", [1, 8, 60])
def test_the_amount_of_training_is_the_sum_of_the_learning_rates(epochs: int) -> None:
    steps = 200  # of an epoch
    passed = np.cumsum([warm_up_cosine(step, steps * epochs) for step in range(steps * epochs)]) / steps
    at = [0.05 * epochs, 0.1 * epochs, 0.5 * epochs, 0.9 * epochs, epochs]
    expected = [passed[round(steps * epoch) - 1] for epoch in at]
    assert amount_trained(at, epochs) == pytest.approx(expected, abs=0.01 * epochs)
    assert amount_trained(at, epochs)[-1] == pytest.approx(epochs / 2)


def test_each_group_moves_by_its_own_rate() -> None:
    suffix, head = variable(2, 2), variable(2, 2)
    optimizer = TwoRateOptimizer(0.0, [suffix], [head])
    ones = keras.ops.ones((2, 2))
    expected = 0.0
    for share in (0.25, 1.0, 0.5):
        optimizer.set_rates(1e-3 * share, 1e-2 * share)
        optimizer.optimizer.apply([ones, ones], [suffix, head])
        expected += 1e-2 * share  # with equal gradients Adam's step is the learning rate: its moments are 1, corrected
    np.testing.assert_allclose(1 - values(head), expected, rtol=1e-3)
    np.testing.assert_allclose(1 - values(suffix), expected / 10, rtol=1e-3)


def test_nothing_moves_before_rates_are_set() -> None:
    head = variable(2, 2)
    TwoRateOptimizer(0.5, [], [head]).optimizer.apply([keras.ops.ones((2, 2))], [head])
    np.testing.assert_array_equal(values(head), 1.0)


def test_decay_spares_what_has_one_dimension() -> None:
    kernels, vectors = [variable(3, 3), variable(3, 3)], [variable(3), variable(3)]
    optimizer = TwoRateOptimizer(0.5, [kernels[0], vectors[0]], [kernels[1], vectors[1]])
    optimizer.set_rates(0.01, 0.1)
    everything = [*kernels, *vectors]
    optimizer.optimizer.apply([keras.ops.zeros_like(v) for v in everything], everything)
    # Decoupled decay: w (1 - rate * decay).
    np.testing.assert_allclose(values(kernels[0]), 1 - 0.01 * 0.5, rtol=1e-6)
    np.testing.assert_allclose(values(kernels[1]), 1 - 0.1 * 0.5, rtol=1e-6)
    for vector in vectors:
        np.testing.assert_array_equal(values(vector), 1.0)


def test_gradients_are_clipped_to_norm_1_in_each_group() -> None:
    """A first gradient of norm 500 leaves the moments that (.6, .8) leaves, so that the second step is the same."""

    def walk(first: list[float], group: str) -> Any:
        suffix, head = variable(1, 2), variable(1, 2)
        optimizer = TwoRateOptimizer(0.0, [suffix], [head])
        optimizer.set_rates(0.1, 0.1)
        small = keras.ops.convert_to_tensor([[0.1, 0.1]])
        for gradient in (keras.ops.convert_to_tensor([first]), small):
            pair = [gradient, small] if group == "suffix" else [small, gradient]
            optimizer.optimizer.apply(pair, [suffix, head])
        return np.concatenate([values(suffix), values(head)])

    for group in ("suffix", "head"):
        np.testing.assert_allclose(walk([300.0, 400.0], group), walk([0.6, 0.8], group), rtol=1e-5)
        assert np.abs(walk([0.3, 0.4], group) - walk([0.6, 0.8], group)).max() > 1e-4


@pytest.mark.parametrize(("warm_up", "steps"), [(1, 2), (4, 40), (30, 300)])
def test_the_rates_are_those_of_keras(warm_up: int, steps: int) -> None:
    theirs = keras.optimizers.schedules.CosineDecay(
        0.1 / warm_up, steps - warm_up, warmup_target=0.1, warmup_steps=warm_up
    )
    for step in range(steps + 3):
        assert 0.1 * warm_up_cosine(step, steps) == pytest.approx(float(theirs(step)), abs=1e-7)
