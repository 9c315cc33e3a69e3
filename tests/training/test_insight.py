"""Probabilities of linear probes for every image: out of fold, groups together, and the same images at every share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tlsearch import backend as runtime
from tlsearch.plugins.kinds.metric import CountMetric
from tlsearch.plugins.load_metric import load_metric
from tlsearch.stats.label_errors import rank_suspects
from tlsearch.training import insight
from tlsearch.training.insight import Insight, _estimate, earlier_cuts, examine
from tlsearch.training.linear_head import LabelledImages

CLASSES = 4


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As in the worker: threads that wait for each other would take most of the time."""
    with runtime.one_thread():
        yield


def clusters(n: int, width: int, distance: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, width) around a centre for each class, and the classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % CLASSES
    centres = rng.normal(0, 1, (CLASSES, width))
    centres *= distance / np.linalg.norm(centres, axis=1, keepdims=True)
    return (centres[labels] + rng.normal(0, 1, (n, width))).astype(np.float32), labels


def examined(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None = None,
    classes: int = CLASSES,
    **changes: object,
) -> Insight:
    arguments = {"metric": load_metric("accuracy"), "seed": 0, "progress": lambda done, total: None, **changes}
    return examine([features], images(labels, groups, classes), **arguments)  # type: ignore[arg-type]


def images(labels: np.ndarray, groups: np.ndarray | None = None, classes: int = CLASSES) -> LabelledImages:
    """Images that do not belong together where no ``groups`` are given."""
    return LabelledImages(labels, np.arange(len(labels)) if groups is None else groups, classes)


def accuracy(found: Insight, labels: np.ndarray) -> float:
    return float((found.probabilities.argmax(axis=1) == labels[found.rows]).mean())


def test_no_probe_has_seen_the_image_that_it_is_asked_of() -> None:
    rng = np.random.default_rng(1)
    features, labels = rng.normal(size=(200, 400)).astype(np.float32), rng.integers(0, CLASSES, 200)
    found = examined(features, labels)
    # More features than images: a probe that had seen them would know every label.
    assert accuracy(found, labels) < 0.4
    assert all(point.score < 0.4 for point in found.more_data.points)


def test_copies_in_a_group_do_not_give_each_other_away() -> None:
    rng = np.random.default_rng(2)
    features = np.repeat(rng.normal(size=(100, 300)), 2, axis=0).astype(np.float32)
    labels = np.repeat(rng.integers(0, CLASSES, 100), 2)
    assert accuracy(examined(features, labels), labels) > 0.7
    assert accuracy(examined(features, labels, np.repeat(np.arange(100), 2)), labels) < 0.4


def test_wrong_labels_are_the_most_suspect() -> None:
    features, labels = clusters(160, 40, 5.0)
    wrong = [3, 50, 77, 101, 140]
    given = labels.copy()
    given[wrong] = (labels[wrong] + 1) % CLASSES
    found = examined(features, given)
    first = rank_suspects(found.probabilities, given)[:6]
    assert set(wrong) <= {item.position for item in first}


def test_more_images_that_help_are_seen_to_help() -> None:
    features, labels = clusters(400, 200, 3.0)
    more = examined(features, labels).more_data
    assert [p.share for p in more.points] == [0.25, 0.5, 1.0]
    assert [p.images for p in more.points] == [80, 160, 320]
    scores = [p.score for p in more.points]
    assert scores[0] < scores[1] < scores[2]
    assert more.last_gain == pytest.approx(scores[2] - scores[1])
    assert more.gain_ci95[0] > 0
    assert more.gain_ci95[0] < more.last_gain < more.gain_ci95[1]
    assert (more.draws, more.examined, more.metric) == (insight.MOST_DRAWS, 400, "accuracy")


def test_more_images_that_do_not_help_are_not_said_to() -> None:
    features, labels = clusters(400, 8, 12.0)
    more = examined(features, labels).more_data
    assert more.points[0].score > 0.98
    assert more.gain_ci95[1] < 0.01


@pytest.mark.parametrize("metric", ["balanced_accuracy", "macro_f1"])
def test_classes_count_equally_where_the_metric_says_so(metric: CountMetric) -> None:
    features, labels = clusters(200, 30, 2.0)
    keep = np.flatnonzero((labels != 0) | (np.arange(200) < 60))
    found = examined(features[keep], labels[keep], metric=load_metric(metric))
    assert found.more_data.metric == "balanced_accuracy"
    one_draw = examined(features[keep], labels[keep], metric=load_metric(metric), seed=0).more_data
    assert one_draw == found.more_data
    recalls = []
    for label in range(CLASSES):
        of_class = labels[keep] == label
        recalls.append((found.probabilities[of_class].argmax(axis=1) == label).mean())
    # Averaged probabilities of four draws are about as good as one draw's.
    assert found.more_data.points[-1].score == pytest.approx(np.mean(recalls), abs=0.05)


