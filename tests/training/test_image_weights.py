"""Images that count more than others in training."""

from __future__ import annotations

import numpy as np

from tlsearch.training.linear_head import LabelledImages, fit_linear_head
from tlsearch.training.trial_data import _mean_one


def overlapping(count: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """One feature in which two classes overlap."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    return (rng.normal(0, 1, (count, 1)) + labels[:, None]).astype(np.float32), labels.astype(np.int64)


def share_of_class_one(weights: np.ndarray | None) -> float:
    x, labels = overlapping()
    images = LabelledImages(labels, np.arange(len(labels)), 2, weights)
    head, _ = fit_linear_head(x, images, 0, None)
    kernel, bias = head.linear
    logits = (x - head.mean) / head.scale @ kernel + bias
    return float((logits.argmax(axis=1) == 1).mean())


def test_a_class_whose_images_count_more_is_predicted_more_often() -> None:
    labels = overlapping()[1]
    alike = share_of_class_one(None)
    assert share_of_class_one(np.ones(len(labels), np.float32)) == alike
    assert share_of_class_one(np.where(labels == 1, 5, 1).astype(np.float32)) > alike + 0.1
    assert share_of_class_one(np.where(labels == 1, 1, 5).astype(np.float32)) < alike - 0.1


def test_weights_of_those_to_train_on_have_a_mean_of_one() -> None:
    scaled = _mean_one(np.array([2, 4, 6, 100], np.float32), np.array([0, 1, 2]))
    assert scaled is not None
    assert scaled[:3].mean() == 1
    assert _mean_one(None, np.array([0])) is None
