"""The index of a data set: every image with its class, its content hash and its size, and what was set aside.

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

from tlsearch.data.decode import ImageError, Picture, calm_pillow, open_image, read_picture
from tlsearch.data.layout import Found, Skipped, describe_no_images, find_files
from tlsearch.data.likeness import find_lookalikes
from tlsearch.data.look import Look
from tlsearch.data.parallel import Progress, map_files
from tlsearch.errors import DataError

MIN_PER_CLASS = 4
"""Fewer images of a class cannot be divided into training, validation and test with any meaning."""

TEST_PREFIX = "test/"
"""What the paths of images in a test folder outside the data set begin with."""

_CHECK_SIZE = 64  # side in pixels to which scan squeezes what it throws away


@dataclass(frozen=True)
class ImageRecord:
    """One usable image.

    ``path`` is relative to the root with forward slashes, ``label`` a position in the classes, ``sha256``
    that of the file's bytes, ``width`` and ``height`` in pixels as the picture is looked at. ``split`` is
    train, val or test where the user's folders say so. ``constant`` pictures have a single colour. ``look`` is what
    they are compared by, None until they are decoded.
    """

    path: str
    label: int
    sha256: str
    width: int
    height: int
    split: str | None = None
    constant: bool = False
    look: Look | None = None


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class DatasetIndex:
    """All usable images sorted by path, and what was set aside with the reason.

    ``test_root`` is a folder outside ``root`` that holds the test images, where the user named one; their paths begin
    with ``test/``, as if it lay inside.
    """

    root: Path
    classes: tuple[str, ...]
    images: tuple[ImageRecord, ...]
    skipped: tuple[Skipped, ...]
    test_root: Path | None = None

    def file(self, row: int) -> Path:
        """Where the file of an image lies."""
        return locate(self.images[row], self.root, self.test_root)

    def relative_path(self, row: int) -> str:
        """The path of an image below the folder that the user named, which is the data set's or that of the test."""
        image = self.images[row]
        return image.path.removeprefix(TEST_PREFIX) if is_outside(image, self.test_root) else image.path

    @cached_property
    def copies(self) -> tuple[tuple[int, int], ...]:
        """Rows of equal content: (the first, another)."""
        first: dict[str, int] = {}
        pairs = ((first.setdefault(image.sha256, row), row) for row, image in enumerate(self.images))
        return tuple((one, other) for one, other in pairs if one != other)

    @cached_property
    def lookalikes(self) -> tuple[tuple[int, int], ...]:
        """Pairs of rows, the lesser first, that look alike (``likeness.find_lookalikes``), without equal content."""
        pairs = find_lookalikes([image.look for image in self.images])
        return tuple((a, b) for a, b in pairs if self.images[a].sha256 != self.images[b].sha256)

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

    @property
    def labels(self) -> tuple[int, ...]:
        """The label of every image."""
        return tuple(image.label for image in self.images)

    @property
    def counts(self) -> dict[str, int]:
        """Images of each class, in the order of ``classes``."""
        counter = Counter(self.labels)
        return {name: counter[label] for label, name in enumerate(self.classes)}


def survey(root: Path, progress: Progress | None = None) -> Survey:
    """Find the images below ``root`` and read their headers, in parallel.

    Files that are no images are set aside. Raises ``DataError`` when the folder cannot serve as a data set.
    """
    found, skipped = find_files(root)
    with calm_pillow():
        sizes = list(map_files(lambda file: _header_size(root, file), found, progress))
    classes = tuple(sorted({file.class_name for file in found}))
    labels = {name: label for label, name in enumerate(classes)}
    images = []
    for file, size in zip(found, sizes, strict=True):
        if isinstance(size, str):
            skipped.append(Skipped(file.path, size))
        else:
            images.append(ImageRecord(file.path, labels[file.class_name], "", *size, split=file.split))
    result = Survey(root, classes, tuple(images), tuple(sorted(skipped, key=lambda item: item.path)))
    require_usable(root, classes, result.images, result.skipped)
    return result


def scan(root: Path, progress: Progress | None = None) -> DatasetIndex:
    """Survey and decode the whole data set, keeping no pixels. Raises ``DataError`` as ``survey`` does."""
    found = survey(root)
    with calm_pillow():
        pictures = map_files(lambda image: read_image(found, image, _CHECK_SIZE)[0], found.images, progress)
        return assemble(found, list(pictures))


def locate(image: ImageRecord, root: Path, test_root: Path | None) -> Path:
    """Where the file of an image lies."""
    if test_root is not None and is_outside(image, test_root):
        return test_root / image.path.removeprefix(TEST_PREFIX)
    return root / image.path


def is_outside(image: ImageRecord, test_root: Path | None) -> bool:
    """Whether an image lies in the test folder that the user named beside the data set."""
    return test_root is not None and image.split == "test"


def read_image(found: Survey, image: ImageRecord, size: int) -> tuple[ImageRecord | Skipped, Picture | None]:
    """Decode one image: its completed record and what was read, or why it is set aside and None."""
    try:
        picture = read_picture(locate(image, found.root, found.test_root), size, image.path)
    except ImageError as error:
        return Skipped(image.path, error.reason), None
    record = replace(
        image,
        sha256=picture.sha256,
        width=picture.width,
        height=picture.height,
        constant=picture.constant,
        look=picture.look,
    )
    return record, picture


def assemble(found: Survey, outcomes: Sequence[ImageRecord | Skipped]) -> DatasetIndex:
    """The index from the outcome of every image of a survey. Raises ``DataError`` when too few are left."""
    images = tuple(item for item in outcomes if isinstance(item, ImageRecord))
    broken = (item for item in outcomes if isinstance(item, Skipped))
    skipped = tuple(sorted((*found.skipped, *broken), key=lambda item: item.path))
    index = DatasetIndex(found.root, found.classes, images, skipped, found.test_root)
    require_usable(index.root, index.classes, index.images, index.skipped)
    return index


def require_usable(
    root: Path, classes: Sequence[str], images: Sequence[ImageRecord], skipped: Sequence[Skipped]
) -> None:
    """Raise ``DataError`` unless there are two classes of four images, and every split has every class."""
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
        aside = f" ({len(skipped)} files were set aside)" if skipped else ""
        raise DataError(
            f"Each class needs at least {MIN_PER_CLASS} readable images, but {_some(small)} in {root} has "
            f"fewer{aside}: add images or remove the class folder."
        )
    _require_same_classes(root, classes, images)


def _require_same_classes(root: Path, classes: Sequence[str], images: Sequence[ImageRecord]) -> None:
    held: dict[str, set[int]] = {}
    for image in images:
        if image.split is not None:
            held.setdefault(image.split, set()).add(image.label)
    gaps = [
        f"{split} lacks {_some([name for label, name in enumerate(classes) if label not in labels])}"
        for split, labels in sorted(held.items())
        if len(labels) < len(classes)
    ]
    if gaps:
        raise DataError(
            f"The split folders of {root} must hold the same classes, but {'; '.join(gaps)}: add images of "
            "them or remove the classes everywhere."
        )


def _header_size(root: Path, file: Found) -> tuple[int, int] | str:
    try:
        with open_image(root / file.path, file.path) as image:
            return image.size
    except ImageError as error:
        return error.reason


def _median_short_side(images: Sequence[ImageRecord]) -> int:
    return int(statistics.median(min(image.width, image.height) for image in images))


def _some(names: Sequence[str], limit: int = 5) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
