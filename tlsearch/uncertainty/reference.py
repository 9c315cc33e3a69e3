"""Pictures unlike the training images, by the distance of their features to the nearest training images.

Out-of-distribution detection with nearest neighbours (Sun, Ming, Zhu and Li, ICML 2022). A distance is called large by
comparison with those of held-out images, which the reference images do not hold: the rank among them is a conformal
p-value (Bates, Candes, Lei, Romano and Sesia, Ann. Stat. 51 (2023) 149), so that the share of false alarms is known.
benchmarks/use/monitor.py measures what is found and what is falsely found.

A model that MLflow keeps takes a copy of this file along: to be loaded it imports nothing of tlsearch.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from tlsearch.types import AnyArray, BoolArray, Float32Array, Float64Array, IntArray

REFERENCE_FILE = "reference.npz"
"""The file of a model folder; those of older versions do not have it."""

FALSE_ALARMS = 0.01
"""The share of pictures like the training images that are called unlike them."""

NEIGHBOURS = 5
"""The distance is that to the so-many-th nearest reference image."""

MOST_IMAGES = 2000
"""Reference images and held-out distances that are kept, at most."""

MOST_VALUES = 3_000_000
"""Values of reference images that are kept, at most: 6 MB."""

_CHUNK = 256


Scaled = tuple[float, float]
"""The median of distances of held-out images, and by how much the 95th of 100 lies above it."""


@dataclass(frozen=True, kw_only=True)
class ComparedLayer:
    """A layer of the backbone whose output is compared.

    Attributes:
        name: Its name.
        width: The channels of its output, which is averaged over places.
        leading_tokens: The tokens before those of the patches in that output; 0 for maps.
    """

    name: str
    width: int
    leading_tokens: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingReference:
    """What pictures are compared with. Equal only to itself.

    The features (N, d) of a picture are those of all layers, side by side.

    Attributes:
        layers: The layers that are compared, from the input to the output.
        frozen: Whether no layer up to there was trained on these images.
        scales: For each layer, the median of the distances of held-out images, and how far above it the 95th of 100
            lies.
        images: Shape (R, d), R >= 1: the reference images, as ``embed`` gives them.
        sample: Shape (S, d): images that are as new pictures should be. Where ``frozen``, these are reference images.
        held_out: Shape (H,), sorted: the distances of images from reference images that do not hold them.
        predicted: Shape (classes,): how many held-out images the model predicts to be of each class.
    """

    layers: tuple[ComparedLayer, ...]
    frozen: bool
    scales: tuple[Scaled, ...]
    images: Float32Array
    sample: Float32Array
    held_out: Float64Array
    predicted: IntArray

    @property
    def false_alarms(self) -> float:
        """The share of pictures like the training images that are called unlike them: 0.01, or what so few allow."""
        return max(FALSE_ALARMS, 1 / (len(self.held_out) + 1))

    def embed(self, features: AnyArray) -> Float32Array:
        """Give features (N, d) with those of each layer at length 1, (N, d)."""
        return _embed(self.layers, features)

    def distances(self, features: AnyArray) -> Float64Array:
        """Give the distance of pictures from the training images, shape (N,), from their features (N, d).

        For each layer it is the cosine distance to the nearest images, less the median of held-out images, in units in
        which the 95th of 100 held-out images is at 1; the largest of these counts.
        """
        embedded = self.embed(features)
        parts = [
            (_nearest(embedded[:, columns], self.images[:, columns]) - middle) / unit
            for columns, (middle, unit) in zip(self.columns, self.scales, strict=True)
        ]
        return np.asarray(np.max(parts, axis=0))

    def rarity(self, distances: npt.ArrayLike) -> Float64Array:
        """Give for each distance, shape (N,), how rarely a held-out image is as far away, above 0 and at most 1."""
        beyond = len(self.held_out) - np.searchsorted(self.held_out, np.asarray(distances, np.float64), side="left")
        return np.asarray((1 + beyond) / (len(self.held_out) + 1))

    def unlike(self, distances: npt.ArrayLike) -> BoolArray:
        """Say which distances are so large that no more than ``false_alarms`` of pictures should have them."""
        return np.asarray(self.rarity(distances) <= self.false_alarms * (1 + 1e-9))

    @property
    def columns(self) -> list[slice]:
        """The columns of the features of each layer."""
        return _columns(self.layers)

    @property
    def furthest(self) -> float:
        """The largest distance of a picture that is not called unlike the training images."""
        allowed = int(self.false_alarms * (1 + 1e-9) * (len(self.held_out) + 1))  # held-out images as far away, and one
        return float(self.held_out[len(self.held_out) - allowed])

    def save(self, folder: Path) -> None:
        """Write ``reference.npz`` into a model folder."""
        from tlsearch.utils.files import atomic_path

        arrays = {
            "layers": np.array([layer.name for layer in self.layers]),
            "widths": np.array([(layer.width, layer.leading_tokens) for layer in self.layers]),
            "frozen": np.array(self.frozen),
            "scales": np.array(self.scales),
            "images": self.images.astype(np.float16),
            "sample": self.sample.astype(np.float16),
            "held_out": self.held_out,
            "predicted": self.predicted,
        }
        with atomic_path(folder / REFERENCE_FILE) as file, file.open("xb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]  # its stub takes no mapping

    @classmethod
    def load(cls, folder: Path) -> TrainingReference | None:
        """Read ``reference.npz`` of a model folder; None where there is none.

        Raises:
            ValueError: The file is damaged, or of another kind.
        """
        try:
            # NumPy leaves a file open that it cannot read.
            with (folder / REFERENCE_FILE).open("rb") as stream, np.load(stream, allow_pickle=False) as saved:
                found = {name: saved[name] for name in saved.files}
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ValueError(f"it cannot be read: {error.strerror or type(error).__name__}") from error
        except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            # NumPy says of such a file how it could be unpickled, which nobody should do.
            raise ValueError("it was not copied to its end, or is no archive of arrays") from error
        except KeyError as error:
            raise ValueError("it lacks an array that it names") from error
        try:
            reference = cls(
                layers=tuple(
                    ComparedLayer(name=str(name), width=int(width), leading_tokens=int(leading))
                    for name, (width, leading) in zip(found["layers"], found["widths"], strict=True)
                ),
                frozen=bool(found["frozen"]),
                scales=tuple((float(middle), float(unit)) for middle, unit in found["scales"]),
                images=found["images"].astype(np.float32),
                sample=found["sample"].astype(np.float32),
                held_out=found["held_out"].astype(np.float64),
                predicted=found["predicted"].astype(np.int64),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(_wrong_arrays(error)) from error
        reference._check()
        return reference

    def _check(self) -> None:
        width = sum(layer.width for layer in self.layers)
        tables = self.images.ndim == self.sample.ndim == 2 and self.held_out.ndim == self.predicted.ndim == 1
        if not tables or {*self.images.shape[1:], *self.sample.shape[1:]} != {width}:
            raise ValueError("its arrays do not fit each other")
        if len(self.scales) != len(self.layers) or not all(unit > 0 for _, unit in self.scales):
            raise ValueError("its arrays do not fit each other")
        if not len(self.images) or not len(self.held_out) or not (np.diff(self.held_out) >= 0).all():
            raise ValueError("it has no reference images, or distances that are not sorted")


@dataclass(frozen=True, kw_only=True)
class ReferenceSource:
    """Where the features of a reference come from, and what was predicted: see ``TrainingReference``."""

    layers: tuple[ComparedLayer, ...]
    frozen: bool
    predicted: IntArray


def make_reference(
    source: ReferenceSource, features: AnyArray, held_out: IntArray | None, groups: IntArray, seed: int
) -> TrainingReference | None:
    """Make the reference of a model.

    Args:
        source: Where the features come from.
        features: Those of training and validation images, shape (N, d).
        held_out: The rows that no layer was trained on, and that are compared with all others. None where that is true
            of every row: then each is compared with the images of other groups.
        groups: Numbers of groups, shape (N,). Images of one group are alike, and are not compared with each other.
        seed: Decides which images are kept, where they are too many.

    Returns:
        The reference; None where there are too few images to compare any.
    """
    rng, rows = np.random.default_rng(seed), np.arange(len(features))
    known = rows if held_out is None else np.setdiff1d(rows, held_out)
    compared = rows if held_out is None else np.asarray(held_out, np.int64)
    most = min(MOST_IMAGES, max(1, MOST_VALUES // features.shape[1]))
    kept, compared = _some(known, most, rng), _some(compared, MOST_IMAGES, rng)
    if len(kept) <= NEIGHBOURS or not len(compared):
        return None
    embedded = _embed(source.layers, features)
    parts = np.stack(
        [
            _nearest(embedded[compared, columns], embedded[kept, columns], groups[compared], groups[kept])
            for columns in _columns(source.layers)
        ]
    )
    parts = parts[:, np.isfinite(parts).all(axis=0)]
    if not parts.shape[1]:
        return None
    scales = tuple(map(_scale, parts))
    distances = np.max([(part - middle) / unit for part, (middle, unit) in zip(parts, scales, strict=True)], axis=0)
    return TrainingReference(
        layers=source.layers,
        frozen=source.frozen,
        scales=scales,
        images=embedded[kept],
        sample=embedded[_some(kept if held_out is None else compared, MOST_IMAGES // 2, rng)],
        held_out=np.sort(distances),
        predicted=source.predicted,
    )


def _scale(distances: Float64Array) -> Scaled:
    middle, high = np.quantile(distances, (0.5, 0.95))
    return float(middle), float(max(high - middle, 1e-6))


def _columns(layers: Sequence[ComparedLayer]) -> list[slice]:
    """The columns of each layer."""
    ends = np.cumsum([layer.width for layer in layers]).tolist()
    return [slice(end - layer.width, end) for layer, end in zip(layers, ends, strict=True)]


def _embed(layers: Sequence[ComparedLayer], features: AnyArray) -> Float32Array:
    given = np.asarray(features, np.float32)
    return np.concatenate([_unit(given[:, columns]) for columns in _columns(layers)], axis=1)


def _some(rows: IntArray, most: int, rng: np.random.Generator) -> IntArray:
    """At most so many of the rows, in their order."""
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def _unit(values: Float32Array) -> Float32Array:
    """Vectors of length 1; one that is 0 stays so."""
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(length, 1e-12), np.float32)


def _nearest(
    queries: Float32Array, images: Float32Array, own: IntArray | None = None, groups: IntArray | None = None
) -> Float64Array:
    """The cosine distance to the ``NEIGHBOURS``-th nearest image, not of one's ``own`` group; infinite without any."""
    found = []
    for start, chunk in _chunks(queries):
        distances = 1.0 - chunk @ images.T
        if own is not None and groups is not None:
            distances[own[start : start + len(chunk), None] == groups] = np.inf
        place = min(NEIGHBOURS, distances.shape[1]) - 1
        found.append(np.partition(distances, place, axis=1)[:, place])
    return np.concatenate([np.zeros(0), *found]).astype(np.float64)


def _chunks(values: Float32Array) -> Iterator[tuple[int, Float32Array]]:
    for start in range(0, len(values), _CHUNK):
        yield start, values[start : start + _CHUNK]


def _wrong_arrays(error: KeyError | TypeError | ValueError) -> str:
    return f"it lacks the array {error}" if isinstance(error, KeyError) else "its arrays do not fit each other"
