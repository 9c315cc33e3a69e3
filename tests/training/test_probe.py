"""Accuracy by depth on features whose separation is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tlsearch.training import probe
from tlsearch.training.probe import best_depth, probe_cuts

LABELS = np.arange(240) % 4
TRAIN = np.arange(200)
GROUPS = np.arange(240)


def cuts(*separations: float) -> list[Any]:
    """Averages (240, 8) of each cut: classes apart by ``separation`` standard deviations."""
    arrays = []
    for number, separation in enumerate(separations):
        rng = np.random.default_rng(number)
        arrays.append((rng.normal(size=(240, 8)) + separation * np.eye(8)[LABELS]).astype(np.float32))
    return arrays


def quietly(depth: int) -> None:
    """No progress wanted."""


def test_accuracy_rises_with_the_separation_of_the_features() -> None:
    scores = probe_cuts(cuts(0.0, 1.0, 2.0, 6.0), LABELS, GROUPS, TRAIN, 0, quietly)
    accuracies = [accuracy for accuracy, _ in scores]
    assert accuracies == sorted(accuracies)
    assert accuracies[0] == pytest.approx(0.25, abs=0.1)  # chance
    assert accuracies[3] > 0.97
    assert best_depth(accuracies) == 4


def test_the_standard_error_is_that_of_a_share() -> None:
    ((accuracy, error),) = probe_cuts(cuts(1.0), LABELS, GROUPS, TRAIN, 0, quietly)
    assert error == pytest.approx(np.sqrt(accuracy * (1 - accuracy) / 200))


def test_only_training_rows_count() -> None:
    """Labels beyond them are turned round, and change nothing."""
    turned = np.concatenate([LABELS[:200], 3 - LABELS[200:]])
    honest = probe_cuts(cuts(2.0), LABELS, GROUPS, TRAIN, 0, quietly)
    assert probe_cuts(cuts(2.0), turned, GROUPS, TRAIN, 0, quietly) == honest
    broken = cuts(2.0)
    broken[0][200:] = np.nan
    assert probe_cuts(broken, LABELS, GROUPS, TRAIN, 0, quietly) == honest


def test_large_pools_are_thinned_evenly_and_repeatably(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PROBE_IMAGES", 80)
    rows = probe._subset(TRAIN, LABELS, GROUPS, 3)
    assert len(rows) == 80
    assert set(rows) <= set(TRAIN)
    assert np.bincount(LABELS[rows]).tolist() == [20, 20, 20, 20]
    np.testing.assert_array_equal(rows, probe._subset(TRAIN, LABELS, GROUPS, 3))
    assert (rows != probe._subset(TRAIN, LABELS, GROUPS, 4)).any()


@pytest.mark.parametrize("images", [81, 82, 83, 84, 120])
def test_pools_that_are_hardly_too_large_are_thinned_too(monkeypatch: pytest.MonkeyPatch, images: int) -> None:
    """With fewer images to leave out than there are classes."""
    monkeypatch.setattr(probe, "PROBE_IMAGES", 80)
    rows = probe._subset(np.arange(images), LABELS, GROUPS, 0)
    assert 76 <= len(rows) <= 80
    assert np.bincount(LABELS[rows], minlength=4).min() >= 19


def test_thinning_leaves_groups_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PROBE_IMAGES", 80)
    groups = GROUPS // 8 * 8 + LABELS
    rows = probe._subset(TRAIN, LABELS, groups, 0)
    assert not set(groups[rows]) & set(groups[np.setdiff1d(TRAIN, rows)])


def test_the_standard_error_knows_groups() -> None:
    """Four copies of an image are one image."""
    features, labels = [cuts(1.0)[0].repeat(4, axis=0)], LABELS.repeat(4)
    groups, rows = GROUPS.repeat(4), np.arange(len(labels))
    ((accuracy, error),) = probe_cuts(features, labels, groups, rows, 0, quietly)
    assert error == pytest.approx(np.sqrt(accuracy * (1 - accuracy) / 240), rel=0.01)


def test_progress_is_told_after_each_cut() -> None:
    seen: list[int] = []
    probe_cuts(cuts(1.0, 1.0, 1.0), LABELS, GROUPS, TRAIN, 0, seen.append)
    assert seen == [1, 2, 3]


def test_a_class_of_two_images_can_be_probed() -> None:
    rows = np.concatenate([np.flatnonzero(LABELS[:200] < 3), [3, 7]])
    ((accuracy, _),) = probe_cuts(cuts(6.0), LABELS, GROUPS, rows, 0, quietly)
    assert accuracy > 0.9


def test_the_first_of_equally_good_cuts_is_the_best() -> None:
    assert best_depth([0.5, 0.8, 0.7, 0.8]) == 2


def test_a_group_is_never_in_two_folds() -> None:
    """Noise in four copies each: a probe that has seen a copy knows the label, an honest one guesses."""
    rng = np.random.default_rng(0)
    noise = np.repeat(rng.normal(size=(60, 800)), 4, axis=0).astype(np.float32)
    labels, copies = np.repeat(np.arange(60) % 4, 4), np.repeat(np.arange(60), 4)
    ((honest, _),) = probe_cuts([noise], labels, copies, np.arange(240), 0, quietly)
    ((leaking, _),) = probe_cuts([noise], labels, np.arange(240), np.arange(240), 0, quietly)
    assert honest < 0.45
    assert leaking > 0.8
