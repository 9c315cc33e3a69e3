"""The order in which a trial meets its images."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from tests.helpers.networks.tiny import make_spec
from tlsearch.training.batches import epoch_batches, steps_per_epoch, trial_seed, view_number

ROWS = np.arange(1000, 1500)
SPEC = make_spec(batch_size=20)


def test_500_images_in_batches_of_20_are_25_steps_and_every_image_comes_once() -> None:
    assert steps_per_epoch(500, 20) == 25
    batches = list(epoch_batches(SPEC, ROWS, 0))
    assert [len(batch) for batch in batches] == [20] * 25
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), ROWS)


@pytest.mark.parametrize(("images", "size", "steps"), [(501, 20, 26), (19, 20, 1), (1, 32, 1), (64, 32, 2)])
def test_the_last_batch_may_be_smaller(images: int, size: int, steps: int) -> None:
    batches = list(epoch_batches(make_spec(batch_size=size), np.arange(images), 3))
    assert len(batches) == steps == steps_per_epoch(images, size)
    assert sum(map(len, batches)) == images
    assert max(map(len, batches)) <= size


def test_each_epoch_has_an_order_of_its_own_that_repeats() -> None:
    orders = [np.concatenate(list(epoch_batches(SPEC, ROWS, epoch))) for epoch in range(4)]
    for one, other in combinations(orders, 2):
        assert (one != other).mean() > 0.9
    np.testing.assert_array_equal(np.concatenate(list(epoch_batches(SPEC, ROWS, 2))), orders[2])
    np.testing.assert_array_equal(ROWS, np.arange(1000, 1500))


def test_other_trials_and_other_runs_have_other_orders() -> None:
    first = np.concatenate(list(epoch_batches(SPEC, ROWS, 0)))
    for other in (make_spec(batch_size=20, seed=1), make_spec(batch_size=20, dropout=0.1)):
        assert (np.concatenate(list(epoch_batches(other, ROWS, 0))) != first).mean() > 0.9


def test_stored_views_take_turns_and_fresh_ones_never_repeat() -> None:
    assert [view_number(make_spec(views=4), e) for e in range(9)] == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    assert [view_number(make_spec(views=1), e) for e in range(3)] == [0, 0, 0]
    assert [view_number(make_spec(views=0), e) for e in range(6)] == [0, 1, 2, 3, 4, 5]


def test_seeds_differ_by_purpose_spec_and_run_and_repeat() -> None:
    specs = [make_spec(), make_spec(seed=1), make_spec(units=64), make_spec(freeze_depth=1)]
    seeds = {(spec, purpose): trial_seed(spec, purpose) for spec in specs for purpose in ("order", "head", "solve")}
    assert len(set(seeds.values())) == len(seeds) == 12
    assert all(0 <= seed < 2**31 for seed in seeds.values())
    assert trial_seed(make_spec(), "head") == seeds[make_spec(), "head"]
