"""What could not be written into an MLflow store, kept in the output folder until it can."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tlsearch.utils import serialize
from tlsearch.utils.files import unusable, write_atomically

UNSENT_FOLDER = "unsent"
"""The folder inside the output folder."""

_ADDRESS, _IDS = "store.json", "ids.json"


@dataclass(frozen=True)
class Address:
    """The store and the experiment that the writes are meant for, and a run that was there before them, if any."""

    uri: str
    experiment: str
    run: str = ""


class Outbox:
    """Writes in the order in which they were meant, one file each; the folder appears with the first.

    ``ids`` are the store's ids of what has got one of our own while the store was away; they are kept as long as the
    folder is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting = sorted(folder.glob("[0-9]*.json"))
        self._next = 1 + int(self._waiting[-1].stem) if self._waiting else 0
        known = _read(folder / _IDS)
        self.ids: dict[str, str] = known if isinstance(known, dict) else {}

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def address(self) -> Address | None:
        """What the writes are meant for; None where nothing was ever kept, or the file that says it is damaged."""
        known = _read(self._folder / _ADDRESS)
        try:
            return serialize.FILE.decode(Address, known)
        except ValueError:
            return None

    def add(self, address: Address, name: str, arguments: Mapping[str, Any]) -> None:
        """Keep the write ``name``. Raises ``RunError`` where it cannot be kept."""
        if self.address is None:
            self._write(_ADDRESS, asdict(address))
        file = f"{self._next:08}.json"
        self._write(file, {"write": name, "arguments": arguments})
        self._next += 1
        self._waiting.append(self._folder / file)

    def send(self, write: Callable[[Any], None]) -> None:
        """Give the writes, ``{"write": name, "arguments": {...}}``, to ``write`` in their order; each is forgotten when
        it is done. A file that is damaged gives None, or anything. Raises what ``write`` does, and then keeps that one
        and those behind it."""
        while self._waiting:
            before = len(self.ids)
            write(_read(self._waiting[0]))
            if len(self.ids) > before:
                self._write(_IDS, self.ids)
            self._waiting.pop(0).unlink()

    def remove(self) -> None:
        """Remove the folder, when nothing waits and nobody needs the ids any more."""
        if not self._waiting and self._folder.exists():
            for file in (self._folder / _ADDRESS, self._folder / _IDS, *self._folder.glob(".*.part")):
                file.unlink(missing_ok=True)
            with suppress(OSError):  # somebody else may have put something there
                self._folder.rmdir()

    def _write(self, name: str, content: Any) -> None:
        text = json.dumps(content)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._folder / name, text, durable=True)
        except OSError as error:
            remedy = "make room there, then go on with `tlsearch resume`"
            raise unusable(self._folder, len(text), error, remedy) from error


def _read(file: Path) -> Any:
    """What a file holds; None where it is missing or damaged."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
