"""From a reading to an index: headers first, then every file once.

A reader says which files there are (``sources``). ``survey`` reads their headers only, so that the size at which pixels
are kept can be chosen before anything is decoded; ``pixels.decode_all`` then reads every file once and gives the
``DatasetIndex``. ``scan`` does all of it and keeps no pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from tlsearch.data.groups import group_names
from tlsearch.data.images.decode import (
    DecodedImage,
    ImageError,
    calm_pillow,
    deep_range,
    draft,
    open_image,
    read_picture,
)
from tlsearch.data.images.deep_colours import brightest, has_deep_colours, remark_dark
from tlsearch.data.images.deep_greys import describe, window_of
from tlsearch.data.images.frames import has_more_pictures, remark_more
from tlsearch.data.images.parallel import CountListener, map_files
from tlsearch.data.images.rgb import LOOK_SIZE, Decoding, is_deep
from tlsearch.data.index import DEFAULTS, DatasetIndex, ImageOptions, ImageRecord, Survey
from tlsearch.data.near_duplicates.find import find_near_duplicates
from tlsearch.data.near_duplicates.fingerprint import ImageFingerprint
from tlsearch.data.near_duplicates.look_alikes import own_classes, pairs_that_count, settled_rows
from tlsearch.data.near_duplicates.store import FingerprintStore
from tlsearch.data.near_duplicates.unions import with_copies
from tlsearch.data.small_classes import drop_few, drop_small
from tlsearch.data.source_parts import settle_parts
from tlsearch.data.sources import read_source
from tlsearch.data.usable import label_of, require_one_label, require_usable
from tlsearch.folders.walk import Skipped
from tlsearch.plugins.kinds.reader import Item, Reading, ReadingOptions

Outcome: TypeAlias = tuple[ImageRecord, ImageFingerprint] | Skipped
"""The completed record of an image and its look, or why it is not used."""

_CHECK_SIZE = 64  # side in pixels to which scan squeezes what it throws away


def survey(reading: Reading, progress: CountListener | None = None, options: ImageOptions = DEFAULTS) -> Survey:
    """Read the headers of the files that a reader found, in parallel.

    Files that are no images are not used. Raises ``DataError`` when an image has no label or several, or when what is
    left cannot serve as a data set,
    ``UsageError`` when ``group_by`` is of no use.
    """
    items, skipped = list(reading.items), list(reading.skipped)
    require_one_label(items)
    if options.group_by is not None:
        group_names([item.path.removeprefix(item.prefix) for item in items], options.group_by)
    with calm_pillow():
        headers = list(map_files(lambda item: _header(item.file, item.path, options.max_pixels), items, progress))
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
    read = [(item.file, header) for item, header in zip(items, headers, strict=True) if not isinstance(header, str)]
    window, window_line = _measure_window([file for file, header in read if header.deep], options.max_pixels)
    dark = _remark_dark([file for file, header in read if header.deep_colours], options.max_pixels)
    more = remark_more(sum(header.more for _, header in read))
    lines = (*reading.understood, *understood, *window_line)
    result = Survey(
        root=reading.root,
        classes=classes,
        images=images,
        skipped=tuple(sorted(skipped, key=lambda entry: entry.path)),
        files=tuple(file for _, file in found),
        reading=replace(reading, items=(), understood=lines, notes=(*reading.notes, *notes, *dark, *more)),
        options=options,
        decoding=Decoding(window, "squash" if options.resize == "auto" else options.resize, options.max_pixels),
    )
    if options.drop_small:
        result = drop_few(result)
    require_usable(result)
    return result


def scan(
    source: Path | str,
    progress: CountListener | None = None,
    reading: ReadingOptions | None = None,
    options: ImageOptions = DEFAULTS,
) -> DatasetIndex:
    """Read a source, survey it and decode all of it, keeping no pixels. Raises what ``survey`` does."""
    found = survey(read_source(source, reading), options=options)

    def read(row: int) -> Outcome:
        outcome = read_image(found, row, _CHECK_SIZE)
        return outcome if isinstance(outcome, Skipped) else (outcome[0], outcome[1].look)

    with calm_pillow():
        return assemble(found, map_files(read, range(len(found.images)), progress))


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


def assemble(found: Survey, outcomes: Iterable[Outcome], folder: Path | None = None) -> DatasetIndex:
    """The index from the outcome of every image of a survey, in order; looks are compared here and kept no longer.

    Until they are, their thumbnails are in a file in ``folder``, or in the system's folder for temporary files. Raises
    ``DataError`` when too few images are left, ``RunError`` when the disk is full.
    """
    with ExitStack() as stack:
        looks: FingerprintStore | None = None
        if found.options.look_alikes == "auto":
            looks = stack.enter_context(FingerprintStore(len(found.images), folder))
        read = [_keep_look(outcome, looks) for outcome in outcomes]
        index = _index(found, read)
        if looks is not None:
            index = _with_look_alikes(index, looks)
    if found.options.drop_small:
        index = drop_small(index, found.options.group_by)
    require_usable(index)
    return index


def _keep_look(outcome: Outcome, looks: FingerprintStore | None) -> ImageRecord | Skipped:
    if isinstance(outcome, Skipped):
        return outcome
    record, look = outcome
    if looks is not None:
        looks.add(look)
    return record


def _index(found: Survey, read: Sequence[ImageRecord | Skipped]) -> DatasetIndex:
    """The index of what could be read, before looks are compared."""
    broken = (item for item in read if isinstance(item, Skipped))
    return DatasetIndex(
        root=found.root,
        classes=found.classes,
        images=tuple(item for item in read if not isinstance(item, Skipped)),
        skipped=tuple(sorted((*found.skipped, *broken), key=lambda item: item.path)),
        files=tuple(file for file, item in zip(found.files, read, strict=True) if not isinstance(item, Skipped)),
        reading=found.reading,
        look_alikes=found.options.look_alikes,
        decoding=found.decoding,
    )


def _with_look_alikes(index: DatasetIndex, looks: FingerprintStore) -> DatasetIndex:
    """The index with the pairs that look alike, and a note where the rule does not fit a class or these images.

    ``looks`` are those of its images. Of images with equal content only the first is compared, for all of them.
    """
    copies, labels = index.copies, index.labels
    pairs = find_near_duplicates(
        looks,
        [copy for _, copy in copies],
        own_classes(labels, copies),
        lambda some: settled_rows(with_copies(some, copies), labels, copies),
    )
    paths = [image.path for image in index.images]
    alike, warning = pairs_that_count(with_copies(pairs, copies), labels, index.classes, paths)
    reading = index.reading
    if warning is not None and reading is not None:
        reading = replace(reading, notes=(*reading.notes, warning))
    return replace(index, lookalikes=tuple((one, other) for one, other in alike.tolist()), reading=reading)


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
        boxes=item.boxes,
    )


@dataclass(frozen=True)
class _Header:
    """What a header says.

    Attributes:
        size: Width and height in pixels.
        deep: Whether the picture holds greys of more than 8 bits.
        deep_colours: Whether it holds colours of more than 8 bits.
        more: Whether other pictures follow in the file.
    """

    size: tuple[int, int]
    deep: bool
    deep_colours: bool
    more: bool = False


def _header(file: Path, name: str, max_pixels: int | None) -> _Header | str:
    """What the header of a file says, or why it is not used."""
    try:
        with open_image(file, name, max_pixels) as image:
            header = _Header(image.size, is_deep(image), has_deep_colours(image))
            draft(image, LOOK_SIZE, name, max_pixels)
            return replace(header, more=has_more_pictures(image))
    except ImageError as error:
        return error.reason


def _measure_window(
    files: Sequence[Path], max_pixels: int | None
) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    """The window of deep greys over all ``files``, which are decoded for it, and a line that says so."""
    with calm_pillow():
        ranges = [found for found in map_files(partial(deep_range, max_pixels=max_pixels), files) if found is not None]
    window = window_of(ranges)
    return window, (describe(window, len(ranges)),) if window is not None else ()


def _remark_dark(files: Sequence[Path], max_pixels: int | None) -> tuple[str, ...]:
    """A note where colours of 16 bits are nearly black as they are read; ``files`` are decoded for it."""
    with calm_pillow():
        found = map_files(partial(brightest, max_pixels=max_pixels), files)
        return remark_dark([value for value in found if value is not None])
