"""From a view to features: look in the store, else compute from the nearest stored ancestor and keep the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from tlsearch import backend as runtime
from tlsearch.errors import RunError
from tlsearch.features.passes import CountedRows, PassCounter
from tlsearch.features.prefix import EXTRACT_BATCH, Network, plugin_digest
from tlsearch.features.store import Array, FeatureStore
from tlsearch.features.view import PLAIN, View, render_chunks
from tlsearch.plugins.api import Augmentation
from tlsearch.plugins.registry import PluginKind

FORMAT = 2
"""Raised whenever the way in which features are computed changes, so that old arrays are not found."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Pool:
    """The training and validation images, in data set order; test images are not in it.

    ``pixels`` are uint8 arrays (N, S, S, 3) by image size; ``digest`` is the hash of the contents in order and of
    the way they were decoded. Images with one number in ``groups`` belong together: no split may part them.
    """

    pixels: Mapping[int, Array]
    labels: np.ndarray[Any, np.dtype[np.int64]]
    groups: np.ndarray[Any, np.dtype[np.int64]]
    classes: tuple[str, ...]
    digest: str

    def __len__(self) -> int:
        return len(self.labels)


class Rows(Protocol):
    """Features by row of the pool, stored or computed on demand: the numbers are the same."""

    def take(self, index: np.ndarray[Any, Any]) -> Array:
        """The rows at ``index``, in that order."""


@dataclass(frozen=True)
class StoredRows:
    """Features that lie in an array."""

    array: Array

    def take(self, index: np.ndarray[Any, Any]) -> Array:
        """See ``Rows``."""
        return np.asarray(self.array[index])


@dataclass(frozen=True)
class JoinedRows:
    """Features that lie side by side in several arrays, joined for the rows that are asked for."""

    arrays: Sequence[Array]

    def take(self, index: np.ndarray[Any, Any]) -> Array:
        """See ``Rows``."""
        return np.concatenate([array[index] for array in self.arrays], axis=1)


@dataclass(frozen=True)
class ComputedRows:
    """Features that did not fit the store: computed from the view's pixels whenever they are asked for."""

    network: Network
    depth: int
    pixels: Array
    on_computed: Callable[[int], None]

    def take(self, index: np.ndarray[Any, Any]) -> Array:
        """See ``Rows``."""
        self.on_computed(len(index))
        parts = [
            self.network.compute(0, (self.depth,), (), self.pixels[index[i : i + EXTRACT_BATCH]])
            for i in range(0, len(index), EXTRACT_BATCH)
        ]
        return np.concatenate([part[f"map {self.depth}"] for part in parts])


def _silent(text: str, done: int, total: int) -> None:
    """No progress wanted."""


