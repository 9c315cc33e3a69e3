"""The score of the best of many trials, corrected for its having been selected."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.decisions.corrected import simulate
from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.plugins.load_metric import load_metric
from tlsearch.stats.bootstrap import Resampler
from tlsearch.stats.metrics import score
from tlsearch.stats.selection import PARTS, _divisions, _scores, corrected_estimate


class Brier:
    """A metric that is not made of counts, and of which less is better."""

    api_version, name, greater_is_better, uses_class_weights = 1, "brier", False, False

    def score(self, labels: npt.NDArray[np.intp], probabilities: npt.NDArray[np.float64]) -> float:
        """The mean squared error of the probabilities."""
        return float(((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(axis=1).mean())


def guesses(rng: np.random.Generator, trials: int, images: int, classes: int = 3) -> list[npt.NDArray[np.float64]]:
    return [rng.dirichlet(np.ones(classes), images) for _ in range(trials)]


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "macro_f1"])
def test_trials_that_guess_are_not_better_for_being_many(name: str) -> None:
    """The best of 40 that guess among three classes seems far better than a third; corrected it is a third."""
    metric, found, selected = load_metric(name), [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 3, 150)
        trials = guesses(rng, 40, 150)
        trials.sort(key=lambda p: -score(labels, p.argmax(axis=1), metric.counts or "accuracy"))
        selected.append(score(labels, trials[0].argmax(axis=1), metric.counts or "accuracy"))
        estimate = corrected_estimate(metric, labels, trials, None, seed)
        assert estimate is not None
        assert estimate.ci95[0] < estimate.value < estimate.ci95[1]
        found.append(estimate.value)
    assert np.mean(selected) > 0.40
    assert np.mean(found) == pytest.approx(1 / 3, abs=0.02)


def test_of_one_trial_nothing_was_selected() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    (trial,) = guesses(rng, 1, 300)
    estimate = corrected_estimate(load_metric("accuracy"), labels, [trial])
    assert estimate is not None
    assert estimate.value == pytest.approx(score(labels, trial.argmax(axis=1), "accuracy"), abs=0.01)


def test_a_correction_never_raises_the_figure_that_it_corrects() -> None:
    """Without its limit the answers of the last epoch may score better than the mean of the last three epochs."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    right = np.where(rng.random(300) < 0.9, labels, (labels + 1) % 3)
    trials = [np.eye(3)[right], *guesses(rng, 5, 300)]
    for metric, selected in ((load_metric("accuracy"), 0.88), (GuardedMetric(Brier()), 0.5)):
        free = corrected_estimate(metric, labels, trials)
        kept = corrected_estimate(metric, labels, trials, selected=selected)
        assert free is not None
        assert kept is not None
        assert metric.sign * (free.value - selected) > 0
        assert kept.value == selected
        assert kept.ci95[0] < selected < kept.ci95[1]
        worse = corrected_estimate(metric, labels, trials, selected=free.value + metric.sign * 0.05)
        assert worse == free


def test_a_metric_of_which_less_is_better() -> None:
    metric = GuardedMetric(Brier())
    best, truth, found = [], [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 3, 100)
        trials = sorted(guesses(rng, 20, 100), key=lambda p: metric.score(labels, p))
        best.append(metric.score(labels, trials[0]))
        truth.append(float(np.mean([metric.score(labels, p) for p in trials])))  # all guess alike
        estimate = corrected_estimate(metric, labels, trials, None, seed)
        assert estimate is not None
        assert estimate.ci95[0] < estimate.value < estimate.ci95[1]
        found.append(estimate.value)
    assert np.mean(best) < np.mean(truth) - 0.08
    assert np.mean(found) == pytest.approx(np.mean(truth), abs=0.03)


def test_a_single_image_cannot_be_divided() -> None:
    trials = [np.array([[0.2, 0.8]]), np.array([[0.7, 0.3]])]
    assert corrected_estimate(load_metric("accuracy"), np.array([1]), trials) is None


def test_copies_are_worth_no_more_than_the_image() -> None:
    """Ten copies of each image are worth no more than the image: the interval does not shrink."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 60)
    trials = guesses(rng, 10, 60, 2)
    trials.sort(key=lambda p: -score(labels, p.argmax(axis=1), "accuracy"))
    once = corrected_estimate(load_metric("accuracy"), labels, trials)
    copies = [np.repeat(p, 10, axis=0) for p in trials]
    often = corrected_estimate(load_metric("accuracy"), np.repeat(labels, 10), copies, np.repeat(np.arange(60), 10))
    assert once is not None
    assert often is not None
    assert often.value == pytest.approx(once.value, abs=0.02)
    width, wide = (e.ci95[1] - e.ci95[0] for e in (once, often))
    assert wide == pytest.approx(width, rel=0.15)


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "macro_f1"])
def test_scores_of_some_images_are_those_of_these_images_alone(name: str) -> None:
    rng = np.random.default_rng(3)
    labels, trials = rng.integers(0, 4, 50), guesses(rng, 3, 50, 4)
    mask, metric = rng.random(50) < 0.7, load_metric(name)
    assert metric.counts is not None
    expected = [score(labels[mask], p[mask].argmax(axis=1), metric.counts) for p in trials]
    np.testing.assert_allclose(_scores(metric, labels, trials, [mask])[0], expected)


def test_every_class_is_spread_over_the_parts_and_no_group_is_divided() -> None:
    labels = np.repeat([0, 1, 2], [40, 8, 60])
    rng = np.random.default_rng(0)
    (plain,) = _divisions(Resampler.of(labels, None), len(labels), 1, rng)
    for c, images in enumerate([40, 8, 60]):
        assert np.bincount(plain[labels == c], minlength=PARTS).tolist() == [images // PARTS] * PARTS
    groups = np.repeat(np.arange(27), 4)
    (grouped,) = _divisions(Resampler.of(labels, groups), len(labels), 1, rng)
    assert all(len(set(grouped[groups == g])) == 1 for g in groups)


def test_in_a_simulated_search_the_bias_is_gone() -> None:
    plain, corrected = simulate("all equal", 100, 40, seed=0)
    assert float(str(plain["points too high"])) > 3
    assert abs(float(str(corrected["points too high"]))) < 1.5
    assert float(str(corrected["coverage"])) >= 0.9
