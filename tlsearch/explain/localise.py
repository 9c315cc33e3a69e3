"""How well boxes and points from heat maps fit boxes that people drew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tlsearch.errors import UsageError
from tlsearch.explain.boxed_images import BoxedImages
from tlsearch.explain.boxes import Threshold, clipped, hot_boxes, hottest, placed
from tlsearch.explain.finer import FinerMaps
from tlsearch.predictor import Predictor, load
from tlsearch.stats.localisation import Localisation, Localised, as_rows, best_column, gain, lies_in, overlap, scores
from tlsearch.types import BoolArray, Float64Array, LabelArray

THRESHOLDS = tuple(round(0.02 * step, 2) for step in range(1, 50))
"""What is chosen from."""

CENTRE_SHARES = tuple(round(0.05 * step, 2) for step in range(4, 20))
"""What the sides of a box in the middle are chosen from, as shares of the image's."""

FEWEST = 10
"""Images with boxes below which nothing is scored, and no threshold is chosen."""


@dataclass(frozen=True, kw_only=True)
class BoxRequest:
    """What is scored.

    Attributes:
        model: The folder of the model.
        scored: The images that are scored.
        choosing: Other images, which choose the threshold and the size of the box in the middle. With fewer than ten of
            them the threshold is that of the model.
        source: What these are, for people.
        seed: Decides the resamples.
    """

    model: Path
    scored: BoxedImages
    choosing: BoxedImages = field(default_factory=BoxedImages)
    source: str = "validation images"
    seed: int = 0


def localise(request: BoxRequest, predictor: Predictor | None = None) -> Localisation:
    """Score the boxes that a model gives.

    Args:
        request: What is scored.
        predictor: The model, where it is loaded.

    Raises:
        UsageError: Fewer than ten images are to be scored, or the network has no features with places.
    """
    scored, choosing = request.scored, request.choosing
    if len(scored.files) < FEWEST:
        raise UsageError(
            f"{len(scored.files)} images have boxes of their class, and {FEWEST} are the fewest that are scored: draw "
            "boxes in more images."
        )
    predictor = predictor or load(request.model)
    maps = FinerMaps(predictor)
    if len(choosing.files) >= FEWEST:
        chosen, _, overlaps = _look(maps, choosing, THRESHOLDS)
        threshold = Threshold(value=THRESHOLDS[best_column(overlaps)], source=request.source, images=len(chosen.files))
        share = _best_centre(chosen)
    else:
        threshold, share = Threshold.of(predictor), _best_centre(scored)
    kept, hits, overlaps = _look(maps, scored, (threshold.value,))
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
        model=scores(model, classes, groups, request.seed),
        centre=scores(centre, classes, groups, request.seed),
        whole=scores(whole, classes, groups, request.seed),
        over_centre=gain(model, centre, classes, groups, request.seed),
        over_whole=gain(model, whole, classes, groups, request.seed),
    )


def _look(
    maps: FinerMaps, images: BoxedImages, thresholds: Sequence[float]
) -> tuple[BoxedImages, BoolArray, Float64Array]:
    """The images that can be read, whether the hottest point of each is in a box, and overlaps (N, thresholds)."""
    predictor, rows, hits, overlaps = maps.predictor, [], [], []
    for row, heat in maps.of_files(images.files, images.classes):
        size, boxes = images.sizes[row], as_rows([box.corners for box in images.boxes[row]])
        place = placed(predictor, size)
        found = clipped(place.to_original(hot_boxes(heat, thresholds)[0]), size)
        rows.append(row)
        hits.append(lies_in(place.to_original(hottest(heat)[0]), boxes))
        overlaps.append(overlap(found, boxes).max(axis=-1))
    return images.of(rows), np.array(hits, np.bool_), np.array(overlaps).reshape(-1, len(thresholds))


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
