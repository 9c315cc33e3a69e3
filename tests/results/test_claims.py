"""The metrics, the resampling and the claims made with them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from tlsearch.config import Metric
from tlsearch.results.claims import compare, design_effect, estimate, make_claims
from tlsearch.results.resampling import paired_bootstrap, paired_permutation, stratified_bootstrap
from tlsearch.results.scores import score
from tlsearch.results.statistics import mcnemar_midp, tango, wilson

Labels = npt.NDArray[np.intp]
MACRO: list[Metric] = ["balanced_accuracy", "macro_f1"]


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


@pytest.mark.parametrize("metric", MACRO)
def test_bootstrap_is_repeatable_and_holds_the_score(metric: Metric) -> None:
    y = balanced(100)
    guess = answers(y, 0.7, 5, np.random.default_rng(3))
    interval = stratified_bootstrap(y, guess, metric, n=500, seed=4)
    assert interval == stratified_bootstrap(y, guess, metric, n=500, seed=4)
    assert interval != stratified_bootstrap(y, guess, metric, n=500, seed=5)
    assert interval[0] < score(y, guess, metric) < interval[1]
    narrow = stratified_bootstrap(y, guess, metric, level=0.5, n=500, seed=4)
    assert narrow[1] - narrow[0] < interval[1] - interval[0]


def test_bootstrap_has_the_standard_error_of_a_mean_of_recalls() -> None:
    # Two classes of 40 with recalls .5 and .9: var = mean of p (1 - p) / (m - 1) over classes, by 2.
    y = np.repeat([0, 1], 40)
    guess = y.copy()
    guess[:20], guess[40:44] = 1, 0
    error = np.sqrt((0.25 + 0.09) / 39) / 2
    low, high = stratified_bootstrap(y, guess, "balanced_accuracy", n=4000)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.06)


@pytest.mark.parametrize("n", [45, 370])
def test_bootstrap_covers_balanced_accuracy(n: int) -> None:
    rng = np.random.default_rng(7)
    y = balanced(n)
    covered = []
    for seed in range(150):
        low, high = stratified_bootstrap(y, answers(y, 0.75, 5, rng), "balanced_accuracy", n=300, seed=seed)
        covered.append(low <= 0.75 <= high)
    assert 0.88 <= np.mean(covered) <= 0.99


def test_bootstrap_without_variation_falls_back_to_the_score_intervals() -> None:
    y = balanced(45)
    assert stratified_bootstrap(y, y, "macro_f1") == wilson(45, 45)
    assert stratified_bootstrap(y, (y + 1) % 5, "macro_f1") == wilson(0, 45)
    assert paired_bootstrap(y, y, y, "balanced_accuracy") == tango(0, 0, 45)


def test_paired_bootstrap_gains_from_pairing() -> None:
    rng = np.random.default_rng(2)
    y = balanced(200)
    first = answers(y, 0.7, 5, rng)
    second = np.where((first == y) & (rng.random(200) < 0.1), (y + 1) % 5, first)
    low, high = paired_bootstrap(y, first, second, "balanced_accuracy", n=1000)
    single = stratified_bootstrap(y, first, "balanced_accuracy", n=1000)
    assert 0 < low < score(y, first, "balanced_accuracy") - score(y, second, "balanced_accuracy") < high
    assert high - low < single[1] - single[0]
    mirrored = paired_bootstrap(y, second, first, "balanced_accuracy", n=1000)
    assert mirrored == pytest.approx((-high, -low), abs=1e-12)


def test_permutation_of_accuracy_is_the_exact_mcnemar_test() -> None:
    # 12 against 2 of 14 discordant pairs: exact p = 2 (1 + 14 + 91) / 2^14 = .01294.
    y = np.zeros(50, dtype=np.intp)
    first, second = y.copy(), y.copy()
    second[:12], first[12:14] = 1, 1
    p = paired_permutation(y, first, second, "accuracy", n=40_000)
    assert p == pytest.approx(2 * 106 / 2**14, rel=0.15)
    assert paired_permutation(y, second, first, "accuracy", n=40_000) == p


def test_permutation_of_equal_models_is_one_and_of_unequal_ones_is_bounded() -> None:
    y = balanced(100)
    worse = answers(y, 0.3, 5, np.random.default_rng(0))
    assert paired_permutation(y, worse, worse, "macro_f1", n=99) == 1.0
    assert paired_permutation(y, y, worse, "macro_f1", n=99) == 0.01


def test_copies_in_groups_add_nothing_to_macro_metrics() -> None:
    rng = np.random.default_rng(5)
    y = balanced(60)
    first, second = answers(y, 0.9, 5, rng), answers(y, 0.6, 5, rng)
    thrice = [np.repeat(labels, 3) for labels in (y, first, second)]
    groups = np.repeat(np.arange(60), 3)
    for metric in MACRO:
        alone = stratified_bootstrap(y, second, metric, n=500)
        grouped = stratified_bootstrap(thrice[0], thrice[2], metric, n=500, groups=groups)
        assert grouped == pytest.approx(alone)
        p = paired_permutation(y, first, second, metric, n=999)
        assert paired_permutation(*thrice, metric, n=999, groups=groups) == p


def test_copies_in_groups_add_nothing_to_accuracy() -> None:
    rng = np.random.default_rng(5)
    y = balanced(60)
    first, second = answers(y, 0.9, 5, rng), answers(y, 0.6, 5, rng)
    thrice = [np.repeat(labels, 3) for labels in (y, first, second)]
    groups = np.repeat(np.arange(60), 3)
    low, high = estimate(thrice[0], thrice[1], groups=groups).ci95
    assert (low, high) == pytest.approx(estimate(y, first).ci95, abs=0.003)
    grouped, single = compare(*thrice, groups=groups), compare(y, first, second)
    assert grouped.ci95 == pytest.approx(single.ci95, abs=0.006)
    assert grouped.mcnemar_midp is None
    assert grouped.permutation_p is not None


def test_design_effect_is_one_for_single_images_and_the_size_for_copies() -> None:
    right = np.array([1.0, 0, 1, 1, 0, 1, 1, 0])
    assert design_effect(np.repeat(right, 4), np.repeat(np.arange(8), 4)) == pytest.approx(4 * 8 / 7)
    assert design_effect(np.ones(12), np.repeat(np.arange(4), 3)) == pytest.approx(3)
    assert design_effect(np.tile([1.0, 0.0], 10), np.repeat(np.arange(10), 2)) == 1.0


def test_claims_for_accuracy_are_wilson_tango_and_midp() -> None:
    y = np.arange(50) % 2
    winner, probe, baseline = y.copy(), y.copy(), y.copy()
    winner[:2] = 1 - winner[:2]  # 48 right
    probe[:5] = 1 - probe[:5]  # 45 right; 3 discordant pairs
    baseline[2:14] = 1 - baseline[2:14]  # 38 right; 12 and 2 discordant pairs
    claims = make_claims(y, winner, probe, baseline)
    assert claims.winner.value == 0.96
    assert claims.winner.ci95 == wilson(48, 50)
    assert claims.linear_probe.ci95 == wilson(45, 50)
    assert claims.baseline is not None
    assert claims.baseline.ci95 == wilson(38, 50)
    assert claims.gain.test == pytest.approx(0.2)
    assert claims.gain.discordant == (12, 2)
    assert claims.gain.ci95 == tango(12, 2, 50)
    assert claims.gain.mcnemar_midp == mcnemar_midp(12, 2)
    assert claims.gain.permutation_p is None
    over = claims.gain.over_linear_probe
    assert over is not None
    assert (over.discordant, over.ci95, over.mcnemar_midp) == ((3, 0), tango(3, 0, 50), None)
    assert claims.majority == 0.5
    numbered = make_claims(y, winner, probe, baseline, groups=np.arange(50)[::-1])
    assert numbered == claims


@pytest.mark.parametrize("metric", MACRO)
def test_claims_for_macro_metrics_are_resampled(metric: Metric) -> None:
    rng = np.random.default_rng(11)
    y = balanced(150)
    winner, probe, baseline = (answers(y, accuracy, 5, rng) for accuracy in (0.9, 0.85, 0.5))
    claims = make_claims(y, winner, probe, baseline, metric, seed=3)
    assert claims.winner.value == score(y, winner, metric)
    assert claims.winner.ci95 == stratified_bootstrap(y, winner, metric, seed=3)
    assert claims.gain.ci95 == paired_bootstrap(y, winner, baseline, metric, seed=3)
    assert claims.gain.ci95[0] > 0
    assert claims.gain.mcnemar_midp is None
    assert claims.gain.permutation_p == pytest.approx(1e-4)


def test_claims_without_a_baseline_still_compare_with_the_probe() -> None:
    y = balanced(50)
    claims = make_claims(y, y, (y + 1) % 5, None)
    assert claims.baseline is None
    assert claims.gain.test is None
    assert claims.gain.over_linear_probe is not None
    assert claims.gain.over_linear_probe.difference == 1.0
