"""Prediction sets on test images, and scores of a model that was selected on the calibration images."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from tlsearch.models.temperature import divide_by_temperature
from tlsearch.plugins.load_metric import load_metric
from tlsearch.stats.calibration import judge_temperature
from tlsearch.stats.claims import estimate
from tlsearch.stats.prediction_sets import (
    CalibrationImages,
    Selection,
    lowest_expected,
    measure_sets,
    scores_of,
    with_temperature,
)
from tlsearch.types import AnyArray
from tlsearch.uncertainty.prediction_sets import ConformalScores, conformal_scores, sorted_scores


def drawn(images: int, seed: int) -> tuple[AnyArray, AnyArray]:
    """Probabilities that are true, and classes drawn by them."""
    rng = np.random.default_rng(seed)
    said = rng.dirichlet(np.full(4, 0.3), images)
    return said, (said.cumsum(axis=1) > rng.random((images, 1))).argmax(axis=1)


SCORES = ConformalScores(scores=(0.0, 0.0, 0.0, 0.2, 0.7), groups=5, images=5, reason="")


def test_what_sets_do_is_counted() -> None:
    said = np.array([[0.9, 0.1, 0.0], [0.6, 0.3, 0.1], [0.15, 0.8, 0.05], [0.5, 0.1, 0.4]])
    found = measure_sets(SCORES, said, [0, 1, 0, 2], levels=(0.5, 0.65, 0.8, 0.9))
    low, middle, high, none = found.levels
    assert (found.images, found.calibration_images, found.calibration_groups) == (4, 5, 5)
    assert (low.asked, low.covered, low.single, low.left, low.mean_size) == (0.5, 0.25, 1.0, 0, 1.0)
    assert low.single_right == 0.25
    # A threshold of 0.2 adds no class; one of 0.7 adds the second wherever the first has at most that.
    assert (middle.left, middle.single_right) == (0, 0.25)
    assert (high.left, high.covered, high.single_right) == (2, 0.75, 0.5)
    assert (none.enough, none.left, none.covered, none.single_right) == (False, 4, 1.0, None)
    assert found.at(0.8) is high
    assert found.at(0.99) is None


def test_the_interval_of_coverage_is_that_of_a_share_and_widens_with_groups() -> None:
    said, labels = drawn(120, 1)
    scores = conformal_scores(drawn(300, 2)[0], drawn(300, 2)[1], None)
    groups = np.arange(120) // 6
    for level in (0.8, 0.9):
        inside = scores.sets(said, level)[np.arange(120), labels]
        share = estimate(np.ones(120, int), inside.astype(int))
        alone = measure_sets(scores, said, labels).at(level)
        assert alone is not None
        assert (alone.covered, alone.ci95) == (share.value, share.ci95)
        together = measure_sets(scores, said, labels, groups).at(level)
        assert together is not None
        assert together.ci95[1] - together.ci95[0] != pytest.approx(alone.ci95[1] - alone.ci95[0])


def test_luck_alone_lowers_the_coverage_so_far_and_no_further() -> None:
    """With endless calibration images the number covered is binomial; few of them let it vary more."""
    many = ConformalScores(scores=(0.0,), groups=100_000, images=100_000, reason="")
    assert lowest_expected(many, 0.9, 200) == pytest.approx(binom.ppf(0.025, 200, 0.9) / 200, abs=0.006)
    few = ConformalScores(scores=(0.0,), groups=50, images=50, reason="")
    assert lowest_expected(few, 0.9, 200) < lowest_expected(many, 0.9, 200)


def test_copies_among_the_test_images_are_no_bad_luck_of_their_own() -> None:
    """Of 200 tests on 20 images with 5 copies each, at most about 1 of 40 falls short."""
    rng, short = np.random.default_rng(1), 0
    groups = np.repeat(np.arange(20), 5)
    for _ in range(200):
        calibration = np.clip(np.repeat(rng.random(60), 5) + 0.02 * rng.random(300), 0, 1)
        scores = sorted_scores(calibration[None], np.repeat(np.arange(60), 5))
        tested = np.clip(np.repeat(rng.random(20), 5) + 0.02 * rng.random(100), 0, 1)
        short += (tested <= scores.threshold(0.9)).mean() < lowest_expected(scores, 0.9, 100, groups)
    assert short <= 8
    assert lowest_expected(scores, 0.9, 100, np.arange(100)) == lowest_expected(scores, 0.9, 100)


def test_probabilities_have_the_temperature_that_helps() -> None:
    said, labels = drawn(500, 3)
    images = CalibrationImages(labels=labels)
    sure = divide_by_temperature(said, 0.4)
    fitted = judge_temperature(sure, labels)
    assert fitted.helps
    assert with_temperature(sure, images) == pytest.approx(divide_by_temperature(sure, fitted.value))
    assert with_temperature(said, images) == pytest.approx(said)


def test_a_model_without_a_selection_has_its_own_scores() -> None:
    said, labels = drawn(200, 4)
    images = CalibrationImages(labels=labels)
    own = conformal_scores(with_temperature(said, images), labels, None, "why")
    assert scores_of(images, said, None, reason="why") == own
    alone = Selection(metric=load_metric("accuracy"), trials=[said], shared=np.arange(200))
    assert scores_of(images, said, alone, reason="why") == own


def lucky(images: int, trials: int, seed: int) -> tuple[CalibrationImages, list[AnyArray]]:
    """Trials that are right at random on 7 of 10 images, the best on these images first."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, images)
    right = rng.random((trials, images)) < 0.7
    said = [np.where(hits, labels, (labels + 1) % 3) for hits in right]
    order = np.argsort([-(guess == labels).mean() for guess in said], kind="stable")
    found = [np.where(np.eye(3, dtype=bool)[said[number]], 0.7, 0.15) for number in order]
    return CalibrationImages(labels=labels), found


def test_the_selection_is_undone() -> None:
    """The best of 30 equal trials looks 10 points better than it is, and its sets would cover that much too little."""
    own, kept = [], []
    for seed in range(20):
        images, trials = lucky(60, 30, seed)
        selection = Selection(metric=load_metric("accuracy"), trials=trials, shared=np.arange(60))
        own.append(scores_of(images, trials[0], None).threshold(0.75))
        kept.append(scores_of(images, trials[0], selection).threshold(0.75))
    # Three in four new images are right only where the second class is in the set too.
    assert np.mean(np.array(own) > 0) < 0.3
    assert np.mean(np.array(kept) > 0) > 0.5


def test_images_that_took_no_part_in_the_selection_have_the_winners_own_scores() -> None:
    images, trials = lucky(60, 30, 1)
    shared = np.arange(20)
    selection = Selection(metric=load_metric("accuracy"), trials=[trial[:20] for trial in trials], shared=shared)
    partly = scores_of(images, trials[0], selection)
    whole = Selection(metric=load_metric("accuracy"), trials=trials, shared=np.arange(60))
    own, all_of_them = scores_of(images, trials[0], None), scores_of(images, trials[0], whole)
    zeros = [np.mean(np.array(scores.scores) == 0) for scores in (all_of_them, partly, own)]
    assert zeros == sorted(zeros)
    assert zeros[0] < zeros[2]


def test_groups_are_not_divided_where_the_selection_is_repeated() -> None:
    images, trials = lucky(60, 5, 2)
    grouped = CalibrationImages(labels=images.labels, groups=np.arange(60) // 3)
    selection = Selection(metric=load_metric("accuracy"), trials=trials, shared=np.arange(60))
    assert scores_of(grouped, trials[0], selection).groups == 20
