"""Readers: what a source of labelled images holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from tlsearch.folders.boxes.box import AnnotatedBox
from tlsearch.folders.walk import Skipped
from tlsearch.plugins.kinds.kind import PluginKind, about

READER_GROUP = "tlsearch.readers"

PartName = Literal["train", "val", "test"]

ReadingProgress: TypeAlias = Callable[[float, float, str], None]
"""Called with how much is done, of how much, and what it is, in words. What is done never becomes less."""


def no_progress(done: float, total: float, what: str) -> None:
    """Nobody looks."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One labelled image of a source.

    Attributes:
        path: Its name for people, unique in the source, with forward slashes. Images are sorted by it.
        file: The file that holds the image.
        labels: Its classes. A run takes one each; an item of several is refused by name.
        split: The part that it belongs to where the source says so.
        fold: The name of the fold that it belongs to where the source says so.
        group: A name that it shares with the images that must stay on its side of every split.
        weight: How much it counts in training, above 0; 1 is one image.
        prefix: What stands in ``path`` before the path below the folder that the user named: ``test/`` for an image in
            a test folder outside the data set. Patterns of groups are searched in what follows it.
        boxes: The boxes around things in it, where the source says so. Nothing is trained on them.
    """

    path: str
    file: Path
    labels: frozenset[str]
    split: PartName | None = None
    fold: str | None = None
    group: str | None = None
    weight: float = 1.0
    prefix: str = ""
    boxes: tuple[AnnotatedBox, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """What a user has said of a source.

    Attributes:
        layout: ``auto`` or the name of a layout of folders.
        parts: The folders that the user names for train, val and test.
        exclude: Patterns of names or paths that take no part.
        images: The folder that the paths in a table start from.
        columns: The columns of a table by role: image, label, split, group, weight.
        cache: A folder below the user's cache folder where a reader may keep what it unpacks, converts or downloads.
            The engine sets it.
        progress: Is told how far a reader is that takes long: ``progress(done, total, what)``, in any unit, from the
            thread that called ``read``. The default does nothing.
        read: Reads another source with the readers of the engine and with these options: what an archive or an address
            has been unpacked to. The engine sets it.
    """

    layout: str = "auto"
    parts: Mapping[PartName, str] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    images: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    cache: Path | None = None
    progress: ReadingProgress = no_progress
    read: Callable[[str], Reading] | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a reader found in a source.

    Attributes:
        root: The folder that the paths of items start from; for a reader without one, the source itself.
        items: The images. A file that turns out to be no image is left out later.
        skipped: What takes no part, with the reason. A folder is one entry that says how many images are in it.
        passed_over: How many entries of each kind were passed over because no person means them.
        understood: How the source was read, a short line each: ``train: seg_train (6 classes, 240 files)``.
        notes: What a person should know before trusting a number, a sentence each.
        source: What messages call the source where it is not ``root``: an archive, or an address without secrets.
    """

    root: Path
    items: tuple[Item, ...]
    skipped: tuple[Skipped, ...] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict)
    understood: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    source: str = ""


@runtime_checkable
class Reader(Protocol):
    """Gives the labelled images of a source: a folder, a file or an address.

    The built-in readers are asked last, so that a plugin can take a source that one of them would take. A reader with
    the attribute ``general`` is asked after all others: it takes what nobody else knows. ``read`` raises
    ``tlsearch.errors.DataError`` with a sentence that says what is wrong with the source and how to fix it.
    """

    api_version: int
    name: str

    def accepts(self, source: str) -> bool:
        """Whether this reader reads ``source``. It is quick and opens little."""

    def read(self, source: str, options: ReadingOptions) -> Reading:
        """What ``source`` holds; the same source gives the same items."""

    def example(self, folder: Path) -> str:
        """Write a small source with two labels or more into ``folder``, which is empty, and give its address.

        The conformance checks read it.
        """


def _describe(plugin: Reader) -> dict[str, Any]:
    return about(plugin)


KIND = PluginKind(
    name="reader",
    group=READER_GROUP,
    contract=Reader,
    summary="reads a source of labelled images",
    usage="",
    checks="tlsearch.testing.reader:CHECKS",
    uses_backend=False,
    describe=_describe,
)
