"""What becomes of the parts and folds that a source names.

One fold of the user's own is held out for the test, and trials are compared on the others. Validation images that are
too few to choose by join training.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tlsearch.utils.units import counted

if TYPE_CHECKING:
    from tlsearch.data.index import ImageRecord


FEWEST_TO_CHOOSE_BY = 100
"""With fewer validation images one of them is worth more than a point, and luck chooses the winner."""


def settle_parts(images: Sequence[ImageRecord]) -> tuple[tuple[ImageRecord, ...], tuple[str, ...], tuple[str, ...]]:
    """The records with the parts that they take; how the parts were read; and what a person should know of it."""
    kept, held_out = hold_out_last(images)
    kept, warning = join_few(kept)
    notes = (warning, _remark_folds(kept))
    return kept, (held_out,) if held_out else (), tuple(note for note in notes if note)


def join_few(images: Sequence[ImageRecord]) -> tuple[tuple[ImageRecord, ...], str | None]:
    """Let validation images join training where they are fewer than ``FEWEST_TO_CHOOSE_BY``, and say so."""
    count = sum(image.split == "val" for image in images)
    if not 0 < count < FEWEST_TO_CHOOSE_BY:
        return tuple(images), None
    joined = tuple(replace(image, split="train") if image.split == "val" else image for image in images)
    return joined, (
        f"{count} validation images are too few to choose by, as one of them is worth {100 / count:.1f} points: they "
        "join training, and trials are compared on parts of both"
    )


def hold_out_last(images: Sequence[ImageRecord]) -> tuple[tuple[ImageRecord, ...], str | None]:
    """Make the last of the user's folds the test part, where there is none, and say so.

    Nothing changes where no image has a fold or where all have the same.
    """
    folds = fold_names(images)
    if len(folds) < 2 or any(image.split == "test" for image in images):
        return tuple(images), None
    last = folds[-1]
    held = tuple(replace(image, split="test" if image.fold == last else image.split or "train") for image in images)
    kept = len(folds) > 2 and not _why_unusable(_trained(held))
    others = f"on the folds {', '.join(folds[:-1])}" if kept else "on folds of the rest"
    return held, f"the fold {last} is the test part; trials are compared {others}"


def fold_names(images: Sequence[ImageRecord]) -> list[str]:
    """The names of the folds, numbers in their order: fold2 before fold10."""
    return sorted({image.fold for image in images if image.fold is not None}, key=_natural)


def rows_by_fold(images: Sequence[ImageRecord], rows: Sequence[int]) -> list[tuple[int, ...]] | None:
    """Positions in ``rows`` of the images of each fold, in the order of the folds.

    None where fewer than two folds are left, where an image has no fold, or where a class would be missing from the
    training part of a fold.
    """
    chosen = [images[row] for row in rows]
    folds = fold_names(chosen)
    if len(folds) < 2 or _why_unusable(chosen):
        return None
    places: dict[str | None, list[int]] = defaultdict(list)
    for place, image in enumerate(chosen):
        places[image.fold].append(place)
    return [tuple(places[fold]) for fold in folds]


def _remark_folds(images: Sequence[ImageRecord]) -> str | None:
    """A sentence where trials are not compared on the folds that the user has given."""
    chosen = _trained(images)
    if len(fold_names(chosen)) < 2 or not (reason := _why_unusable(chosen)):
        return None
    said = "your folds are not those on which trials are compared"
    if any(image.split == "val" for image in images):
        return f"{said}, as there are validation images"
    return f"{said}, as {reason}: others are drawn in their place"


def _why_unusable(images: Sequence[ImageRecord]) -> str:
    """Why trials cannot be compared on the folds of images, in words; empty where they can."""
    if lost := sum(image.fold is None for image in images):
        return f"{counted(lost, 'image')} for training {'has' if lost == 1 else 'have'} no fold"
    folds: dict[int, set[str | None]] = defaultdict(set)
    for image in images:
        folds[image.label].add(image.fold)
    alone = next((fold for held in folds.values() if len(held) == 1 for fold in held), None)
    return f"a class is in no other fold than {alone}" if alone is not None else ""


def _trained(images: Sequence[ImageRecord]) -> list[ImageRecord]:
    """Those that are not for testing."""
    return [image for image in images if image.split != "test"]


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name) if part]
