"""Linear probes: a known classifier is found again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tlsearch.plugins.load_metric import load_metric
from tlsearch.stats.metrics import softmax
from tlsearch.training import linear_head as solve
from tlsearch.training.linear_head import C_GRID, LabelledImages, fit_linear_head, logits, standardisation
from tlsearch.training.validation import class_weights


def drawn(count: int, classes: int, width: int, seed: int = 0) -> tuple[Any, Any, Any]:
    """Features, labels drawn from softmax(x kernel), and that kernel; the columns have scales from .1 to 100."""
    rng = np.random.default_rng(seed)
    scales = np.logspace(-1, 2, width)
    kernel = 2.0 * rng.normal(size=(width, classes))
    x = rng.normal(size=(count, width))
    draws = np.cumsum(softmax((x @ kernel).astype(np.float32)), axis=1)
    labels = (rng.random((count, 1)) > draws).sum(axis=1).clip(0, classes - 1)
    return (x * scales + 3 * scales).astype(np.float32), labels, kernel


def images(labels: Any, classes: int) -> LabelledImages:
    """Images that do not belong together."""
    return LabelledImages(labels, np.arange(len(labels)), classes)


def accuracy(head: Any, x: Any, y: Any) -> float:
    """The share of pictures that the head gets right."""
    return float((logits(head, x).argmax(axis=1) == y).mean())


def test_a_known_classifier_is_recovered() -> None:
    x, y, kernel = drawn(4000, 3, 5)
    head, c = fit_linear_head(x, images(y, 3), 0, None)
    assert c == max(C_GRID)  # with so many images the weakest penalty is best
    assert head.hidden is None
    found = head.linear[0] - head.linear[0].mean(axis=1, keepdims=True)
    known = kernel - kernel.mean(axis=1, keepdims=True)
    assert np.corrcoef(found.ravel(), known.ravel())[0, 1] > 0.995
    np.testing.assert_allclose(head.mean, x.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(head.scale, x.std(axis=0), rtol=1e-4)
    best = (((x - head.mean) / head.scale @ kernel).argmax(axis=1) == y).mean()
    assert accuracy(head, x, y) == pytest.approx(best, abs=0.01)


def test_two_classes_are_spread_over_two_logits() -> None:
    from sklearn.linear_model import LogisticRegression

    x, y, _ = drawn(600, 2, 4)
    head, c = fit_linear_head(x, images(y, 2), 0, None)
    np.testing.assert_allclose(head.linear[0][:, 0], -head.linear[0][:, 1])
    standard = (x - head.mean) / head.scale
    model = LogisticRegression(C=c, max_iter=1000, tol=1e-6).fit(standard, y)
    np.testing.assert_allclose(softmax(logits(head, x)), model.predict_proba(standard), atol=5e-3)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_class_without_training_images_gets_no_probability(missing: int) -> None:
    x, y, _ = drawn(900, 3, 4)
    keep = y != missing
    head, _ = fit_linear_head(x[keep], images(y[keep], 3), 0, None)
    assert head.linear[0].shape == (4, 3)
    probabilities = softmax(logits(head, x))
    assert probabilities[:, missing].max() < 1e-6
    others = [c for c in range(3) if c != missing]
    assert (np.array(others)[probabilities[keep][:, others].argmax(axis=1)] == y[keep]).mean() > 0.75


def test_constant_columns_change_nothing() -> None:
    x, y, _ = drawn(500, 3, 4)
    wide = np.concatenate([x, np.full((500, 1), 7.0), np.full((500, 1), 0.1)], axis=1).astype(np.float32)
    mean, scale = standardisation(wide)
    assert scale[4:].tolist() == [1.0, 1.0]
    np.testing.assert_allclose(mean[4:], [7.0, 0.1], rtol=1e-6)
    head, c = fit_linear_head(wide, images(y, 3), 0, None)
    plain, same_c = fit_linear_head(x, images(y, 3), 0, None)
    assert c == same_c
    np.testing.assert_allclose(head.linear[0][:4], plain.linear[0], atol=0.02)
    assert np.abs(head.linear[0][4:]).max() < 1e-3


def test_features_that_are_all_constant_are_no_error() -> None:
    mean, scale = standardisation(np.full((10, 3), 5.0, np.float32))
    assert mean.tolist() == [5.0] * 3
    assert scale.tolist() == [1.0] * 3


def test_class_weights_lift_the_small_class() -> None:
    rng = np.random.default_rng(0)
    y = np.array([0] * 570 + [1] * 30)
    x = (rng.normal(size=(600, 3)) + y[:, None] * [1.0, 0, 0]).astype(np.float32)
    plain, _ = fit_linear_head(x, images(y, 2), 0, None)
    weighted, _ = fit_linear_head(x, images(y, 2), 0, class_weights(load_metric("balanced_accuracy"), y, 2))
    recall = [float((logits(head, x[570:]).argmax(axis=1) == 1).mean()) for head in (plain, weighted)]
    assert recall[0] < 0.2
    assert recall[1] > 0.5


def test_c_is_chosen_on_a_stratified_fifth_of_what_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fit but the last is on four fifths of the images, with all classes; the last is on all of them."""
    fits = []
    fit = solve._fit

    def spy(x: Any, labels: Any, c: float, *rest: Any) -> Any:
        fits.append((len(x), c, np.bincount(labels).tolist()))
        return fit(x, labels, c, *rest)

    monkeypatch.setattr(solve, "_fit", spy)
    x, _, _ = drawn(100, 2, 3)
    y = np.arange(100) % 2
    _, chosen = fit_linear_head(x, images(y, 2), 0, None)
    assert [f[:2] for f in fits[:-1]] == [(80, c) for c in C_GRID]
    assert all(f[2] == [40, 40] for f in fits[:-1])
    assert fits[-1] == (100, chosen, [50, 50])


