"""The index of a data set: every image with its class, its content hash and its size, and what is not used.

A reader says which files there are (``sources``). ``survey`` reads their headers only, so that the size at which pixels
are kept can be chosen before anything is decoded; ``pixels.decode_all`` then reads every file once and gives the
``DatasetIndex``. ``scan`` does all of it and keeps no pixels.
"""

from __future__ import annotations

import hashlib
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from tlsearch.config import LookAlikes, Resize
from tlsearch.data.decode import DecodedImage, ImageError, calm_pillow, deep_range, open_image, read_picture
from tlsearch.data.deep_greys import describe, window_of
from tlsearch.data.fingerprint import ImageFingerprint
from tlsearch.data.look_alikes import pairs_that_count
from tlsearch.data.naming import group_names
from tlsearch.data.near_duplicates import find_near_duplicates
from tlsearch.data.parallel import CountListener, map_files
from tlsearch.data.rgb import PLAIN, Decoding, is_deep
from tlsearch.data.source_parts import settle_parts
from tlsearch.data.sources import read_source
from tlsearch.data.usable import label_of, require_usable
from tlsearch.folders.walk import Skipped
from tlsearch.plugins.kinds.reader import Item, Reading, ReadingOptions

_CHECK_SIZE = 64  # side in pixels to which scan squeezes what it throws away


