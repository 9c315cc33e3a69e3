"""The index of a data set: every image with its class, its content hash and its size, and what is not used.

``survey`` reads headers only, so that the size at which pixels are kept can be chosen before anything is
decoded; ``pixels.decode_all`` then reads every file once and gives the ``DatasetIndex``. ``scan`` does both
and keeps no pixels.
"""

from __future__ import annotations

import hashlib
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from tlsearch.data.decode import DecodedImage, ImageError, calm_pillow, open_image, read_picture
from tlsearch.data.fingerprint import ImageFingerprint
from tlsearch.data.folders import TEST_PREFIX, ImageFile, Skipped, describe_no_images, find_files, find_test_files
from tlsearch.data.naming import group_names
from tlsearch.data.near_duplicates import find_near_duplicates
from tlsearch.data.parallel import CountListener, map_files
from tlsearch.errors import DataError, UsageError
from tlsearch.utils.units import counted

MIN_PER_CLASS = 4
"""Fewer images of a class cannot be divided into training, validation and test with any meaning."""

_CHECK_SIZE = 64  # side in pixels to which scan squeezes what it throws away


@dataclass(frozen=True, kw_only=True)
class ImageRecord:
    """One usable image.

    ``path`` is relative to the root with forward slashes, ``label`` a position in the classes, ``sha256``
    that of the file's bytes, ``width`` and ``height`` in pixels as the picture is looked at. ``split`` is
    train, val or test where the user's folders say so. ``constant`` pictures have a single colour. ``colours`` are
    the statistics that ``look.COLOURS`` names, none until the picture is decoded.
    """

    path: str
    label: int
    sha256: str
    width: int
    height: int
    split: str | None = None
    constant: bool = False
    colours: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What the headers say: records without hashes, sorted by path. ``test_root`` as in ``DatasetIndex``."""

    root: Path
    classes: tuple[str, ...]
    images: tuple[ImageRecord, ...]
    skipped: tuple[Skipped, ...]
    test_root: Path | None = None

    @property
    def median_short_side(self) -> int:
        """The median over images of the shorter side, in pixels."""
        return _median_short_side(self.images)


@dataclass(frozen=True, kw_only=True)
class DatasetIndex:
    """All usable images sorted by path, and what is not used with the reason.

    ``test_root`` is a folder outside ``root`` that holds the test images, where the user named one; their paths begin
    with ``test/``, as if it lay inside. ``lookalikes`` are pairs of rows, the lesser first, of unequal content that
    look alike (``likeness``).
    """

    root: Path
    classes: tuple[str, ...]
    images: tuple[ImageRecord, ...]
    skipped: tuple[Skipped, ...]
    test_root: Path | None = None
    lookalikes: tuple[tuple[int, int], ...] = ()

    def file(self, row: int) -> Path:
        """Where the file of an image lies."""
        return locate(self.images[row], self.root, self.test_root)

    def relative_path(self, row: int) -> str:
        """The path of an image below the folder that the user named, which is the data set's or that of the test."""
        return _relative(self.images[row], self.test_root)

    @cached_property
    def copies(self) -> tuple[tuple[int, int], ...]:
        """Rows of equal content: (the first, another)."""
        first: dict[str, int] = {}
        pairs = ((first.setdefault(image.sha256, row), row) for row, image in enumerate(self.images))
        return tuple((one, other) for one, other in pairs if one != other)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over path, label and content hash of every image: the same wherever the folder lies."""
        digest = hashlib.sha256("\0".join(self.classes).encode())
        for image in self.images:
            digest.update(f"\n{image.path}\0{image.label}\0{image.sha256}".encode())
        return digest.hexdigest()

    @property
    def has_splits(self) -> bool:
        """Whether the user's folders say which images are for training and which for testing."""
        return any(image.split is not None for image in self.images)

    @property
    def median_short_side(self) -> int:
        """The median over images of the shorter side, in pixels."""
        return _median_short_side(self.images)

    @cached_property
    def labels(self) -> tuple[int, ...]:
        """The label of every image."""
        return tuple(image.label for image in self.images)

    @property
    def counts(self) -> dict[str, int]:
        """Images of each class, in the order of ``classes``."""
        counter = Counter(self.labels)
        return {name: counter[label] for label, name in enumerate(self.classes)}


def survey(
    root: Path, progress: CountListener | None = None, test: Path | None = None, group_by: str | None = None
) -> Survey:
    """Find the images below ``root`` and read their headers, in parallel.

    ``test`` is a folder of class folders outside ``root`` that holds the test images. Files that are no images are not
    used. Raises ``DataError`` when the folder cannot serve as a data set, ``UsageError`` when it has a test folder of
    its own besides ``test`` or when ``group_by`` (``naming``) is of no use.
    """
    found, skipped = find_files(root)
    if test is not None:
        more, aside = _find_test(root, test, found)
        found, skipped = [*found, *more], [*skipped, *aside]
    if group_by is not None:
        group_names([_relative(file, test) for file in found], group_by)
    with calm_pillow():
        sizes = list(map_files(lambda file: _header_size(locate(file, root, test), file.path), found, progress))
    classes = tuple(sorted({file.class_name for file in found}))
    labels = {name: label for label, name in enumerate(classes)}
    images = []
    for file, size in zip(found, sizes, strict=True):
        if isinstance(size, str):
            skipped.append(Skipped(file.path, size))
        else:
            width, height = size
            label = labels[file.class_name]
            images.append(
                ImageRecord(path=file.path, label=label, sha256="", width=width, height=height, split=file.split)
            )
    images.sort(key=lambda image: image.path)
    result = Survey(
        root=root,
        classes=classes,
        images=tuple(images),
        skipped=tuple(sorted(skipped, key=lambda item: item.path)),
        test_root=test,
    )
    require_usable(result)
    return result


