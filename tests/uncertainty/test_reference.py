"""Reference images: distances, groups, the rate of false alarms, and the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tlsearch.types import AnyArray
from tlsearch.uncertainty.reference import (
    FALSE_ALARMS,
    NEIGHBOURS,
    REFERENCE_FILE,
    ComparedLayer,
    ReferenceSource,
    TrainingReference,
    make_reference,
)

WIDTH = 24
LAYERS = (ComparedLayer(name="middle", width=12), ComparedLayer(name="end", width=12, leading_tokens=1))
FROZEN = ReferenceSource(layers=LAYERS, frozen=True, predicted=np.array([3, 4]))


def features(count: int, seed: int, shift: float = 0.0) -> AnyArray:
    """Clouds around five centres, and ``shift`` away from all of them."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(0, 3, (5, WIDTH))
    away = np.zeros(WIDTH)
    away[:3] = shift
    return (centres[rng.integers(0, 5, count)] + rng.normal(0, 1, (count, WIDTH)) + away).astype(np.float32)


def made_of(values: AnyArray, groups: AnyArray | None = None, seed: int = 0) -> TrainingReference:
    """The reference of images of which each is held out in its turn."""
    made = make_reference(FROZEN, values, None, np.arange(len(values)) if groups is None else groups, seed)
    assert made is not None
    return made


def reference_of(count: int = 400) -> TrainingReference:
    return made_of(features(count, 1))


def test_pictures_like_the_training_images_raise_as_many_alarms_as_stated() -> None:
    flagged = []
    for seed in range(1, 13):
        made = made_of(features(300, seed))
        flagged.append(made.unlike(made.distances(features(300, 1000 + seed))).mean())
    assert FALSE_ALARMS / 3 < np.mean(flagged) < 2 * FALSE_ALARMS


@pytest.mark.parametrize("columns", [slice(0, 12), slice(12, 24)])
def test_pictures_that_are_elsewhere_by_one_tap_are_unlike(columns: slice) -> None:
    made = reference_of()
    like = features(200, 2)
    unlike = like.copy()
    unlike[:, columns] *= -1  # the opposite of every centre
    assert made.unlike(made.distances(unlike)).mean() > 0.3
    assert made.unlike(made.distances(like)).mean() < 0.05
    assert np.quantile(made.distances(like), 0.95) == pytest.approx(1, abs=0.6)


def test_a_distance_is_the_largest_of_the_taps_in_units_of_held_out_images() -> None:
    made, values = reference_of(), features(50, 3)
    parts = []
    for columns, (middle, unit) in zip((slice(0, 12), slice(12, 24)), made.scales, strict=True):
        lengths = np.linalg.norm(values[:, columns], axis=1, keepdims=True)
        cosines = np.sort(1 - values[:, columns] / lengths @ made.images[:, columns].T, axis=1)
        parts.append((cosines[:, NEIGHBOURS - 1] - middle) / unit)
    assert made.distances(values) == pytest.approx(np.maximum(*parts), abs=1e-4)


def test_rarity_is_the_rank_among_held_out_images() -> None:
    made = replace(reference_of(), held_out=np.array([0.1, 0.2, 0.2, 0.4]))
    assert made.rarity([0.0, 0.1, 0.15, 0.2, 0.4, 0.5]) == pytest.approx(np.array([5, 5, 4, 4, 2, 1]) / 5)
    assert made.false_alarms == pytest.approx(1 / 5)  # so few cannot tell one in a hundred
    assert made.unlike([0.4, 0.5]).tolist() == [False, True]


def test_images_of_a_group_are_not_compared_with_each_other() -> None:
    """Six copies of every image lie next to each other; without groups no image would seem far from the others."""
    copies = np.repeat(features(60, 4), 6, axis=0)
    apart, together = made_of(copies, np.repeat(np.arange(60), 6)), made_of(copies)
    assert [middle for middle, _ in together.scales] == pytest.approx([0, 0], abs=1e-5)
    assert all(middle > 0.01 for middle, _ in apart.scales)


