"""The metrics, the resampling and the claims made with them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from tlsearch.plugins.kinds.metric import CountMetric
from tlsearch.stats.claims import ModelPredictions, compare, difference_interval, estimate, make_claims, p_value
from tlsearch.stats.effective_size import Design, linear_parts
from tlsearch.stats.intervals import amended_wilson, tango, wilson
from tlsearch.stats.metrics import score
from tlsearch.stats.permutation import mcnemar_midp, paired_permutation

Labels = npt.NDArray[np.intp]
METRICS: list[CountMetric] = ["accuracy", "balanced_accuracy", "macro_f1"]
MACRO: list[CountMetric] = ["balanced_accuracy", "macro_f1"]


def answers(y: Labels, accuracy: float, classes: int, rng: np.random.Generator) -> Labels:
    """Guesses that are right with probability ``accuracy`` and one class too high otherwise."""
    return np.where(rng.random(len(y)) < accuracy, y, (y + 1) % classes)


def balanced(n: int, classes: int = 5) -> Labels:
    return np.arange(n) % classes


def test_scores_are_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    y, guess = rng.integers(0, 4, 60), rng.integers(0, 6, 60)
    assert score(y, guess, "accuracy") == pytest.approx(accuracy_score(y, guess))
    assert score(y, y, "macro_f1") == 1.0
    assert score(y, guess, "macro_f1") == pytest.approx(f1_score(y, guess, average="macro", zero_division=0))
    kept = guess % 4
    assert score(y, kept, "balanced_accuracy") == pytest.approx(balanced_accuracy_score(y, kept))


def test_scores_refuse_labels_of_different_images() -> None:
    with pytest.raises(ValueError, match="same images"):
        score([0, 1], [0], "accuracy")
    with pytest.raises(ValueError, match="same images"):
        score([], [], "accuracy")


def width(interval: tuple[float, float]) -> float:
    return interval[1] - interval[0]


@pytest.mark.parametrize("metric", MACRO)
def test_macro_intervals_are_wilsons_where_classes_are_alike(metric: CountMetric) -> None:
    """Five classes of 40, in each 30 right and the others called the next class: one class is like the other."""
    y = np.repeat(np.arange(5), 40)
    guess = np.where(np.arange(200) % 40 < 30, y, (y + 1) % 5)
    found = estimate(y, guess, metric)
    assert found.value == pytest.approx(0.75)
    assert found.ci95 == pytest.approx(wilson(150, 200), abs=0.004)
    assert width(estimate(y, guess, metric, level=0.5).ci95) < 0.4 * width(found.ci95)


def test_rare_classes_weigh_as_much_as_they_cost() -> None:
    """96 images of one class and 4 of the other are worth 1 / (1/4 * 1/96 + 1/4 * 1/4) = 15.4 images."""
    y = np.repeat([0, 1], [96, 4])
    low, high = estimate(y, y, "balanced_accuracy").ci95
    assert high == 1.0
    assert low == pytest.approx(amended_wilson(15.36, 15.36)[0])
    some = y.copy()
    some[:24], some[96] = 1, 0
    found = estimate(y, some, "balanced_accuracy")
    assert found.value == 0.75
    # At most as many images, and less for a variance that is known from few of them.
    assert width(wilson(0.75 * 15.36, 15.36)) < width(found.ci95) < width(wilson(0.75 * 6, 6))


def test_classes_that_differ_do_not_narrow_an_interval() -> None:
    """Recalls of 1 and 0: no image differs from its class, yet the interval is that of equally hard classes."""
    y = np.repeat([0, 1], 40)
    found = estimate(y, np.zeros(80, np.intp), "balanced_accuracy")
    assert found.value == 0.5
    assert width(found.ci95) >= width(wilson(40, 80))


@pytest.mark.parametrize("metric", MACRO)
@pytest.mark.parametrize("n", [45, 370])
def test_macro_intervals_cover_the_truth(n: int, metric: CountMetric) -> None:
    rng = np.random.default_rng(7)
    y = balanced(n)
    covered, paired = [], []
    for _ in range(300):
        first, second = answers(y, 0.85, 5, rng), answers(y, 0.75, 5, rng)
        low, high = estimate(y, first, metric).ci95
        covered.append(low <= 0.85 <= high)
        low, high = difference_interval(y, first, second, metric)
        paired.append(low <= 0.1 <= high)
    # Errors go to the next class, so that macro F1 and accuracy have the same truth.
    assert 0.92 <= np.mean(covered) <= 0.99
    assert 0.92 <= np.mean(paired) <= 0.99


def test_intervals_without_variation() -> None:
    y = balanced(45)
    assert estimate(y, y, "macro_f1").ci95 == pytest.approx(wilson(45, 45))
    assert estimate(y, (y + 1) % 5, "macro_f1").ci95 == pytest.approx(wilson(0, 45))
    assert difference_interval(y, y, y, "balanced_accuracy") == pytest.approx(tango(0, 0, 45))
    low, high = difference_interval(y, y, (y + 1) % 5, "balanced_accuracy")
    assert tango(45, 0, 45) == pytest.approx((low, high))


@pytest.mark.parametrize("metric", METRICS)
def test_differences_gain_from_pairing(metric: CountMetric) -> None:
    rng = np.random.default_rng(2)
    y = balanced(200)
    first = answers(y, 0.7, 5, rng)
    second = np.where((first == y) & (rng.random(200) < 0.1), (y + 1) % 5, first)
    low, high = difference_interval(y, first, second, metric)
    assert 0 < low < score(y, first, metric) - score(y, second, metric) < high
    assert high - low < width(estimate(y, first, metric).ci95)
    mirrored = difference_interval(y, second, first, metric)
    assert mirrored == pytest.approx((-high, -low), abs=1e-9)


def test_models_right_on_the_same_images_may_differ_in_macro_f1() -> None:
    y = balanced(100)
    first = answers(y, 0.7, 5, np.random.default_rng(1))
    second = np.where(first == y, y, np.where(y == 0, 1, 0))
    difference = score(y, first, "macro_f1") - score(y, second, "macro_f1")
    assert difference != 0
    low, high = difference_interval(y, first, second, "macro_f1")
    assert low < difference < high
    assert difference_interval(y, first, second, "accuracy") == tango(0, 0, 100)


@pytest.mark.parametrize("metric", METRICS)
def test_parts_are_the_derivative_of_the_score(metric: CountMetric) -> None:
    """Calling one image otherwise changes the score by the change of its part, to first order."""
    rng = np.random.default_rng(4)
    y = np.repeat(np.arange(4), [400, 300, 200, 100])
    guess = np.where(rng.random(1000) < 0.7, y, rng.integers(0, 4, 1000))
    parts = linear_parts(y, guess, metric)
    for place in (5, 450, 750, 950):
        for other in range(4):
            changed = guess.copy()
            changed[place] = other
            step = score(y, changed, metric) - score(y, guess, metric)
            after = linear_parts(y, changed, metric)[place]
            assert step == pytest.approx(after - parts[place], abs=2e-5)


def test_permutation_of_accuracy_is_the_exact_mcnemar_test() -> None:
    # 12 against 2 of 14 discordant pairs: exact p = 2 (1 + 14 + 91) / 2^14 = .01294.
    y = np.zeros(50, dtype=np.intp)
    first, second = y.copy(), y.copy()
    second[:12], first[12:14] = 1, 1
    p = paired_permutation(y, (first, second), "accuracy", n=40_000)
    assert p == pytest.approx(2 * 106 / 2**14, rel=0.15)
    assert paired_permutation(y, (second, first), "accuracy", n=40_000) == p


def test_permutation_of_equal_models_is_one_and_of_unequal_ones_is_bounded() -> None:
    y = balanced(100)
    worse = answers(y, 0.3, 5, np.random.default_rng(0))
    assert paired_permutation(y, (worse, worse), "macro_f1", n=99) == 1.0
    assert paired_permutation(y, (y, worse), "macro_f1", n=99) == 0.01


@pytest.mark.parametrize("metric", METRICS)
def test_copies_in_groups_add_nothing(metric: CountMetric) -> None:
    rng = np.random.default_rng(5)
    y = balanced(60)
    first, second = answers(y, 0.9, 5, rng), answers(y, 0.6, 5, rng)
    y3, first3, second3 = (np.repeat(labels, 3) for labels in (y, first, second))
    groups = np.repeat(np.arange(60), 3)
    for alone, grouped in (
        (estimate(y, second, metric).ci95, estimate(y3, second3, metric, groups).ci95),
        (difference_interval(y, first, second, metric), difference_interval(y3, first3, second3, metric, groups)),
    ):
        assert grouped == pytest.approx(alone, abs=0.02)
    assert p_value(y3, (first3, second3), metric, groups=groups, permutations=999) == pytest.approx(
        paired_permutation(y, (first, second), metric, n=999)
    )
    assert compare(y3, first3, second3, metric, groups=groups).mcnemar_midp is None


@pytest.mark.parametrize("metric", METRICS)
def test_copies_that_are_all_right_count_once(metric: CountMetric) -> None:
    y = np.repeat(balanced(30), 4)
    low, high = estimate(y, y, metric, np.repeat(np.arange(30), 4)).ci95
    assert (low, high) == pytest.approx(wilson(30, 30))


@pytest.mark.parametrize("metric", METRICS)
def test_groups_whose_images_are_not_alike_cost_little(metric: CountMetric) -> None:
    rng = np.random.default_rng(6)
    y = balanced(240)
    guess = answers(y, 0.8, 5, rng)
    free, grouped = (estimate(y, guess, metric, groups).ci95 for groups in (None, rng.permutation(240) // 4))
    assert width(free) * 0.99 < width(grouped) < 1.25 * width(free)


def test_likeness_of_groups_is_found() -> None:
    """Groups of 3 images that are right or wrong together half of the time: the correlation is .5."""
    rng = np.random.default_rng(9)
    y = np.repeat(balanced(200), 3)
    shrunk = []
    for _ in range(20):
        together = np.repeat(rng.random(200) < 0.7, 3)
        right = np.where(np.repeat(rng.random(200) < 0.5, 3), together, rng.random(600) < 0.7)
        guess = np.where(right, y, (y + 1) % 5)
        design = Design.of(y, "balanced_accuracy", np.repeat(np.arange(200), 3))
        value = score(y, guess, "balanced_accuracy")
        parts = linear_parts(y, guess, "balanced_accuracy")
        shrunk.append(design.effective_images(parts, value * (1 - value), 0.95))
    # 600 images whose design effect is 1 + 2 * .5.
    assert np.mean(shrunk) == pytest.approx(300, rel=0.06)


def test_claims_for_accuracy_are_wilson_tango_and_midp() -> None:
    y = np.arange(50) % 2
    winner, probe, baseline = y.copy(), y.copy(), y.copy()
    winner[:2] = 1 - winner[:2]  # 48 right
    probe[:5] = 1 - probe[:5]  # 45 right; 3 discordant pairs
    baseline[2:14] = 1 - baseline[2:14]  # 38 right; 12 and 2 discordant pairs
    claims = make_claims(y, ModelPredictions(winner, probe, baseline))
    assert claims.winner.value == 0.96
    assert claims.winner.ci95 == amended_wilson(48, 50)
    assert claims.winner.ci95[1] > wilson(48, 50)[1]
    assert claims.linear_probe.ci95 == wilson(45, 50)
    assert claims.baseline is not None
    assert claims.baseline.ci95 == pytest.approx(wilson(38, 50), abs=1e-12)
    assert claims.gain.test == pytest.approx(0.2)
    assert claims.gain.discordant == (12, 2)
    assert claims.gain.ci95 == pytest.approx(tango(12, 2, 50), abs=1e-9)
    assert claims.gain.mcnemar_midp == mcnemar_midp(12, 2)
    assert claims.gain.permutation_p is None
    over = claims.gain.over_linear_probe
    assert over is not None
    assert (over.discordant, over.mcnemar_midp) == ((3, 0), None)
    assert over.ci95 == pytest.approx(tango(3, 0, 50), abs=1e-9)
    assert claims.majority == 0.5
    numbered = make_claims(y, ModelPredictions(winner, probe, baseline), groups=np.arange(50)[::-1])
    assert numbered == claims


@pytest.mark.parametrize("metric", MACRO)
def test_claims_for_macro_metrics(metric: CountMetric) -> None:
    rng = np.random.default_rng(11)
    y = balanced(150)
    winner, probe, baseline = (answers(y, accuracy, 5, rng) for accuracy in (0.9, 0.85, 0.5))
    claims = make_claims(y, ModelPredictions(winner, probe, baseline), metric, seed=3)
    assert claims.winner == estimate(y, winner, metric)
    assert claims.winner.value == score(y, winner, metric)
    assert claims.gain.ci95 == difference_interval(y, winner, baseline, metric)
    assert claims.gain.ci95[0] > 0
    assert claims.gain.mcnemar_midp is None
    assert claims.gain.permutation_p == pytest.approx(1e-4)


def test_claims_without_a_baseline_still_compare_with_the_probe() -> None:
    y = balanced(50)
    claims = make_claims(y, ModelPredictions(y, (y + 1) % 5))
    assert claims.baseline is None
    assert claims.gain.test is None
    assert claims.gain.over_linear_probe is not None
    assert claims.gain.over_linear_probe.difference == 1.0
