"""Boxes from heat maps, and how well they fit boxes that people drew.

A box is that around the largest connected part of a map whose heat reaches a threshold. Heat is measured on the way
from the least to the greatest of a map, as Choe et al. (2020) do, for what a map adds to every place alike says nothing
about where a thing is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tlsearch.data.images.decode import ImageError
from tlsearch.data.images.placement import PictureSize, Placement, picture_size, settled
from tlsearch.errors import UsageError
from tlsearch.explain.maps import BATCH, Explainer, resize_maps
from tlsearch.explain.pictures import read_images
from tlsearch.folders.boxes.box import AnnotatedBox, Box, of_class
from tlsearch.predictor import CONFIG_FILE, Predictor
from tlsearch.stats.localisation import Localisation, Localised, as_rows, best_column, gain, lies_in, overlap, scores
from tlsearch.types import Float32Array, Float64Array, LabelArray

DEFAULT_THRESHOLD = 0.2
"""The share of the greatest heat from which a place is in the box, where no boxed images choose it: that of Zhou et
al., "Learning Deep Features for Discriminative Localization" (CVPR 2016), section 3.2."""

THRESHOLDS = tuple(round(0.02 * step, 2) for step in range(1, 50))
"""What is chosen from."""

CENTRE_SHARES = tuple(round(0.05 * step, 2) for step in range(4, 20))
"""What the sides of a box in the middle are chosen from, as shares of the image's."""

FEWEST = 10
"""Images with boxes below which nothing is scored, and no threshold is chosen."""

CONFIG_KEY = "localisation"
"""The entry in ``config.json`` of a model with its threshold."""

_CANVAS = 128
"""Pixels of the side on which boxes are measured, whatever the resolution of a map."""


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """The share of the greatest heat from which a place is in the box.

    Attributes:
        value: Between 0 and 1.
        source: Where it comes from, for people.
        images: How many images chose it; 0 for the default.
    """

    value: float = DEFAULT_THRESHOLD
    source: str = "default"
    images: int = 0

    @classmethod
    def of(cls, predictor: Predictor) -> Threshold:
        """Give that which the run chose, else the default. Raises ``UsageError`` where the model says no number."""
        said = predictor.config.get(CONFIG_KEY)
        if said is None:
            return cls()
        try:
            value, images = float(said["threshold"]), int(said["images"])
        except (TypeError, KeyError, ValueError):
            value, images = -1.0, 0
        if not 0 < value < 1:
            raise UsageError(
                f"{predictor.folder / CONFIG_FILE} does not say the threshold of boxes as a number from 0 to 1: take "
                "it from the run again."
            )
        return cls(value=value, source="the run", images=images)

    def in_config(self) -> Mapping[str, Any]:
        """Give the entry of ``config.json``."""
        return {CONFIG_KEY: {"threshold": self.value, "images": self.images, "source": self.source}}


@dataclass(frozen=True, kw_only=True)
class BoxedImages:
    """N images with boxes that people drew around what their class says.

    Attributes:
        files: Where they lie.
        classes: The class of each, by its place in the labels of the model.
        boxes: Those of each, one at least.
        sizes: The size of each.
        groups: Numbers of what belongs together.
    """

    files: tuple[Path, ...] = ()
    classes: tuple[int, ...] = ()
    boxes: tuple[tuple[Box, ...], ...] = ()
    sizes: tuple[PictureSize, ...] = ()
    groups: tuple[int, ...] = ()

    def at_most(self, count: int) -> BoxedImages:
        """Give ``count`` of them, evenly spaced; all if they are few."""
        if len(self.files) <= count:
            return self
        return self.of(np.linspace(0, len(self.files) - 1, count).round().astype(int).tolist())

    def of(self, rows: Sequence[int]) -> BoxedImages:
        """Give those at ``rows``."""
        return replace(
            self,
            files=tuple(self.files[row] for row in rows),
            classes=tuple(self.classes[row] for row in rows),
            boxes=tuple(self.boxes[row] for row in rows),
            sizes=tuple(self.sizes[row] for row in rows),
            groups=tuple(self.groups[row] for row in rows),
        )


