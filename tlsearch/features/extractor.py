"""From a view to features: look in the store, else compute from the nearest stored ancestor and keep the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from tlsearch import backend
from tlsearch.features.passes import CountedRows, PassCounter
from tlsearch.features.prefix import EXTRACT_BATCH, Network
from tlsearch.features.store import FeatureStore
from tlsearch.features.view import PLAIN, View, render_chunks
from tlsearch.models.cuts import Feature, maps, pools
from tlsearch.plugins.api import Augmentation
from tlsearch.plugins.provenance import plugin_digest
from tlsearch.types import AnyArray, Float32Array, IntArray

FORMAT = 2
"""Raised whenever the way in which features are computed changes, so that old arrays are not found."""

ProgressListener = Callable[[str, int, int], None]
"""Called with (what is being computed, images done, images in all)."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """The training and validation images, in data set order; test images are not in it.

    Attributes:
        pixels: uint8 arrays (N, S, S, 3) by image size.
        labels: The class of each image.
        groups: The group of each image. Images with one number belong together: no split may part them.
        classes: The names of the classes.
        digest: The hash of the contents in order and of the way they were decoded.
        image_weights: How much each image counts in training; None where all count alike.
    """

    pixels: Mapping[int, AnyArray]
    labels: IntArray
    groups: IntArray
    classes: tuple[str, ...]
    digest: str
    image_weights: Float32Array | None = None

    def __len__(self) -> int:
        """Give the number of images."""
        return len(self.labels)


class Rows(Protocol):
    """Features by row of the pool, stored or computed on demand: the numbers are the same."""

    def take(self, index: AnyArray) -> AnyArray:
        """Give the rows at ``index``, in that order."""


@dataclass(frozen=True)
class StoredRows:
    """Features that lie in an array."""

    array: AnyArray

    def take(self, index: AnyArray) -> AnyArray:
        """See ``Rows``."""
        return np.asarray(self.array[index])


@dataclass(frozen=True)
class JoinedRows:
    """Features that lie side by side in several arrays, joined for the rows that are taken."""

    arrays: Sequence[AnyArray]

    def take(self, index: AnyArray) -> AnyArray:
        """See ``Rows``."""
        return np.concatenate([array[index] for array in self.arrays], axis=1)


@dataclass(frozen=True, kw_only=True)
class ComputedRows:
    """Features that did not fit the store: computed from the view's pixels whenever they are taken."""

    network: Network
    depth: int
    pixels: AnyArray
    on_computed: Callable[[int], None]

    def take(self, index: AnyArray) -> AnyArray:
        """See ``Rows``."""
        self.on_computed(len(index))
        (feature,) = wanted = maps(self.depth)
        parts = [
            self.network.compute(0, wanted, self.pixels[index[i : i + EXTRACT_BATCH]])
            for i in range(0, len(index), EXTRACT_BATCH)
        ]
        return np.concatenate([part[feature] for part in parts])


def _silent(text: str, done: int, total: int) -> None:
    """No progress wanted."""


