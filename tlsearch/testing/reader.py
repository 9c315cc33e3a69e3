"""What is checked of a reader: the source that it writes as an example is read as the contract says."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

from tlsearch.data.sources import completed
from tlsearch.errors import TlsearchError
from tlsearch.folders.boxes.box import AnnotatedBox
from tlsearch.plugins import registry
from tlsearch.plugins.kinds.reader import Item, PartName, Reader, Reading, ReadingOptions
from tlsearch.testing.outcome import Check, needs


@contextmanager
def _example(plugin: Reader) -> Iterator[tuple[Path, str, ReadingOptions]]:
    """A folder that is deleted afterwards, and the source that the reader has written there."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cache:
        source = plugin.example(Path(folder))
        assert isinstance(source, str), f"example() gives {source!r}, where a text is needed"
        assert source, "example() gives an empty text"
        yield Path(folder), source, completed(ReadingOptions(cache=Path(cache)))


def check_contract(plugin: Reader) -> None:
    """Attributes and methods."""
    fault = registry.contract_fault("reader", plugin, getattr(plugin, "name", ""))
    assert fault is None, fault


@needs(check_contract)
def check_accepts(plugin: Reader) -> None:
    """It accepts its own example, and says so with a bool."""
    with _example(plugin) as (_, source, _options):
        answer: Any = plugin.accepts(source)
        assert answer is True, f"accepts() says {answer!r} of the reader's own example"


@needs(check_accepts)
def check_items(plugin: Reader) -> None:
    """Items have names, files, labels, parts and weights as the contract says; every file can be read."""
    with _example(plugin) as (_, source, options):
        reading: Any = plugin.read(source, options)
        assert isinstance(reading, Reading), f"read() gives {type(reading).__name__}, where a Reading is needed"
        assert reading.items, "read() finds no item in the reader's own example"
        for item in reading.items:
            _check_item(item)
        paths = [item.path for item in reading.items]
        doubled = next((path for path in paths if paths.count(path) > 1), None)
        assert doubled is None, f"two items are called {doubled!r}"
        labels = {label for item in reading.items for label in item.labels}
        assert len(labels) >= 2, f"the example has the labels {sorted(labels)}, where at least two are needed"


def _check_item(item: Item) -> None:
    assert item.path, "an item has an empty path"
    assert "\\" not in item.path, f"the path {item.path!r} has a backslash"
    assert not item.path.startswith("/"), f"the path {item.path!r} begins with a slash"
    assert isinstance(item.labels, frozenset), f"the labels of {item.path} are no frozenset"
    assert item.labels, f"{item.path} has no label"
    assert all(isinstance(label, str) and label for label in item.labels), f"a label of {item.path} is no text"
    assert item.split in (None, *get_args(PartName)), f"the split of {item.path} is {item.split!r}"
    assert item.weight > 0, f"the weight of {item.path} is {item.weight}"
    assert all(isinstance(box, AnnotatedBox) for box in item.boxes), f"a box of {item.path} is no AnnotatedBox"
    assert item.file.is_file(), f"there is no file {item.file} for {item.path}"


@needs(check_items)
def check_same(plugin: Reader) -> None:
    """The same source gives the same items a second time, and is left as it was."""
    with _example(plugin) as (folder, source, options):
        before = _contents(folder)
        first, second = (plugin.read(source, options).items for _ in range(2))
        assert first == second, "read() gives other items the second time"
        assert _contents(folder) == before, "read() changes the source"


@needs(check_contract)
def check_missing(plugin: Reader) -> None:
    """A source that is not there is refused with an error of ``tlsearch.errors``, not another."""
    with tempfile.TemporaryDirectory() as folder:
        source = str(Path(folder) / "not there")
        try:
            plugin.read(source, completed(ReadingOptions(cache=Path(folder))))
        except TlsearchError:
            return
        except Exception as error:
            raise AssertionError(f"a source that is not there raises {type(error).__name__}: {error}") from error
        raise AssertionError("a source that is not there is read without an error")


def _contents(folder: Path) -> dict[str, str]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


CHECKS: Mapping[str, Check] = {
    "keeps the contract": check_contract,
    "accepts its example": check_accepts,
    "gives items as the contract says": check_items,
    "reads the same twice and changes nothing": check_same,
    "refuses what is not there": check_missing,
}
