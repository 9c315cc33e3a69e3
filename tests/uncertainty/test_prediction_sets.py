"""Prediction sets: the quantile of split conformal prediction, groups, and what config.json holds."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest

from tlsearch.models.temperature import Temperature
from tlsearch.types import AnyArray
from tlsearch.uncertainty.prediction_sets import (
    CONFIG_KEY,
    MOST_SCORES,
    ConformalScores,
    SetMaker,
    conformal_scores,
    fewest_groups,
    larger,
    nonconformity,
    sorted_scores,
    true_class_scores,
)


def drawn(images: int, seed: int, classes: int = 4) -> tuple[AnyArray, AnyArray]:
    """Probabilities that are true, and classes drawn by them."""
    rng = np.random.default_rng(seed)
    said = rng.dirichlet(np.full(classes, 0.4), images)
    return said, (said.cumsum(axis=1) > rng.random((images, 1))).argmax(axis=1)


def test_a_class_is_as_nonconform_as_the_classes_before_it_are_probable() -> None:
    found = nonconformity([[0.1, 0.6, 0.3, 0.0], [0.25, 0.25, 0.25, 0.25]])
    expected = [[0.9, 0.0, 0.6, 1.0], [0.0, 0.25, 0.5, 0.75]]
    assert found == pytest.approx(np.array(expected))


def test_the_threshold_is_the_order_statistic_of_split_conformal_prediction() -> None:
    said, labels = drawn(57, 1)
    scores = conformal_scores(said, labels, None)
    every = np.sort(true_class_scores(said, labels))
    for coverage in (0.5, 0.8, 0.9, 0.95, 56.5 / 58, 57 / 58):
        place = math.ceil((57 + 1) * coverage - 1e-9)
        assert scores.threshold(coverage) == pytest.approx(every[place - 1], abs=2e-6)
        assert scores.threshold(coverage) >= every[place - 1] - 1e-9  # rounded up
    assert scores.threshold(0.99) == math.inf


@pytest.mark.parametrize(("coverage", "fewest"), [(0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99), (0.5, 1)])
def test_a_coverage_needs_so_many_images(coverage: float, fewest: int) -> None:
    assert fewest_groups(coverage) == fewest
    said, labels = drawn(fewest, 2)
    enough, short = conformal_scores(said, labels, None), None
    assert enough.suffices(coverage)
    assert enough.threshold(coverage) == max(enough.scores)
    assert enough.shortage(coverage) == ""
    if fewest > 1:
        short = conformal_scores(said[1:], labels[1:], None)
        assert not short.suffices(coverage)
        assert short.sets(said, coverage).all()
        assert f"at least {fewest} images, and the model has those of {fewest - 1}" in short.shortage(coverage)
        assert short.shortage(coverage).endswith("every prediction set holds all classes.")


def test_a_coverage_that_single_answers_reach_names_a_higher_one() -> None:
    scores = ConformalScores(scores=tuple([0.0] * 93 + [0.5] * 7), groups=100, images=100, reason="")
    assert scores.single_answers(0.9) == (
        "A coverage of 0.9 is reached by the most probable class alone, so no picture is called not sure: ask for more "
        "with --coverage 0.95."
    )
    assert scores.single_answers(0.95) == ""
    always_right = ConformalScores(scores=(0.0,) * 100, groups=100, images=100, reason="")
    assert always_right.single_answers(0.9).endswith("so no picture is called not sure.")


def test_every_set_holds_the_most_probable_class_and_grows_with_the_coverage() -> None:
    said, labels = drawn(300, 3)
    scores = conformal_scores(said, labels, None)
    sets = [scores.sets(said, coverage) for coverage in (0.1, 0.6, 0.9, 0.99)]
    assert all(found[np.arange(300), said.argmax(axis=1)].all() for found in sets)
    assert all((less <= more).all() for less, more in itertools.pairwise(sets))
    assert sets[0].sum() < sets[-1].sum()


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_new_images_are_covered_as_often_as_was_asked_for(coverage: float) -> None:
    """The mean over calibrations lies in [coverage, coverage + 1 / (n + 1)], but for its own error."""
    covered = []
    for seed in range(300):
        said, labels = drawn(99, seed)
        new, truth = drawn(400, 10_000 + seed)
        inside = conformal_scores(said, labels, None).sets(new, coverage)
        covered.append(inside[np.arange(400), truth].mean())
    error = np.std(covered) / np.sqrt(len(covered))
    assert coverage - 3 * error < np.mean(covered) < coverage + 0.01 + 3 * error


def test_a_group_counts_once_whatever_its_size() -> None:
    """A group of a hundred hard images is one of fifty groups, and not two thirds of all images."""
    said = np.full((149, 2), [0.9, 0.1])
    labels = np.r_[np.zeros(49, int), np.ones(100, int)]
    groups = np.r_[np.arange(49), np.full(100, 49)]
    alone, grouped = conformal_scores(said, labels, None), conformal_scores(said, labels, groups)
    assert (alone.groups, grouped.groups, grouped.images) == (149, 50, 149)
    assert alone.threshold(0.8) == pytest.approx(0.9)
    assert grouped.threshold(0.8) == 0
    assert grouped.threshold(0.98) == pytest.approx(0.9)
    assert grouped.threshold(0.99) == math.inf
    assert "at least 99 groups of images, and the model has those of 50" in grouped.shortage(0.99)


def test_the_quantile_of_groups_is_that_of_their_weights() -> None:
    rng = np.random.default_rng(4)
    said, labels = drawn(120, 4)
    groups = np.sort(rng.integers(0, 40, 120))
    groups = np.unique(groups, return_inverse=True)[1]
    scores, count = conformal_scores(said, labels, groups), int(groups.max()) + 1
    values = true_class_scores(said, labels)
    weights = 1 / np.bincount(groups)[groups]
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    for coverage in (0.5, 0.8, 0.9, 0.95):
        exact = values[order][np.searchsorted(reached, coverage * (count + 1) - 1e-9)]
        allowed = values[order][np.searchsorted(reached, min(coverage * (count + 1) + count / 120, count) - 1e-9)]
        assert exact - 1e-9 <= scores.threshold(coverage) <= allowed + 2e-6


def test_many_scores_are_kept_as_a_thousand_that_cover_no_less() -> None:
    said, labels = drawn(12_345, 5)
    scores = conformal_scores(said, labels, None)
    assert len(scores.scores) == MOST_SCORES
    every = np.sort(true_class_scores(said, labels))
    for coverage in (0.5, 0.9, 0.999):
        place = math.ceil(12_346 * coverage - 1e-9)
        assert every[place - 1] <= scores.threshold(coverage) + 1e-9
        assert scores.threshold(coverage) <= every[min(place + 14, 12_344)] + 2e-6


def test_of_several_answers_for_an_image_each_has_a_part_of_its_weight() -> None:
    said, labels = drawn(50, 6)
    once, values = conformal_scores(said, labels, None), true_class_scores(said, labels)
    twice = sorted_scores(np.stack([values, values]), None)
    assert (once.groups, twice.groups) == (50, 50)
    for coverage in (0.5, 0.9, 0.95):
        assert once.threshold(coverage) == twice.threshold(coverage)


def test_the_larger_of_two_is_larger_everywhere() -> None:
    first, second = (conformal_scores(drawn(60, seed)[0], drawn(60, seed)[1], None) for seed in (7, 8))
    both = larger(first, second)
    for coverage in (0.3, 0.5, 0.8, 0.9, 0.95, 0.98):
        assert both.threshold(coverage) == max(first.threshold(coverage), second.threshold(coverage))


def test_scores_come_back_from_config_as_they_were() -> None:
    said, labels = drawn(30, 9)
    scores = conformal_scores(said, labels, np.arange(30) // 2, "from 30 validation images")
    config = json.loads(json.dumps({"image_size": 8, **scores.in_config()}))
    assert ConformalScores.of(config) == scores
    assert ConformalScores.of({"image_size": 8}) is None


GOOD = {"scores": [0.0, 0.5], "groups": 2, "images": 3, "reason": "why"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"scores": []}, {"scores": [0.5, 0.1]}, {"scores": [True]}, {"scores": ["0.1"]}, {"scores": [math.nan]},
        {"scores": [-1.0]}, {"scores": None}, {"groups": 0}, {"groups": 4}, {"groups": 1.5}, {"images": True},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_scores_is_refused(wrong: dict[str, object]) -> None:
    assert ConformalScores.of({CONFIG_KEY: GOOD}) is not None
    with pytest.raises(ValueError, match=CONFIG_KEY):
        ConformalScores.of({CONFIG_KEY: {**GOOD, **wrong}})


@pytest.mark.parametrize("coverage", [0.0, 1.0, -0.1, 1.5])
def test_a_coverage_lies_between_0_and_1(coverage: float) -> None:
    with pytest.raises(ValueError, match="above 0 and below 1"):
        ConformalScores.of({CONFIG_KEY: GOOD}).threshold(coverage)  # type: ignore[union-attr]


def test_sets_have_the_temperature_of_their_scores_and_the_order_of_probabilities() -> None:
    scores = ConformalScores(scores=(0.0, 0.55), groups=2, images=2, reason="")
    hot = Temperature(value=4.0, fitted_on=2, by_default=True, reason="")
    row = np.array([0.1, 0.7, 0.2])
    plain = SetMaker(scores=scores, temperature=None, coverage=0.6)
    assert plain.classes(row) == (1,)
    assert SetMaker(scores=scores, temperature=hot, coverage=0.6).classes(row) == (1, 2)