@dataclass(kw_only=True)
class Extractor:
    """Gives the features of any view at any cut.

    Attributes:
        store: Keeps features.
        pool: The images.
        augmentations: Gives an augmentation by its name.
        provenance: Gives distribution and version of a plugin by its kind and name.
        progress: Gets a text, and how many images of how many are done.
        computed: The number of images that went through a network to be stored.
        passes: Counts what was asked of frozen layers, computed and read.
    """

    store: FeatureStore
    pool: Pool
    augmentations: Callable[[str], Augmentation]
    provenance: Callable[[str, str], str]
    progress: ProgressListener = _silent
    computed: int = 0
    passes: PassCounter = field(default_factory=PassCounter)
    _scratch: dict[tuple[int, View], AnyArray] = field(default_factory=dict)

    def maps(self, network: Network, view: View, depth: int) -> Rows:
        """Give the feature maps at ``depth`` (0: the pixels) of a view, for the whole pool."""
        if depth == 0:
            return StoredRows(self.pixels(network.candidate.image_size, view))
        feature = Feature("map", depth)
        key = self.key(network, view, feature)
        stored = self.store.get(key)
        if stored is None:
            with self.store.one_at_a_time(self._work_key(network, view)):
                stored = self.store.get(key)
                if stored is None:
                    stored = self._written(network, view, feature, key)
        return self._computed_rows(network, view, depth) if stored is None else StoredRows(stored)

    def _written(self, network: Network, view: View, feature: Feature, key: Mapping[str, Any]) -> AnyArray | None:
        """Compute and store the map of a view; None where the store has no room for it."""
        cut = network.cuts.point(feature.depth)
        with self.store.writing(key, (len(self.pool), *cut.shape), cut.dtype) as target:
            if target is not None:
                self._fill(network, view, {feature: target})
        return None if target is None else self.store.get(key)  # another process may have removed it already

    def pooled(self, network: Network, view: View, depths: Sequence[int]) -> list[AnyArray]:
        """Give the features of a view pooled in all ways at each of ``depths``, float32: see ``Feature``.

        What is not stored yet is computed in one pass for all of ``depths``.
        """
        features = pools(*depths)
        keys = {feature: self.key(network, view, feature) for feature in features}
        arrays = {feature: self.store.get(key) for feature, key in keys.items()}
        if any(array is None for array in arrays.values()):
            with self.store.one_at_a_time(self._work_key(network, view)), ExitStack() as stack:
                arrays = {feature: self.store.get(key) for feature, key in keys.items()}
                missing = sorted((f for f, array in arrays.items() if array is None), key=lambda f: f.depth)
                targets: dict[Feature, AnyArray] = {}
                for feature in missing:
                    shape = (len(self.pool), network.cuts.point(feature.depth).pooled_width)
                    target = stack.enter_context(self.store.writing(keys[feature], shape, "float32"))
                    targets[feature] = self.store.scratch(shape, "float32") if target is None else target
                if targets:
                    self._fill(network, view, targets)
            arrays.update(targets)
        return [array for feature in features if (array := arrays[feature]) is not None]

    def counted(self, network: Network, view: View, depth: int, rows: Rows) -> Rows:
        """Give the same rows, whose reading is counted as reading at ``depth``; pixels (0) are behind nothing."""
        if depth == 0:
            return rows
        label, share = network.candidate.label, network.cuts.share(depth)
        self.passes.asked(label, view, len(self.pool), share)
        return CountedRows(rows.take, lambda images: self.passes.read(label, images, share))

    def count_whole(self, network: Network, view: View) -> None:
        """Count that the features of a whole view behind the whole network were wanted, and read once."""
        self.passes.asked(network.candidate.label, view, len(self.pool), 1.0)
        self.passes.read(network.candidate.label, len(self.pool), 1.0)

    def _computed_rows(self, network: Network, view: View, depth: int) -> ComputedRows:
        label, share = network.candidate.label, network.cuts.share(depth)
        pixels = self.pixels(network.candidate.image_size, view)
        return ComputedRows(
            network=network,
            depth=depth,
            pixels=pixels,
            on_computed=lambda images: self.passes.computed(label, images, share),
        )

    def pixels(self, image_size: int, view: View) -> AnyArray:
        """Give the rendered images of a view, uint8 (N, S, S, 3): kept in the store, or on scratch while in use."""
        plain: AnyArray = self.pool.pixels[image_size]
        if view.plain:
            return plain
        key = self._pixel_key(image_size, view)
        stored = self.store.get(key)
        if stored is not None:
            return stored
        if (image_size, view) in self._scratch:
            return self._scratch[image_size, view]
        with self.store.one_at_a_time(key):
            stored = self.store.get(key)
            return self._rendered(image_size, view, key) if stored is None else stored

    def _rendered(self, image_size: int, view: View, key: Mapping[str, Any]) -> AnyArray:
        """Render the pixels of a view and keep them: in the store, or on scratch where it has no room."""
        plain: AnyArray = self.pool.pixels[image_size]
        with self.store.writing(key, plain.shape, "uint8") as target:
            array: AnyArray = target if target is not None else self.store.scratch(plain.shape, "uint8")
            for start, images in render_chunks(plain, view, self.augmentations(view.policy)):
                array[start : start + len(images)] = images
                self.progress(f"rendering {view.policy} {view.strength:.2f}", start + len(images), len(plain))
        if target is None:
            self._scratch = {(image_size, view): array}
        return array  # its pages live as long, though another process that makes room may remove it

    def fresh_pixels(self, image_size: int, view: View) -> AnyArray:
        """Give the rendered images of a view that is used for one epoch only: never stored."""
        plain: AnyArray = self.pool.pixels[image_size]
        if view.plain:
            return plain
        array = self.store.scratch(plain.shape, "uint8")
        for start, images in render_chunks(plain, view, self.augmentations(view.policy)):
            array[start : start + len(images)] = images
        return array

    def _fill(self, network: Network, view: View, targets: Mapping[Feature, AnyArray]) -> None:
        wanted = tuple(targets)
        depths = [feature.depth for feature in wanted]
        start, source = self._ancestor(network, view, min(depths))
        total = len(self.pool)
        label = network.candidate.label
        share = network.cuts.share(max(depths)) - network.cuts.share(start)
        what = label if view.plain else f"{label}, {view.policy} {view.strength:.2f}"
        for first in range(0, total, EXTRACT_BATCH):
            inputs = np.asarray(source[first : first + EXTRACT_BATCH])
            for feature, values in network.compute(start, wanted, inputs).items():
                targets[feature][first : first + len(inputs)] = values
            self.computed += len(inputs)
            self.passes.computed(label, len(inputs), share)
            self.progress(f"features of {what}", first + len(inputs), total)

    def _ancestor(self, network: Network, view: View, depth: int) -> tuple[int, AnyArray]:
        """The deepest stored stage end before ``depth`` of the same view, or the view's pixels (0)."""
        for start in reversed(network.cuts.stage_ends(0, depth)):
            stored = self.store.get(self.key(network, view, Feature("map", start)))
            if stored is not None:
                return start, stored
        return 0, self.pixels(network.candidate.image_size, view)

    def key(self, network: Network, view: View, feature: Feature) -> dict[str, Any]:
        """Give everything that can change the numbers of a feature."""
        cuts, depth = network.cuts, feature.depth
        passed = [cuts.point(end).dtype for end in (*cuts.stage_ends(0, depth), depth)]
        return {
            **self._pixel_key(network.candidate.image_size, view),
            "what": str(feature),
            "backbone": network.plugin.name,
            "plugin": self.provenance("backbone", network.plugin.name),
            "plugin_source": plugin_digest(network.plugin),
            "weights": network.candidate.weights_id,
            "cut": cuts.point(depth).layer,
            "dtypes": passed,
            "precision": network.precision,
            **backend.versions(),
            **backend.thread_limit(),
        }

    def _work_key(self, network: Network, view: View) -> dict[str, Any]:
        """What two processes would both compute if they did it at once: features of a view by a network."""
        return {**self._pixel_key(network.candidate.image_size, view), "by": network.candidate.label}

    def _pixel_key(self, image_size: int, view: View) -> dict[str, Any]:
        plugin: dict[str, str] = {}
        if not view.plain:
            augmentation = self.augmentations(view.policy)
            plugin = {
                "augmentation": self.provenance("augmentation", view.policy),
                "augmentation_source": plugin_digest(augmentation),
                **backend.versions(),
                **backend.thread_limit(),
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
