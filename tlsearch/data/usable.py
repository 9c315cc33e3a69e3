"""Whether what was found can serve as a data set, and what to say where it cannot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tlsearch.data.images.decode import FORMAT_NAMES
from tlsearch.errors import DataError
from tlsearch.folders.walk import files_of
from tlsearch.utils.texts import some
from tlsearch.utils.units import counted

if TYPE_CHECKING:
    from tlsearch.data.index import DatasetIndex, Survey
    from tlsearch.folders.walk import Skipped
    from tlsearch.plugins.kinds.reader import Item

MIN_PER_CLASS = 4
"""Fewer images of a class cannot be divided into training, validation and test with any meaning."""


def label_of(item: Item) -> str:
    """The one label of an item (``require_one_label``)."""
    (label,) = item.labels
    return label


def require_one_label(items: Sequence[Item]) -> None:
    """Raise ``DataError`` where an item has no label or several."""
    if missing := [item for item in items if not item.labels]:
        raise DataError(
            f"{missing[0].path} has no label, but each image needs exactly one: give it one, or leave it out."
        )
    if several := [item for item in items if len(item.labels) > 1]:
        first, share = several[0], f"{len(several):,} of {counted(len(items), 'image')}"
        have = "has several labels" if len(several) == 1 else "have several labels"
        raise DataError(
            f"{share} {have}, such as {first.path} ({some(sorted(first.labels))}), but tlsearch learns one label an "
            "image: choose one for each of them, name a column that says yes or no to one label (--label-column), or "
            "leave these images out."
        )


def require_usable(found: Survey | DatasetIndex) -> None:
    """Raise ``DataError`` unless there are two classes of four images, and training has every class."""
    classes, images, skipped = found.classes, found.images, found.skipped
    root = (found.reading.source if found.reading else "") or found.root
    if not images:
        raise DataError(_no_images(str(root), skipped))
    if len(classes) < 2:
        raise DataError(
            f"{root} holds images of one class only ({classes[0]}): put the images of each class into a "
            "folder of its own, at least two of them."
        )
    held = Counter(image.label for image in images)
    small = [f"{name} ({held[label]})" for label, name in enumerate(classes) if held[label] < MIN_PER_CLASS]
    if small:
        unused = f" ({files_of(skipped)} not used)" if skipped else ""
        has, folder = ("has", "folder") if len(small) == 1 else ("have", "folders")
        raise DataError(
            f"Each class needs at least {MIN_PER_CLASS} readable images, but {some(small)} in {root} {has} "
            f"fewer{unused}: add images, remove the class {folder}, or say --drop-small-classes."
        )
    trained = {image.label for image in images if (image.split or "train") == "train"}
    untrained = [name for label, name in enumerate(classes) if label not in trained]
    if untrained:
        raise DataError(
            f"Training has no image of {some(untrained)} in {root}: add images of every class to the training part, or "
            "leave the class out everywhere."
        )


def _no_images(root: str, skipped: Sequence[Skipped]) -> str:
    """The sentence for a source without a usable image: what the files are, and what to do."""
    if any(entry.reason == "it lies in no class folder" for entry in skipped):
        return f"The images in {root} lie in no class folder: put those of each class into one of their own."
    large = [entry for entry in skipped if entry.reason.startswith("it has ") and "--max-pixels" in entry.reason]
    if large and 2 * len(large) >= len(skipped):
        files, has = counted(len(large), "file"), large[0].reason.removeprefix("it ")
        return f"{root} holds no image that may be decoded, of {files}: {large[0].path} {has}."
    reasons = Counter(entry.reason for entry in skipped if entry.reason.startswith("it is "))
    if not reasons:
        return f"{root} holds no {FORMAT_NAMES} image: name a folder that holds one folder of images a class."
    reason, count = reasons.most_common(1)[0]
    what, _, fix = reason.removeprefix("it is ").partition("; ")
    files = counted(count, "file")
    verb = "is" if count == 1 else "are each"
    return f"{root} holds no image that can be read: {files} {verb} {what}: {fix or 'name a folder of images'}."