def test_a_class_of_one_group_is_left_out_not_accused() -> None:
    features, labels = clusters(120, 20, 6.0)
    labels = labels.copy()
    groups = np.arange(120)
    labels[-3:], groups[-3:] = CLASSES, 500
    found = examined(features, labels, groups, classes=CLASSES + 1)
    assert np.isnan(found.probabilities[-3:]).all()
    assert np.isfinite(found.probabilities[:-3]).all()
    assert not {117, 118, 119} & {item.position for item in rank_suspects(found.probabilities, labels)}
    assert all(np.isfinite(point.score) for point in found.more_data.points)


@pytest.mark.parametrize("seed", range(5))
def test_a_handful_of_images_has_no_quarter_and_a_finding_all_the_same(seed: int) -> None:
    features, labels = clusters(24, 20, 6.0)
    few = np.flatnonzero(labels < 2)[:6]
    found = examined(features[few], labels[few], classes=2, seed=seed)
    assert np.isfinite(found.probabilities).all()
    counts = [point.images for point in found.more_data.points]
    assert 1 <= counts[0] <= counts[1] <= counts[2] == 5


def test_of_too_many_images_a_sample_is_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insight, "ROTATED_IMAGES", 80)
    monkeypatch.setattr(insight, "WORK", 1.0)
    features, labels = clusters(200, 10, 6.0)
    found = examined(features, labels)
    assert len(found.rows) == len(found.probabilities) == found.more_data.examined == 80
    assert np.bincount(labels[found.rows]).tolist() == [20] * CLASSES
    assert accuracy(found, labels) > 0.9


def test_earlier_cuts_help_and_are_left_out_where_time_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    assert earlier_cuts(18) == (17, 15, 13, 11)
    assert earlier_cuts(4) == (3, 1)
    assert earlier_cuts(1) == ()
    last, labels = clusters(120, 10, 1.5)
    earlier, _ = clusters(120, 30, 6.0, seed=1)
    joined = examine([last, earlier], images(labels), load_metric("accuracy"), 0, lambda done, total: None)
    alone = examined(last, labels)
    assert accuracy(joined, labels) > accuracy(alone, labels) + 0.2
    monkeypatch.setattr(insight, "WORK", insight._work(120, [last], CLASSES))
    short = examine([last, earlier], images(labels), load_metric("accuracy"), 0, lambda done, total: None)
    assert short.more_data.draws == 1
    assert accuracy(short, labels) < accuracy(joined, labels) - 0.2


def test_little_time_means_fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = clusters(100, 10, 3.0)
    monkeypatch.setattr(insight, "WORK", 1.0)
    steps: list[tuple[int, int]] = []
    assert examined(features, labels, progress=lambda *step: steps.append(step)).more_data.draws == 1
    assert steps == [(n, 5) for n in range(1, 6)]


def test_the_rotation_changes_nothing_but_time() -> None:
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(20, 50)).astype(np.float32)
    turned = insight._rotated(wide)
    assert turned.shape == (20, 20)
    standard = (wide - wide.mean(axis=0)) / wide.std(axis=0)
    np.testing.assert_allclose(turned @ turned.T, standard @ standard.T, atol=1e-3)
    assert insight._rotated(wide.T).shape == (50, 20)


def test_errors_are_those_of_a_share_of_images_or_of_groups() -> None:
    right = np.array([[1.0, 1, 1, 0, 1, 0, 1, 1, 1, 1]])
    weights, stratum = np.full(10, 0.1), np.zeros(10, np.int64)
    value, error = _estimate(right, weights, stratum, np.arange(10))
    assert (value, error) == pytest.approx((0.8, np.sqrt(0.8 * 0.2 / 10)))
    twice = _estimate(
        np.repeat(right, 2, axis=1), np.full(20, 0.05), np.zeros(20, np.int64), np.repeat(np.arange(10), 2)
    )
    assert twice == pytest.approx((value, error))
    draws = np.concatenate([right, right[:, ::-1] * 0.5])
    assert _estimate(draws, weights, stratum, np.arange(10))[1] > error / 2
