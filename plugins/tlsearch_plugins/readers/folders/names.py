"""What the names of folders say: parts of a split, folds, masks, and names that number things.

Names are taken apart into words, so that ``train``, ``Training_Set``, ``seg_train`` and ``trainImages2`` are understood
alike.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

Part = Literal["train", "val", "test", "unlabelled"]

PART_WORDS: dict[str, Part] = {
    **dict.fromkeys(("train", "training", "trainval", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "tst", "holdout"), "test"),
    **dict.fromkeys(
        (
            *("pred", "predict", "prediction", "predictions", "classify", "inference", "unlabelled", "unlabeled"),
            "submission",
        ),
        "unlabelled",
    ),
}
"""Words that name a part of a split. ``unlabelled`` images wait for a prediction."""

FILLER_WORDS = frozenset(
    (
        *("set", "sets", "data", "dataset", "datasets", "split", "splits", "subset", "folder", "dir", "samples"),
        *("image", "images", "img", "imgs", "pic", "pics", "picture", "pictures", "photo", "photos", "jpg", "png"),
        *("the", "my", "all", "of", "for", "to", "new", "final"),
    )
)
"""Words beside the one that names the part which say nothing more."""

MASK_WORDS = frozenset(
    (
        *(
            "mask",
            "masks",
            "gt",
            "truth",
            "groundtruth",
            "superpixels",
            "segmentation",
            "segmentations",
            "segmented",
            "annotation",
            "annotations",
            "trimap",
            "trimaps",
        ),
        *("label", "labels", "seg", "segs", "depth", "edges", "heatmap", "heatmaps", "bbox", "boxes", "contour"),
        *("thumb", "thumbs", "thumbnail", "thumbnails", "preview", "previews", "overlay", "overlays"),
    )
)
"""Words that name pictures made of the images: they lie beside them and are no class."""

_WITH_MASK = frozenset(("ground", "binary", "class", "classes", "object", "objects", "instance", "semantic"))
"""Words beside them which say nothing more: ``SegmentationClass``, ``ground_truth``."""

IMAGE_WORDS = frozenset(
    (
        *("image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "pics", "rgb", "raw"),
        *("original", "originals", "orig", "color", "colour", "jpg", "jpegs", "jpeg", "jpegimages", "png", "input"),
    )
)
"""Words that name the images themselves where masks lie beside them."""

UNSORTED_WORDS = frozenset(("unknown", "unidentified", "unsorted", "unclassified", "unannotated", "unchecked"))
"""Words that name images without labels where something like ``images`` stands beside them."""

_TASK_WORDS = frozenset(("label", "sort", "annotate", "check", "review", "identify"))

FOLD_WORDS = frozenset(("fold", "folds", "cv", "kfold"))

PIECE_WORDS = frozenset(
    (
        *("part", "batch", "chunk", "shard", "session", "run", "round", "series", "set", "group", "folder", "dir"),
        *("cam", "camera", "scan", "scanner", "day", "week", "month", "year", "date", "site", "hospital", "video"),
        *("patient", "subject", "person", "user", "case", "study", "visit", "sequence", "seq", "clip", "trip", "box"),
    )
)
"""Words that, with a number, name a piece of what was collected: no class is called so."""

_DOWNLOAD = re.compile(r"-\d{8}T\d{6}Z(-\d+)+$")
_COPY = re.compile(
    r"(?:copy[ _-]of[ _-]|kopie[ _-]von[ _-])?(?P<base>.+?)"
    r"(?:[ _-]*\(\d+\)|[ _-]+(?:copy|kopie|copie|copia)(?:[ _-]*\(?\d+\)?)?)?",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def words(name: str) -> list[str]:
    """``trainImages_2`` as train, images, 2: words and numbers in lower case."""
    return [word.lower() for word in _WORD.findall(_CAMEL.sub(" ", name))]


def part_and_rest(name: str) -> tuple[Part, tuple[str, ...]] | None:
    """The part that a name speaks of, and its other words without fillers and numbers; None where it names none.

    A name of training and validation together is that of training; any other name of two parts names none.
    """
    found = words(name)
    parts = {PART_WORDS[word] for word in found if word in PART_WORDS}
    if parts == {"train", "val"}:
        parts = {"train"}
    if len(parts) != 1:
        return None
    rest = (word for word in found if word not in PART_WORDS and word not in FILLER_WORDS and not word.isdigit())
    return parts.pop(), tuple(rest)


def parts_of(names: Sequence[str]) -> dict[str, Part]:
    """The names among folders that lie side by side which speak of a part of a split.

    A name counts where nothing else is left of it. Names with something left count where at least two of them have the
    same left and speak of different parts: ``seg_train`` beside ``seg_test``, but not ``test_tube`` beside ``beaker``.
    """
    by_rest: dict[tuple[str, ...], dict[str, Part]] = defaultdict(dict)
    for name in names:
        if (found := part_and_rest(name)) is not None:
            by_rest[found[1]][name] = found[0]
    if () in by_rest:
        return by_rest[()]
    families = [family for family in by_rest.values() if len(set(family.values())) >= 2]
    return families[0] if len(families) == 1 else {}


def divided_names(names: Sequence[str]) -> list[str]:
    """The names that say a part of what others say another part of: ``cat_train`` and ``cat_test``, but not ``owl``."""
    by_rest: dict[tuple[str, ...], dict[str, Part]] = defaultdict(dict)
    for name in names:
        if (found := part_and_rest(name)) is not None and found[1]:
            by_rest[found[1]][name] = found[0]
    return [name for family in by_rest.values() if len(set(family.values())) >= 2 for name in family]


def classes_with_parts(names: Sequence[str]) -> dict[str, tuple[str, Part]]:
    """``cats_train`` and ``dogs_test`` as (class, part), where all names are so and there are two classes or more.

    Every class must have training images. The class is what the part's word leaves of the name, numbers among it, and
    without the words that say nothing more and stand in all names, as in ``cats_train_set``.
    """
    splits = {name: part_and_rest(name) for name in names}
    fillers = frozenset.intersection(FILLER_WORDS, *(words(name) for name in names))
    found: dict[str, tuple[str, Part]] = {}
    for name, split in splits.items():
        if split is None or not split[1]:
            return {}
        left = (word for word in words(name) if word not in PART_WORDS and word not in fillers)
        found[name] = (" ".join(left), split[0])
    classes = {name for name, _ in found.values()}
    trained = {name for name, part in found.values() if part == "train"}
    enough = len(classes) >= 2 and trained == classes and len({part for _, part in found.values()}) >= 2
    return found if enough else {}


def classes_beside_parts(names: Sequence[str]) -> dict[str, tuple[str, Part]]:
    """``cat``, ``dog``, ``cat_test``, ``dog_test`` as (class, part), where two classes or more have a part so."""
    found: dict[str, tuple[str, Part]] = {}
    for name in names:
        found[name] = bare_of(name, names) or (name, "train")
    divided = {name for name, part in found.values() if part != "train"}
    return found if len(divided) >= 2 else {}


def is_fold(name: str) -> bool:
    """Whether a name is that of a numbered fold, such as ``fold1`` or ``cv_03``."""
    found = words(name)
    return any(word in FOLD_WORDS for word in found) and any(word.isdigit() for word in found)


def is_mask(name: str) -> bool:
    """Whether a name is that of pictures made of the images, such as ``masks`` or ``ground_truth``."""
    found = words(name)
    return bool(found) and any(word in MASK_WORDS for word in found)


def is_only_mask(name: str) -> bool:
    """Whether a name speaks of pictures made of the images and of nothing else, such as ``mask_images``."""
    return is_mask(name) and are_mask_words(words(name))


def are_mask_words(found: Sequence[str]) -> bool:
    """Whether words speak of pictures made of the images, number them, or say nothing more."""
    return all(word in MASK_WORDS or word in FILLER_WORDS or word in _WITH_MASK or word.isdigit() for word in found)


def is_images(name: str) -> bool:
    """Whether a name is that of the images themselves, such as ``images`` or ``RGB``."""
    found = words(name)
    return bool(found) and all(word in IMAGE_WORDS or word in FILLER_WORDS or word.isdigit() for word in found)


def speaks_of_images(name: str) -> bool:
    """Whether a name is that of the images themselves and not a number alone."""
    return is_images(name) and any(word in IMAGE_WORDS for word in words(name))


def is_piece(name: str) -> bool:
    """Whether a name numbers a piece of what was collected, such as ``batch2``, ``cam-1`` or ``patient_007``.

    So does that of a part of a download, such as ``cat-20240105T101112Z-001``.
    """
    found = words(name)
    numbered = any(word.isdigit() for word in found)
    return (numbered and any(word in PIECE_WORDS for word in found)) or _DOWNLOAD.search(name) is not None


def original_of(name: str, beside: Sequence[str]) -> str | None:
    """The name ``beside`` it of which a name is that of a copy: ``dog (1)``, ``dog_copy``, ``dog - Copy``."""
    match = _COPY.fullmatch(name)
    base = match["base"].strip(" _-").casefold() if match is not None else ""
    if base == name.strip(" _-").casefold():
        return None
    return next((other for other in beside if other.strip().casefold() == base), None)


def bare_of(name: str, beside: Sequence[str]) -> tuple[str, Part] | None:
    """The name ``beside`` it that a name is without the word of a part, and the part: cat and test of ``cat_test``."""
    found = words(name)
    parts = {PART_WORDS[word] for word in found if word in PART_WORDS}
    left = [word for word in found if word not in PART_WORDS]
    base = next((other for other in beside if left and other != name and words(other) == left), None)
    return (base, parts.pop()) if base is not None and parts in ({"val"}, {"test"}) else None


def is_unsorted(name: str) -> bool:
    """Whether a name may be that of images that nobody has sorted yet: ``unknown_images``, ``unsorted``, ``to_label``.

    ``unknown`` alone is a class as often as not.
    """
    found = words(name)
    if len(found) == 2 and found[0] == "to":
        return found[1] in _TASK_WORDS
    unsorted = [word for word in found if word in UNSORTED_WORDS]
    fillers = [word for word in found if word in FILLER_WORDS or word.isdigit()]
    return (
        bool(unsorted) and len(unsorted) + len(fillers) == len(found) and found not in (["unknown"], ["unidentified"])
    )


def is_number(name: str) -> bool:
    """Whether a name holds digits: a date, a count or the mark of a thing rather than a word."""
    return any(letter.isdigit() for letter in name)