@dataclass(frozen=True, kw_only=True)
class LabelledImage:
    """An image with its class, the number of its group, and its boxes as they were annotated."""

    file: Path
    label: int
    group: int
    boxes: tuple[AnnotatedBox, ...]


def boxed_images(images: Sequence[LabelledImage], labels: Sequence[str]) -> BoxedImages:
    """Give the images that have a usable box of their class, with these boxes in their pixels.

    Args:
        images: With their classes and boxes.
        labels: The names of the classes.
    """
    kept: list[tuple[LabelledImage, tuple[Box, ...], PictureSize]] = []
    for image in images:
        if not image.boxes:
            continue
        try:
            size = picture_size(image.file)
        except ImageError:
            continue
        boxes, _ = settled(image.boxes, size)
        own = of_class(boxes, labels[image.label], labels)
        if own:
            kept.append((image, own, size))
    return BoxedImages(
        files=tuple(image.file for image, _, _ in kept),
        classes=tuple(image.label for image, _, _ in kept),
        boxes=tuple(own for _, own, _ in kept),
        sizes=tuple(size for _, _, size in kept),
        groups=tuple(image.group for image, _, _ in kept),
    )


def hot_boxes(maps: Float32Array, thresholds: Sequence[float]) -> Float64Array:
    """Give the box around the largest hot part of each map at each threshold, shape (N, T, 4).

    Boxes are left, upper, right and lower edges as shares of the square. A map without any difference is hot all over.

    Args:
        maps: Shape (N, H, W).
        thresholds: T shares of the way from the least to the greatest heat, above 0 and below 1.
    """
    heat = resize_maps(maps, _CANVAS)
    found = np.empty((len(maps), len(thresholds), 4))
    for row, one in enumerate(heat):
        low, high = float(one.min()), float(one.max())
        for column, threshold in enumerate(thresholds):
            found[row, column] = _largest(one >= low + threshold * (high - low))
    return found


def hottest(maps: Float32Array) -> Float64Array:
    """Give the point (x, y) with the greatest heat of each map, as shares of the square; shape (N, 2)."""
    heat = resize_maps(maps, _CANVAS).reshape(len(maps), -1)
    rows, columns = np.divmod(heat.argmax(axis=1), _CANVAS)
    return (np.stack([columns, rows], axis=1) + 0.5) / _CANVAS


def _largest(hot: Any) -> tuple[float, float, float, float]:
    """The edges of the largest part of a mask (S, S) that is connected, also over corners, as shares of the side."""
    from scipy import ndimage

    parts, _ = ndimage.label(hot, np.ones((3, 3)))
    largest = int(np.bincount(parts.ravel())[1:].argmax())
    down, across = ndimage.find_objects(parts)[largest]
    side = len(hot)
    return across.start / side, down.start / side, across.stop / side, down.stop / side


def placed(predictor: Predictor, size: PictureSize) -> Placement:
    """Give where the square that the network sees lies in a picture of this size."""
    return Placement.of(size, predictor.decode_size, predictor.decoding.resize)


def clipped(edges: Float64Array, size: PictureSize) -> Float64Array:
    """Give boxes (..., 4) in pixels without what lies outside the picture."""
    most = np.tile([size.width, size.height], 2)
    return np.clip(edges, 0.0, most)


