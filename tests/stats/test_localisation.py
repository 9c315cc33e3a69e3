"""Scores of boxes, against values by hand, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from tlsearch.stats.localisation import Localised, best_column, box_accuracy, gain, lies_in, overlap, scores


def test_overlap_is_intersection_over_union() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [5, 5, 15, 15], [20, 20, 30, 30], [3, 3, 3, 9]])
    others = np.array([[0.0, 0, 10, 10], [0, 0, 20, 20]])
    expected = np.array([[1.0, 0.25], [25 / 175, 0.25], [0, 0], [0, 0]])
    np.testing.assert_allclose(overlap(boxes, others), expected)


def test_a_point_lies_in_one_of_the_boxes() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [20, 20, 30, 30]])
    assert lies_in(np.array([25.0, 21.0]), boxes)
    assert not lies_in(np.array([15.0, 5.0]), boxes)


def test_box_accuracy_is_the_mean_over_three_overlaps() -> None:
    np.testing.assert_allclose(box_accuracy(np.array([0.29, 0.3, 0.5, 0.69, 0.7, 1.0])), [0, 1 / 3, 2 / 3, 2 / 3, 1, 1])


def test_the_best_threshold_is_the_middle_of_those_that_are_as_good() -> None:
    overlaps = np.array([[0.1, 0.6, 0.6, 0.6, 0.2], [0.2, 0.4, 0.4, 0.4, 0.1]])
    assert best_column(overlaps) == 2


def made_up(seed: int, shift: float, count: int = 150) -> Localised:
    rng = np.random.default_rng(seed)
    return Localised(hits=rng.random(count) < 0.5 + shift, overlaps=np.clip(rng.normal(0.4 + shift, 0.15, count), 0, 1))


def test_scores_have_intervals_around_them() -> None:
    model, classes, groups = made_up(0, 0.2), np.arange(150) % 3, np.arange(150)
    found = scores(model, classes, groups)
    assert found.pointing.value == pytest.approx(model.hits.mean())
    assert found.box_accuracy.value == pytest.approx(np.mean([one.value for one in found.by_overlap]))
    for estimate in (found.pointing, found.box_accuracy, *found.by_overlap):
        assert estimate.ci95[0] < estimate.value < estimate.ci95[1]
        assert estimate.ci95[1] - estimate.ci95[0] < 0.25


def test_a_gain_is_that_on_the_same_images() -> None:
    model, rule, classes, groups = made_up(0, 0.3), made_up(1, 0.0), np.arange(150) % 3, np.arange(150)
    found = gain(model, rule, classes, groups)
    assert found.pointing.value == pytest.approx(model.hits.mean() - rule.hits.mean())
    assert found.pointing.ci95[0] > 0
    assert found.box_accuracy.ci95[0] > 0
    same = gain(model, model, classes, groups)
    assert same.pointing.value == same.box_accuracy.value == 0
    assert same.pointing.ci95[0] < 0 < same.pointing.ci95[1]


def test_images_that_belong_together_widen_intervals() -> None:
    model = made_up(0, 0.0, 30)
    repeated = Localised(hits=np.repeat(model.hits, 5), overlaps=np.repeat(model.overlaps, 5))
    classes = np.repeat(np.arange(30) % 3, 5)
    alone, together = (scores(repeated, classes, groups) for groups in (np.arange(150), np.repeat(np.arange(30), 5)))
    for one, other in ((alone.pointing, together.pointing), (alone.box_accuracy, together.box_accuracy)):
        assert np.diff(other.ci95)[0] > 1.5 * np.diff(one.ci95)[0]


def test_intervals_cover_the_truth() -> None:
    """The mean box accuracy of images like these is known; 95 % of intervals of 60 images hold it."""
    truth = box_accuracy(made_up(99, 0.1, 400_000).overlaps).mean()
    covered = 0
    for seed in range(60):
        low, high = scores(made_up(seed, 0.1, 60), np.zeros(60, np.intp), np.arange(60)).box_accuracy.ci95
        covered += low <= truth <= high
    assert covered >= 52
