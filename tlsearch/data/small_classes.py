"""Classes that are too small to be divided, left out where the user asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from tlsearch.data.groups import group_images
from tlsearch.data.index import DatasetIndex, ImageRecord, Survey
from tlsearch.data.split import lacking_groups
from tlsearch.data.usable import MIN_PER_CLASS
from tlsearch.errors import DataError
from tlsearch.folders.walk import Skipped
from tlsearch.plugins.kinds.reader import Reading
from tlsearch.utils.texts import some


def drop_few(found: Survey) -> Survey:
    """The survey without classes of fewer than ``MIN_PER_CLASS`` images. Raises what ``drop_small`` does."""
    held = Counter(image.label for image in found.images)
    small = {label for label in range(len(found.classes)) if held[label] < MIN_PER_CLASS}
    if not small:
        return found
    _require_two_left(found, small)
    kept = [row for row, image in enumerate(found.images) if image.label not in small]
    return replace(
        found,
        classes=_without(found.classes, small),
        images=_relabelled(found.images, small),
        skipped=_dropped(found.skipped, found.images, small),
        files=tuple(found.files[row] for row in kept),
        reading=_noted(found.reading, [found.classes[label] for label in sorted(small)]),
    )


def drop_small(index: DatasetIndex, group_by: str | None) -> DatasetIndex:
    """The index without classes that have too few images, or too few groups of images, to be in every part.

    Raises ``DataError`` where fewer than two classes would be left.
    """
    while True:
        held = Counter(index.labels)
        small = {label for label in range(len(index.classes)) if held[label] < MIN_PER_CLASS}
        small = small or set(lacking_groups(index, group_images(index, group_by)))
        if not small:
            return index
        _require_two_left(index, small)
        index = _drop(index, small)


def _require_two_left(found: Survey | DatasetIndex, small: Collection[int]) -> None:
    left = _without(found.classes, small)
    if len(left) < 2:
        root = (found.reading.source if found.reading else "") or found.root
        held = Counter(image.label for image in found.images)
        names = some([f"{found.classes[label]} ({held[label]})" for label in sorted(small)])
        which = f"all but {left[0]}" if left else "all of them"
        raise DataError(
            f"Too few classes in {root} can be divided, as {which} have too few images or groups of images, {names}: "
            "add images of these."
        )


def _drop(index: DatasetIndex, small: Collection[int]) -> DatasetIndex:
    kept = [row for row, image in enumerate(index.images) if image.label not in small]
    place = {row: number for number, row in enumerate(kept)}
    pairs = ((place[one], place[other]) for one, other in index.lookalikes if one in place and other in place)
    return replace(
        index,
        classes=_without(index.classes, small),
        images=_relabelled(index.images, small),
        skipped=_dropped(index.skipped, index.images, small),
        files=tuple(index.files[row] for row in kept),
        lookalikes=tuple(pairs),
        reading=_noted(index.reading, [index.classes[label] for label in sorted(small)]),
    )


def _without(classes: tuple[str, ...], small: Collection[int]) -> tuple[str, ...]:
    return tuple(name for label, name in enumerate(classes) if label not in small)


def _relabelled(images: tuple[ImageRecord, ...], small: Collection[int]) -> tuple[ImageRecord, ...]:
    labels = [label for label in range(1 + max((image.label for image in images), default=0)) if label not in small]
    new = {label: number for number, label in enumerate(labels)}
    return tuple(replace(image, label=new[image.label]) for image in images if image.label not in small)


def _dropped(
    skipped: tuple[Skipped, ...], images: tuple[ImageRecord, ...], small: Collection[int]
) -> tuple[Skipped, ...]:
    more = (Skipped(image.path, "its class is too small") for image in images if image.label in small)
    return tuple(sorted((*skipped, *more), key=lambda entry: entry.path))


def _noted(reading: Reading | None, names: list[str]) -> Reading | None:
    if reading is None:
        return None
    return replace(reading, notes=(*reading.notes, f"left out, for they are too small to be divided: {some(names)}"))