def localise(
    predictor: Predictor,
    scored: BoxedImages,
    choosing: BoxedImages | None,
    source: str = "validation images",
    seed: int = 0,
) -> Localisation:
    """Score the boxes of a model.

    Args:
        predictor: The model.
        scored: The images that are scored.
        choosing: Other images, which choose the threshold and the size of the box in the middle; None, or fewer than
            ten of them, for the threshold of the model.
        source: What these are, for people.
        seed: Decides the resamples.

    Raises:
        UsageError: Fewer than ten images are to be scored, or the network has no features with places.
    """
    if len(scored.files) < FEWEST:
        raise UsageError(
            f"{len(scored.files)} images have boxes of their class, and {FEWEST} are the fewest that are scored: draw "
            "boxes in more images."
        )
    explainer = Explainer(predictor)
    if choosing is not None and len(choosing.files) >= FEWEST:
        chosen, _, overlaps = _look(explainer, choosing, THRESHOLDS)
        threshold = Threshold(value=THRESHOLDS[best_column(overlaps)], source=source, images=len(chosen.files))
        share = _best_centre(chosen)
    else:
        threshold, share = Threshold.of(predictor), _best_centre(scored)
    kept, hits, overlaps = _look(explainer, scored, (threshold.value,))
    if len(kept.files) < FEWEST:
        raise UsageError("Images with boxes that were read before can no longer be read: restore them.")
    model = Localised(hits=hits, overlaps=overlaps[:, 0])
    centre, whole = (_in_the_middle(kept, side) for side in (share, 1.0))
    classes: LabelArray = np.asarray(kept.classes, np.intp)
    groups: LabelArray = np.asarray(kept.groups, np.intp)
    return Localisation(
        images=len(kept.files),
        boxes=sum(map(len, kept.boxes)),
        threshold=threshold.value,
        threshold_from=threshold.source,
        threshold_images=threshold.images,
        centre_share=share,
        model=scores(model, classes, groups, seed),
        centre=scores(centre, classes, groups, seed),
        whole=scores(whole, classes, groups, seed),
        over_centre=gain(model, centre, classes, groups, seed),
        over_whole=gain(model, whole, classes, groups, seed),
    )


def _look(
    explainer: Explainer, images: BoxedImages, thresholds: Sequence[float]
) -> tuple[BoxedImages, Any, Float64Array]:
    """The images that can be read, whether the hottest point of each is in a box, and overlaps (N, thresholds)."""
    predictor, rows, hits, overlaps = explainer.predictor, [], [], []
    for row, heat in _maps(explainer, images):
        size, boxes = images.sizes[row], as_rows([box.corners for box in images.boxes[row]])
        place = placed(predictor, size)
        found = clipped(place.to_original(hot_boxes(heat, thresholds)[0]), size)
        rows.append(row)
        hits.append(lies_in(place.to_original(hottest(heat)[0]), boxes))
        overlaps.append(overlap(found, boxes).max(axis=-1))
    return images.of(rows), np.array(hits, np.bool_), np.array(overlaps).reshape(-1, len(thresholds))


def _maps(explainer: Explainer, images: BoxedImages) -> Iterator[tuple[int, Float32Array]]:
    """The row and the map (1, H, W), about its class, of each image that can be read."""
    decoded = enumerate(read_images(explainer.predictor, images.files))
    while batch := list(islice(decoded, BATCH)):
        read = [(row, item) for row, item in batch if not isinstance(item, str)]
        if not read:
            continue
        classes = np.array([images.classes[row] for row, _ in read], np.intp)
        found = explainer(np.stack([item for _, item in read]), classes)
        yield from ((row, found.maps[place : place + 1]) for place, (row, _) in enumerate(read))


def _in_the_middle(images: BoxedImages, share: float) -> Localised:
    """What a box in the middle says whose sides are a share of those of the image."""
    hits, overlaps = [], []
    for size, drawn in zip(images.sizes, images.boxes, strict=True):
        boxes, sides = as_rows([box.corners for box in drawn]), np.array([size.width, size.height], np.float64)
        edges = np.concatenate([sides * (1 - share) / 2, sides * (1 + share) / 2])
        hits.append(lies_in(sides / 2, boxes))
        overlaps.append(float(overlap(edges, boxes).max()))
    return Localised(hits=np.array(hits, np.bool_), overlaps=np.array(overlaps))


def _best_centre(images: BoxedImages) -> float:
    """The sides of a box in the middle with the best box accuracy."""
    columns = [_in_the_middle(images, share).overlaps for share in CENTRE_SHARES]
    return CENTRE_SHARES[best_column(np.stack(columns, axis=1))]
