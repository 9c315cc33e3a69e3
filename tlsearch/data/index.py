"""The records of a data set: every image with its class, its content hash and its size, and what is not used."""

from __future__ import annotations

import hashlib
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tlsearch.config_values import LookAlikes, Resize
from tlsearch.data.images.rgb import PLAIN, Decoding
from tlsearch.folders.boxes.box import AnnotatedBox
from tlsearch.folders.walk import Skipped
from tlsearch.plugins.kinds.reader import Reading


@dataclass(frozen=True, kw_only=True)
class ImageOptions:
    """What a user asks for of the images of a data set.

    Attributes:
        group_by: A regular expression that finds the name of a group in a path.
        look_alikes: What is kept together: pictures that look alike, but for classes in which most do, copies only, or
            nothing.
        resize: How pictures become squares; ``auto`` squashes them until a run has measured what is better.
        drop_small: Whether classes that are too small to be divided are left out.
        max_pixels: The most pixels that a picture may have; None asks for the memory that decoding it needs.
    """

    group_by: str | None = None
    look_alikes: LookAlikes = "auto"
    resize: Resize = "auto"
    drop_small: bool = False
    max_pixels: int | None = None


DEFAULTS = ImageOptions()


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
        boxes: The boxes around things in it as the source gives them. They are no part of the data set's fingerprint.
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
    boxes: tuple[AnnotatedBox, ...] = ()

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
    options: ImageOptions = DEFAULTS
    decoding: Decoding = PLAIN

    @property
    def median_short_side(self) -> int:
        """The median over images of the shorter side, in pixels."""
        return _median_short_side(self.images)


@dataclass(frozen=True, kw_only=True)
class DatasetIndex:
    """All usable images sorted by path, their files, and what is not used with the reason.

    ``lookalikes`` are pairs of rows, the lesser first, of unequal content that look alike (``near_duplicates``) and are
    kept together (``look_alikes.pairs_that_count``), of a large group as many as join it (``found_pairs``);
    ``look_alikes`` is what was asked for.
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
            weight = "" if image.weight == 1 else f"\0{image.weight}"
            digest.update(f"\n{image.path}\0{image.label}\0{image.sha256}{weight}".encode())
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


def _median_short_side(images: Sequence[ImageRecord]) -> int:
    return int(statistics.median(min(image.width, image.height) for image in images))