def scan(
    root: Path, progress: CountListener | None = None, test: Path | None = None, group_by: str | None = None
) -> DatasetIndex:
    """Survey and decode the whole data set, keeping no pixels. Raises what ``survey`` does."""
    found = survey(root, test=test, group_by=group_by)
    with calm_pillow():
        read = map_files(lambda image: read_image(found, image, _CHECK_SIZE), found.images, progress)
        return assemble(found, [item if isinstance(item, Skipped) else (item[0], item[1].look) for item in read])


def locate(image: ImageRecord | ImageFile, root: Path, test_root: Path | None) -> Path:
    """Where the file of an image lies."""
    inside = test_root if test_root is not None and image.split == "test" else root
    return inside / _relative(image, test_root)


def _relative(image: ImageRecord | ImageFile, test_root: Path | None) -> str:
    """The path below the folder that the user named, without the prefix of an outside test folder."""
    return image.path.removeprefix(TEST_PREFIX) if test_root is not None and image.split == "test" else image.path


def read_image(found: Survey, image: ImageRecord, size: int) -> tuple[ImageRecord, DecodedImage] | Skipped:
    """Decode one image: its completed record and what was read, or why it is not used."""
    try:
        picture = read_picture(locate(image, found.root, found.test_root), size, image.path)
    except ImageError as error:
        return Skipped(image.path, error.reason)
    record = replace(
        image,
        sha256=picture.sha256,
        width=picture.width,
        height=picture.height,
        constant=picture.constant,
        colours=picture.look.colours,
    )
    return record, picture


def assemble(found: Survey, outcomes: Sequence[tuple[ImageRecord, ImageFingerprint] | Skipped]) -> DatasetIndex:
    """The index from the outcome of every image of a survey; looks are compared here and kept no longer.

    Raises ``DataError`` when too few images are left.
    """
    read = [item for item in outcomes if not isinstance(item, Skipped)]
    broken = (item for item in outcomes if isinstance(item, Skipped))
    skipped = tuple(sorted((*found.skipped, *broken), key=lambda item: item.path))
    images = tuple(record for record, _ in read)
    index = DatasetIndex(
        root=found.root, classes=found.classes, images=images, skipped=skipped, test_root=found.test_root
    )
    require_usable(index)
    pairs = find_near_duplicates([look for _, look in read])
    return replace(index, lookalikes=tuple((a, b) for a, b in pairs if images[a].sha256 != images[b].sha256))


def require_usable(found: Survey | DatasetIndex) -> None:
    """Raise ``DataError`` unless there are two classes of four images, and every split has every class."""
    root, classes, images, skipped = found.root, found.classes, found.images, found.skipped
    if not images:
        raise DataError(describe_no_images(root, skipped))
    if len(classes) < 2:
        raise DataError(
            f"{root} holds images of one class only ({classes[0]}): put the images of each class into a "
            "folder of its own, at least two of them."
        )
    held = Counter(image.label for image in images)
    small = [f"{name} ({held[label]})" for label, name in enumerate(classes) if held[label] < MIN_PER_CLASS]
    if small:
        unused = f" ({counted(len(skipped), 'file')} not used)" if skipped else ""
        has, folder = ("has", "folder") if len(small) == 1 else ("have", "folders")
        raise DataError(
            f"Each class needs at least {MIN_PER_CLASS} readable images, but {_some(small)} in {root} {has} "
            f"fewer{unused}: add images or remove the class {folder}."
        )
    _require_same_classes(found)


def _require_same_classes(found: Survey | DatasetIndex) -> None:
    held: dict[str, set[int]] = {}
    for image in found.images:
        held.setdefault(image.split or "train", set()).add(image.label)
    if found.test_root is not None:
        held.setdefault("test", set())
        places = {"train": str(found.root), "test": str(found.test_root)}
    else:
        places = {}
    gaps = [
        f"{places.get(split, split)} lacks {_some(absent)}"
        for split, labels in sorted(held.items())
        if (absent := [name for label, name in enumerate(found.classes) if label not in labels])
    ]
    if gaps:
        which = f"{found.root} and --test" if found.test_root is not None else f"The split folders of {found.root}"
        raise DataError(
            f"{which} must hold the same classes, but {'; '.join(gaps)}: add images of them or remove the classes "
            "everywhere."
        )


def _find_test(root: Path, test: Path, found: Sequence[ImageFile]) -> tuple[list[ImageFile], list[Skipped]]:
    """The files of the test folder, which must be the only one and lie outside the data set."""
    if any(file.split == "test" or file.path.startswith(TEST_PREFIX) for file in found):
        raise UsageError(f"{root} has a test folder of its own: leave out --test, or move that folder away.")
    more, aside = find_test_files(test)
    inner, outer = test.resolve(), root.resolve()
    if inner == outer or outer in inner.parents or inner in outer.parents:
        raise UsageError(f"--test {test} and the data set {root} lie in each other: give each a folder of its own.")
    if not more:
        raise DataError(describe_no_images(test, aside))
    return more, aside


def _header_size(file: Path, name: str) -> tuple[int, int] | str:
    try:
        with open_image(file, name) as image:
            return image.size
    except ImageError as error:
        return error.reason


def _median_short_side(images: Sequence[ImageRecord]) -> int:
    return int(statistics.median(min(image.width, image.height) for image in images))


def _some(names: Sequence[str], limit: int = 5) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