def test_noise_gets_a_strong_penalty_and_the_choice_repeats() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(600, 400)).astype(np.float32), rng.integers(0, 3, 600)
    first, c = fit_linear_head(x, images(y, 3), 0, None)
    again, same = fit_linear_head(x, images(y, 3), 0, None)
    assert c == same == min(C_GRID)
    np.testing.assert_array_equal(first.linear[0], again.linear[0])


def test_a_handful_of_images_can_be_fitted() -> None:
    """Three images a class: the inner fifth still holds every class."""
    y = np.repeat(np.arange(5), 3)
    x = np.eye(5, dtype=np.float32)[y] + np.random.default_rng(0).normal(0, 0.05, (15, 5)).astype(np.float32)
    head, _ = fit_linear_head(x, images(y, 5), 0, None)
    assert accuracy(head, x, y) == 1.0


def test_c_is_chosen_on_images_of_which_no_rendering_was_fitted() -> None:
    """Four nearly equal views of noise must not look like four times the images: C stays as strong as for one."""
    generator = np.random.default_rng(5)
    count, width, classes = 120, 60, 3
    labels = np.arange(count) % classes
    features = generator.normal(size=(count, width)).astype(np.float32)
    features[:, 0] += labels
    _, alone = fit_linear_head(features, images(labels, classes), 0, None)
    views = np.concatenate([features + generator.normal(0, 0.01, features.shape) for _ in range(4)]).astype(np.float32)
    _, together = fit_linear_head(views, images(labels, classes), 0, None, views=4)
    _, leaking = fit_linear_head(views, images(np.tile(labels, 4), classes), 0, None)
    assert together <= alone < leaking


def test_c_is_chosen_on_groups_of_which_no_image_was_fitted() -> None:
    """Noise in four near copies each: with the groups known, C stays as strong as for the pictures alone."""
    generator = np.random.default_rng(0)
    once = generator.normal(size=(120, 60)).astype(np.float32)
    labels = np.repeat(np.arange(120) % 2, 4)
    copies = np.repeat(once, 4, axis=0) + generator.normal(0, 0.01, (480, 60)).astype(np.float32)
    _, honest = fit_linear_head(copies, LabelledImages(labels, np.repeat(np.arange(120), 4), 2), 0, None)
    _, leaking = fit_linear_head(copies, images(labels, 2), 0, None)
    assert honest == min(C_GRID) < leaking