def test_held_out_images_are_no_reference_images() -> None:
    values = features(300, 5)
    held_out = np.arange(200, 300)
    made = make_reference(replace(FROZEN, frozen=False), values, held_out, np.arange(300), 0)
    assert made is not None
    assert (len(made.images), len(made.sample), len(made.held_out)) == (200, 100, 100)
    assert all(middle > 1e-3 for middle, _ in made.scales)  # nobody's nearest neighbours are itself
    assert made.sample == pytest.approx(made.embed(values[held_out]), abs=1e-6)


def test_the_number_of_images_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlsearch.uncertainty.reference.MOST_IMAGES", 100)
    made = reference_of(250)
    assert (len(made.images), len(made.sample), len(made.held_out)) == (100, 50, 100)
    monkeypatch.setattr("tlsearch.uncertainty.reference.MOST_VALUES", 40 * WIDTH)
    assert len(reference_of(250).images) == 40


def test_the_same_seed_gives_the_same_reference() -> None:
    first, second = reference_of(), reference_of()
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.held_out, second.held_out)


def test_too_few_images_make_none() -> None:
    count = NEIGHBOURS
    assert make_reference(FROZEN, features(count, 1), None, np.arange(count), 0) is None
    assert make_reference(FROZEN, features(50, 1), None, np.zeros(50, int), 0) is None  # one group


def test_features_without_length_divide_by_nothing() -> None:
    values = features(100, 6)
    values[:, :12] = 0
    made = made_of(values)
    assert np.isfinite(made.distances(values)).all()
    assert np.isfinite(made.distances(np.zeros((1, WIDTH), np.float32))).all()


def test_the_file_gives_back_what_was_kept(tmp_path: Path) -> None:
    made = reference_of()
    made.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [REFERENCE_FILE]
    read = TrainingReference.load(tmp_path)
    assert read is not None
    assert (read.layers, read.frozen, read.scales) == (LAYERS, True, made.scales)
    assert read.predicted.tolist() == [3, 4]
    assert read.distances(features(50, 7)) == pytest.approx(made.distances(features(50, 7)), abs=2e-2)
    assert np.array_equal(read.held_out, made.held_out)
    assert TrainingReference.load(tmp_path / "nowhere") is None


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    reference_of().save(tmp_path)
    file = tmp_path / REFERENCE_FILE
    whole = file.read_bytes()
    for damaged in (b"", b"no archive", whole[: len(whole) // 2]):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match="not copied to its end, or is no archive of arrays") as caught:
            TrainingReference.load(tmp_path)
        assert "pickle" not in str(caught.value)
    with np.load(_written(tmp_path, whole)) as saved:
        arrays = dict(saved)
    wrong = {
        "widths": np.ones((2, 2), int),
        "scales": np.zeros((2, 2)),
        "held_out": np.array([2.0, 1.0]),
        "images": np.zeros((0, WIDTH)),
    }
    np.savez(file, **{name: value for name, value in arrays.items() if name != "scales"})
    with pytest.raises(ValueError, match="it lacks the array 'scales'"):
        TrainingReference.load(tmp_path)
    np.savez(file, **{**arrays, "images": np.array([{}], object)})
    with pytest.raises(ValueError, match="is no archive of arrays"):
        TrainingReference.load(tmp_path)
    for name, value in wrong.items():
        np.savez(file, **{**arrays, name: value})
        with pytest.raises(ValueError, match=r"its arrays do not fit|no reference images"):
            TrainingReference.load(tmp_path)
    np.savez(file, **{name: value for name, value in arrays.items() if name != "layers"})
    with pytest.raises(ValueError, match="lacks the array"):
        TrainingReference.load(tmp_path)


def _written(folder: Path, content: bytes) -> Path:
    (folder / "whole.npz").write_bytes(content)
    return folder / "whole.npz"