@dataclass(frozen=True, kw_only=True)
class ImageRecord:
    """One usable image.

    Attributes:
        path: Its name for people, with forward slashes; for files in a folder the path below the data set.
        label: A position in the classes.
        sha256: The hash of the file's bytes.
        width: In pixels, as the picture is looked at.
        height: In pixels.
        split: train, val or test where the source says so.
        constant: Whether the picture has a single colour.
        colours: The statistics that ``fingerprint.COLOURS`` names, none until the picture is decoded.
        fold: The name of a fold where the source says so.
        group: A name shared by images that must stay on one side of every split.
        weight: How much it counts in training.
        prefix: What stands in ``path`` before the path below the folder that the user named.
    """

    path: str
    label: int
    sha256: str
    width: int
    height: int
    split: str | None = None
    constant: bool = False
    colours: tuple[float, ...] = ()
    fold: str | None = None
    group: str | None = None
    weight: float = 1.0
    prefix: str = ""

    @property
    def own_path(self) -> str:
        """The path below the folder that the user named, which is the data set's or that of a part."""
        return self.path.removeprefix(self.prefix)


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What the headers say: records without hashes, sorted by path, and their files. ``reading`` has no items."""

    root: Path
    classes: tuple[str, ...]
    images: tuple[ImageRecord, ...]
    skipped: tuple[Skipped, ...]
    files: tuple[Path, ...] = ()
    reading: Reading | None = None
    look_alikes: LookAlikes = "auto"
    decoding: Decoding = PLAIN

    @property
    def median_short_side(self) -> int:
        """The median over images of the shorter side, in pixels."""
        return _median_short_side(self.images)


@dataclass(frozen=True, kw_only=True)
class DatasetIndex:
    """All usable images sorted by path, their files, and what is not used with the reason.

    ``lookalikes`` are pairs of rows, the lesser first, of unequal content that look alike (``near_duplicates``) and are
    kept together; ``look_alikes`` is what was asked for (``look_alikes.pairs_that_count``).
    ``reading`` is what the reader said, without its items.
    """

    root: Path
    classes: tuple[str, ...]
    images: tuple[ImageRecord, ...]
    skipped: tuple[Skipped, ...]
    files: tuple[Path, ...] = ()
    lookalikes: tuple[tuple[int, int], ...] = ()
    reading: Reading | None = None
    look_alikes: LookAlikes = "auto"
    decoding: Decoding = PLAIN

    def file(self, row: int) -> Path:
        """Where the file of an image lies."""
        return self.files[row]

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
    reading: Reading,
    progress: CountListener | None = None,
    group_by: str | None = None,
    look_alikes: LookAlikes = "auto",
    resize: Resize = "squash",
) -> Survey:
    """Read the headers of the files that a reader found, in parallel.

    Files that are no images are not used. Raises ``DataError`` when what is left cannot serve as a data set,
    ``UsageError`` when ``group_by`` (``naming``) is of no use.
    """
    items, skipped = list(reading.items), list(reading.skipped)
    if group_by is not None:
        group_names([item.path.removeprefix(item.prefix) for item in items], group_by)
    with calm_pillow():
        headers = list(map_files(lambda item: _header(item.file, item.path), items, progress))
    classes = tuple(sorted({label_of(item) for item in items}))
    labels = {name: label for label, name in enumerate(classes)}
    found: list[tuple[ImageRecord, Path]] = []
    for item, header in zip(items, headers, strict=True):
        if isinstance(header, str):
            skipped.append(Skipped(item.path, header))
        else:
            found.append((_record(item, labels[label_of(item)], header.size), item.file))
    found.sort(key=lambda pair: pair[0].path)
    images, understood, notes = settle_parts([record for record, _ in found])
    deep = [
        item.file for item, header in zip(items, headers, strict=True) if not isinstance(header, str) and header.deep
    ]
    window, window_line = _measure_window(deep)
    said = (*reading.understood, *understood, *window_line)
    result = Survey(
        root=reading.root,
        classes=classes,
        images=images,
        skipped=tuple(sorted(skipped, key=lambda entry: entry.path)),
        files=tuple(file for _, file in found),
        reading=replace(reading, items=(), understood=said, notes=(*reading.notes, *notes)),
        look_alikes=look_alikes,
        decoding=Decoding(window, resize),
    )
    require_usable(result)
    return result


def scan(
    source: Path | str,
    progress: CountListener | None = None,
    options: ReadingOptions | None = None,
    group_by: str | None = None,
    look_alikes: LookAlikes = "auto",
) -> DatasetIndex:
    """Read a source, survey it and decode all of it, keeping no pixels. Raises what ``survey`` does."""
    found = survey(read_source(source, options), group_by=group_by, look_alikes=look_alikes)
    with calm_pillow():
        read = map_files(lambda row: read_image(found, row, _CHECK_SIZE), range(len(found.images)), progress)
        return assemble(found, [item if isinstance(item, Skipped) else (item[0], item[1].look) for item in read])


def read_image(found: Survey, row: int, size: int) -> tuple[ImageRecord, DecodedImage] | Skipped:
    """Decode one image: its completed record and what was read, or why it is not used."""
    image = found.images[row]
    try:
        picture = read_picture(found.files[row], size, image.path, found.decoding)
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
    kept = [row for row, item in enumerate(outcomes) if not isinstance(item, Skipped)]
    read = [item for item in outcomes if not isinstance(item, Skipped)]
    broken = (item for item in outcomes if isinstance(item, Skipped))
    skipped = tuple(sorted((*found.skipped, *broken), key=lambda item: item.path))
    images = tuple(record for record, _ in read)
    files = tuple(found.files[row] for row in kept)
    index = DatasetIndex(
        root=found.root,
        classes=found.classes,
        images=images,
        skipped=skipped,
        files=files,
        reading=found.reading,
        look_alikes=found.look_alikes,
        decoding=found.decoding,
    )
    require_usable(index)
    if found.look_alikes != "auto":
        return index
    pairs = find_near_duplicates([look for _, look in read])
    unequal = [(one, other) for one, other in pairs if images[one].sha256 != images[other].sha256]
    alike, warning = pairs_that_count(unequal, index.labels, index.classes)
    reading = found.reading
    if warning is not None and reading is not None:
        reading = replace(reading, notes=(*reading.notes, warning))
    return replace(index, lookalikes=tuple(alike), reading=reading)


def _record(item: Item, label: int, size: tuple[int, int]) -> ImageRecord:
    return ImageRecord(
        path=item.path,
        label=label,
        sha256="",
        width=size[0],
        height=size[1],
        split=item.split,
        fold=item.fold,
        group=item.group,
        weight=item.weight,
        prefix=item.prefix,
    )


@dataclass(frozen=True)
class _Header:
    """Width and height in pixels, and whether a picture holds greys of more than 8 bits."""

    size: tuple[int, int]
    deep: bool


def _header(file: Path, name: str) -> _Header | str:
    """What the header of a file says, or why it is not used."""
    try:
        with open_image(file, name) as image:
            return _Header(image.size, is_deep(image))
    except ImageError as error:
        return error.reason


def _measure_window(files: Sequence[Path]) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    """The window of deep greys over all ``files``, which are decoded for it, and a line that says so."""
    with calm_pillow():
        ranges = [found for found in map_files(deep_range, files) if found is not None]
    window = window_of(ranges)
    return window, (describe(window, len(ranges)),) if window is not None else ()


def _median_short_side(images: Sequence[ImageRecord]) -> int:
    return int(statistics.median(min(image.width, image.height) for image in images))