@dataclass
class Extractor:
    """Gives the features of any view at any cut. ``computed`` counts the images that went through a network to be
    stored, ``passes`` what was asked of frozen layers, computed and read."""

    store: FeatureStore
    pool: Pool
    augmentations: Callable[[str], Augmentation]
    provenance: Callable[[PluginKind, str], str]
    progress: Progress = _silent
    computed: int = 0
    passes: PassCounter = field(default_factory=PassCounter)
    _scratch: dict[tuple[int, View], Array] = field(default_factory=dict)

    def maps(self, network: Network, view: View, depth: int) -> Rows:
        """The feature maps at ``depth`` (0: the pixels) of a view, for the whole pool."""
        if depth == 0:
            return StoredRows(self.pixels(network.candidate.image_size, view))
        key = self.key(network, view, f"map {depth}", depth)
        stored = self.store.get(key)
        if stored is None:
            info = network.cuts[depth - 1]
            with self.store.writing(key, (len(self.pool), *info.shape), info.dtype) as target:
                if target is not None:
                    self._fill(network, view, {f"map {depth}": target}, (depth,), ())
            if target is None:
                return self._computed_rows(network, view, depth)
            stored = self._just_written(key)
        return StoredRows(stored)

    def pooled(self, network: Network, view: View, depths: Sequence[int]) -> list[Array]:
        """The features of a view pooled over space at each of ``depths``, float32 (N, 2 * C): averages, then maxima.

        What is not stored yet is computed in one pass for all of ``depths``.
        """
        keys = {depth: self.key(network, view, f"pool {depth}", depth) for depth in depths}
        arrays = {depth: self.store.get(key) for depth, key in keys.items()}
        missing = tuple(sorted(depth for depth, array in arrays.items() if array is None))
        if missing:
            with ExitStack() as stack:
                targets: dict[str, Array] = {}
                for depth in missing:
                    shape = (len(self.pool), 2 * network.cuts[depth - 1].shape[2])
                    target = stack.enter_context(self.store.writing(keys[depth], shape, "float32"))
                    targets[f"pool {depth}"] = self.store.scratch(shape, "float32") if target is None else target
                self._fill(network, view, targets, (), missing)
            arrays.update({depth: targets[f"pool {depth}"] for depth in missing})
        return [array for depth in depths if (array := arrays[depth]) is not None]

    def counted(self, network: Network, view: View, depth: int, rows: Rows) -> Rows:
        """The same rows, whose reading is counted as reading behind cut ``depth``; pixels (0) are behind nothing."""
        if depth == 0:
            return rows
        label, share = network.candidate.label, _share(network, depth)
        self.passes.asked(label, view, len(self.pool), share)
        return CountedRows(rows.take, lambda images: self.passes.read(label, images, share))

    def count_whole(self, network: Network, view: View) -> None:
        """Count that the features of a whole view behind the whole network were asked for, and read once."""
        self.passes.asked(network.candidate.label, view, len(self.pool), 1.0)
        self.passes.read(network.candidate.label, len(self.pool), 1.0)

    def _computed_rows(self, network: Network, view: View, depth: int) -> ComputedRows:
        label, share = network.candidate.label, _share(network, depth)
        pixels = self.pixels(network.candidate.image_size, view)
        return ComputedRows(network, depth, pixels, lambda images: self.passes.computed(label, images, share))

    def _just_written(self, key: Mapping[str, Any]) -> Array:
        stored = self.store.get(key)
        if stored is None:
            raise RunError("Stored features vanished; does another program clear the cache folder while this runs?")
        return stored

    def pixels(self, image_size: int, view: View) -> Array:
        """The rendered images of a view, uint8 (N, S, S, 3): kept in the store, or on scratch while in use."""
        plain: Array = self.pool.pixels[image_size]
        if view.plain:
            return plain
        key = self._pixel_key(image_size, view)
        stored = self.store.get(key)
        if stored is not None:
            return stored
        if (image_size, view) in self._scratch:
            return self._scratch[image_size, view]
        with self.store.writing(key, plain.shape, "uint8") as target:
            array = target if target is not None else self.store.scratch(plain.shape, "uint8")
            for start, images in render_chunks(plain, view, self.augmentations(view.policy)):
                array[start : start + len(images)] = images
                self.progress(f"rendering {view.policy} {view.strength:.2f}", start + len(images), len(plain))
        if target is None:
            self._scratch = {(image_size, view): array}
            return array
        return self._just_written(key)

    def fresh_pixels(self, image_size: int, view: View) -> Array:
        """The rendered images of a view that is used for one epoch only: never stored."""
        plain: Array = self.pool.pixels[image_size]
        if view.plain:
            return plain
        array = self.store.scratch(plain.shape, "uint8")
        for start, images in render_chunks(plain, view, self.augmentations(view.policy)):
            array[start : start + len(images)] = images
        return array

    def _fill(
        self, network: Network, view: View, targets: dict[str, Array], maps: tuple[int, ...], pooled: tuple[int, ...]
    ) -> None:
        start, source = self._ancestor(network, view, min((*maps, *pooled)))
        total = len(self.pool)
        label = network.candidate.label
        share = _share(network, max((*maps, *pooled))) - _share(network, start)
        what = label if view.plain else f"{label}, {view.policy} {view.strength:.2f}"
        for first in range(0, total, EXTRACT_BATCH):
            inputs = np.asarray(source[first : first + EXTRACT_BATCH])
            for name, values in network.compute(start, maps, pooled, inputs).items():
                targets[name][first : first + len(inputs)] = values
            self.computed += len(inputs)
            self.passes.computed(label, len(inputs), share)
            self.progress(f"features of {what}", first + len(inputs), total)

    def _ancestor(self, network: Network, view: View, depth: int) -> tuple[int, Array]:
        """The deepest stored stage end before ``depth`` of the same view, or the view's pixels (0)."""
        for start in range(depth - 1, 0, -1):
            if network.cuts[start - 1].stage_end:
                stored = self.store.get(self.key(network, view, f"map {start}", start))
                if stored is not None:
                    return start, stored
        return 0, self.pixels(network.candidate.image_size, view)

    def key(self, network: Network, view: View, what: str, depth: int) -> dict[str, Any]:
        """Everything that can change the features ``what`` ("map 4", "pool 4") at cut ``depth``."""
        passed = [c.dtype for c in network.cuts[: depth - 1] if c.stage_end] + [network.cuts[depth - 1].dtype]
        return {
            **self._pixel_key(network.candidate.image_size, view),
            "what": what,
            "backbone": network.plugin.name,
            "plugin": self.provenance("backbone", network.plugin.name),
            "plugin_source": plugin_digest(network.plugin),
            "weights": network.candidate.weights_id,
            "cut": network.cuts[depth - 1].layer,
            "dtypes": passed,
            "precision": network.precision,
            **runtime.versions(),
        }

    def _pixel_key(self, image_size: int, view: View) -> dict[str, Any]:
        plugin: dict[str, str] = {}
        if not view.plain:
            augmentation = self.augmentations(view.policy)
            plugin = {
                "augmentation": self.provenance("augmentation", view.policy),
                "augmentation_source": plugin_digest(augmentation),
                **runtime.versions(),
            }
        return {
            "what": "pixels",
            "format": FORMAT,
            "images": self.pool.digest,
            "image_size": image_size,
            "policy": view.policy if not view.plain else PLAIN.policy,
            "strength": round(view.strength, 6),
            "view": 0 if view.plain else view.number,
            "seed": 0 if view.plain else view.seed,
            **plugin,
        }


def _share(network: Network, depth: int) -> float:
    """The share of a network's work that lies before a cut; 0 is nothing but pixels."""
    return network.cuts[depth - 1].work / network.cuts[-1].work if depth else 0.0
