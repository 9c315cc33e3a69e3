"""The optimizer: its schedule, its two learning rates, what is decayed and what is clipped."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from tiny import make_spec

from tlsearch.training.optimizer import make_optimizer, warm_up_cosine

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

STEPS = 40


def variable(*shape: int, value: float = 1.0) -> Any:
    """A variable of equal values."""
    return keras.Variable(np.full(shape, value, np.float32))


def values(one: Any) -> Any:
    """A variable's values as an array."""
    return keras.ops.convert_to_numpy(one)


def rates(optimizer: Any) -> list[float]:
    """The learning rate in each step."""
    said = []
    for step in range(STEPS + 1):
        optimizer.iterations.assign(step)
        said.append(float(optimizer.learning_rate))
    return said


def test_the_learning_rate_warms_up_and_follows_a_cosine_to_zero() -> None:
    weight = variable(2, 2)
    said = rates(make_optimizer(make_spec(lr_head=0.1), STEPS, [], [weight]))
    assert said[0] == pytest.approx(0.1 / 4)
    assert said[:5] == sorted(said[:5])
    assert said[4] == pytest.approx(0.1)
    assert max(said) == said[4]
    after = [0.05 * (1 + np.cos(np.pi * i / 36)) for i in range(37)]
    assert said[4:] == pytest.approx(after, abs=1e-7)
    assert said[STEPS - 1] < 0.1 * 0.003
    assert said[STEPS] == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_very_short_schedules_have_finite_rates(steps: int) -> None:
    weight = variable(2, 2)
    optimizer = make_optimizer(make_spec(lr_head=0.1), steps, [], [weight])
    for _ in range(steps):
        optimizer.apply([keras.ops.ones((2, 2))], [weight])
    moved = 1 - values(weight)
    assert np.isfinite(moved).all()
    assert (moved > 0.05).all()


def test_each_group_moves_by_its_own_rate() -> None:
    suffix, head = variable(2, 2), variable(2, 2)
    optimizer = make_optimizer(make_spec(lr_suffix=1e-3, lr_head=1e-2), STEPS, [suffix], [head])
    ones = keras.ops.ones((2, 2))
    expected = 0.0
    for step in range(10):
        optimizer.apply([ones, ones], [suffix, head])
        # With equal gradients Adam's step is the learning rate (its moments are 1, corrected).
        expected += 1e-2 * (0.25 + 0.75 * step / 4 if step < 4 else 0.5 * (1 + np.cos(np.pi * (step - 4) / 36)))
    np.testing.assert_allclose(1 - values(head), expected, rtol=1e-3)
    np.testing.assert_allclose(1 - values(suffix), expected / 10, rtol=1e-3)


def test_decay_spares_what_has_one_dimension() -> None:
    kernels, vectors = [variable(3, 3), variable(3, 3)], [variable(3), variable(3)]
    optimizer = make_optimizer(
        make_spec(lr_suffix=0.01, lr_head=0.1, weight_decay=0.5),
        STEPS,
        [kernels[0], vectors[0]],
        [kernels[1], vectors[1]],
    )
    everything = [*kernels, *vectors]
    optimizer.apply([keras.ops.zeros_like(v) for v in everything], everything)
    # Decoupled decay: w (1 - rate * decay), in the first step of a warm-up over 4.
    np.testing.assert_allclose(values(kernels[0]), 1 - 0.01 / 4 * 0.5, rtol=1e-6)
    np.testing.assert_allclose(values(kernels[1]), 1 - 0.1 / 4 * 0.5, rtol=1e-6)
    for vector in vectors:
        np.testing.assert_array_equal(values(vector), 1.0)


def test_gradients_are_clipped_to_norm_1_in_each_group() -> None:
    """A first gradient of norm 500 leaves the moments that (.6, .8) leaves, so that the second step is the same."""

    def walk(first: list[float], group: str) -> Any:
        suffix, head = variable(1, 2), variable(1, 2)
        optimizer = make_optimizer(make_spec(lr_suffix=0.1, lr_head=0.1), STEPS, [suffix], [head])
        small = keras.ops.convert_to_tensor([[0.1, 0.1]])
        for gradient in (keras.ops.convert_to_tensor([first]), small):
            pair = [gradient, small] if group == "suffix" else [small, gradient]
            optimizer.apply(pair, [suffix, head])
        return np.concatenate([values(suffix), values(head)])

    for group in ("suffix", "head"):
        np.testing.assert_allclose(walk([300.0, 400.0], group), walk([0.6, 0.8], group), rtol=1e-5)
        assert np.abs(walk([0.3, 0.4], group) - walk([0.6, 0.8], group)).max() > 1e-4


@pytest.mark.parametrize(("warm_up", "decay_steps"), [(1, 1), (4, 36), (30, 270)])
def test_the_rates_are_those_of_keras(warm_up: int, decay_steps: int) -> None:
    ours = warm_up_cosine(0.1, warm_up, decay_steps)
    theirs = keras.optimizers.schedules.CosineDecay(0.1 / warm_up, decay_steps, warmup_target=0.1, warmup_steps=warm_up)
    for step in range(warm_up + decay_steps + 3):
        assert float(ours(step)) == pytest.approx(float(theirs(step)), abs=1e-7)
