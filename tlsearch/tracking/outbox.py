"""What could not be written into an MLflow store, kept in the output folder until it can."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlsearch.tracking.commands import AnyCommand, Command
from tlsearch.utils import serialize
from tlsearch.utils.files import unusable, write_atomically

if TYPE_CHECKING:
    from tlsearch.tracking.sender import Sender

UNSENT_FOLDER = "unsent"
"""The folder inside the output folder."""

_ADDRESS, _IDS = "store.json", "ids.json"

# Names of commands in folders that were left by tlsearch before commands were classes.
_FORMER_NAMES = {"open_again": "ReopenRun", "register": "RegisterModel"}


@dataclass(frozen=True)
class Address:
    """The store and the experiment that commands are meant for, and a run that was there before them, if any."""

    uri: str
    experiment: str
    run: str = ""


class Outbox:
    """Commands in the order in which they were meant, one file each; the folder appears with the first.

    Those that keep files have a lane of their own, so that an artifact store that fails holds up nothing else. ``ids``
    are the store's ids of what has got one of our own while the store was away; they are kept as long as the folder is.
    """

    def __init__(self, folder: Path) -> None:
        """Open the folder, which need not be there."""
        self._folder = folder
        waiting = sorted(folder.glob("[0-9]*.json"))
        self._lanes: dict[bool, list[Path]] = {False: [], True: []}
        for file in waiting:
            self._lanes[_is_file(_command(_read(file)))].append(file)
        self._next = 1 + int(waiting[-1].stem) if waiting else 0
        known = _read(folder / _IDS)
        self.ids: dict[str, str] = known if isinstance(known, dict) else {}

    def __len__(self) -> int:
        """Give how many commands wait."""
        return self.records + self.files

    @property
    def records(self) -> int:
        """How many commands wait that need the records of the store alone."""
        return len(self._lanes[False])

    @property
    def files(self) -> int:
        """How many commands wait that keep files, or need what only files bring."""
        return len(self._lanes[True])

    @property
    def address(self) -> Address | None:
        """What the commands are meant for; None where nothing was ever kept, or the file that says it is damaged."""
        try:
            return serialize.FILE.decode(Address, _read(self._folder / _ADDRESS))
        except ValueError:
            return None

    def readdress(self, uri: str) -> None:
        """Say where the store of the commands is now; nothing where no address was ever kept."""
        if (known := self.address) is not None:
            self._write(_ADDRESS, serialize.FILE.encode(replace(known, uri=uri)))

    def know(self, own: str, real: str) -> None:
        """Keep the store's id of what is known by another one.

        Raises:
            RunError: It cannot be kept.
        """
        self.ids[own] = real
        self._write(_IDS, self.ids)

    def add(self, address: Address, command: Command[Any]) -> None:
        """Keep a command.

        Raises:
            RunError: It cannot be kept.
        """
        if self.address is None:
            self._write(_ADDRESS, serialize.FILE.encode(address))
        file = f"{self._next:08}.json"
        self._write(file, serialize.FILE.encode(command, AnyCommand))
        self._next += 1
        self._lanes[_is_file(command)].append(self._folder / file)

    def send(self, apply: Callable[[Command[Any] | None], bool], *, files: bool = False) -> None:
        """Give the commands of a lane to ``apply`` in their order; each for which it gives True is forgotten.

        A file that is damaged gives None. Raises what ``apply`` does, and then keeps that command and those behind it.
        """
        lane = self._lanes[files]
        for file in list(lane):
            before = len(self.ids)
            done = apply(_command(_read(file)))
            if len(self.ids) > before:
                self._write(_IDS, self.ids)
            if done:
                lane.remove(file)
                file.unlink()

    def remove(self) -> None:
        """Remove the folder, when nothing waits and nobody needs the ids any more."""
        if not len(self) and self._folder.exists():
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


class Waiting:
    """The part of a tracker that is about writes which wait."""

    def __init__(self, sender: Sender) -> None:
        """Take what sends them."""
        self._sender = sender

    def send_waiting(self, *, files: bool = True) -> int:
        """Send what was kept while the store did not answer, and give the number of writes that still wait.

        Without ``files``, files that the artifact store could not keep are not tried again.
        """
        return self._sender.send_waiting(files=files)

    def keep_files_from(self, seconds: float) -> None:
        """In so many seconds begin to send no further file: it waits for ``tlsearch sync``."""
        self._sender.files_until = time.monotonic() + seconds

    @property
    def files_trouble(self) -> str:
        """What the artifact store has said, where files are all that waits; else empty."""
        return "" if self._sender.waiting else self._sender.files_trouble

    @property
    def sent(self) -> int:
        """How many writes were kept and sent later."""
        return self._sender.sent

    def forget_sent(self) -> None:
        """Remove what is left of writes that were kept and sent, when the run is over."""
        self._sender.forget()

    def real(self, run_id: str) -> str:
        """Give the store's id of a run or a model, which until now may have one of our own."""
        return self._sender.real(run_id)

    def with_real_ids(self, text: str) -> str:
        """Give ``text`` with the store's ids of runs and models in the place of our own."""
        return self._sender.with_real_ids(text)

    def lacks(self, run_id: str) -> bool:
        """Whether the store answers and a run that it held is no longer in it: its database or the run was deleted."""
        return self._sender.lacks(run_id)

    def steps(self, run_id: str, metric: str) -> set[int]:
        """The steps at which a run has a metric already."""
        return self._sender.steps(run_id, metric)

    def is_now(self, run_id: str, other: str) -> None:
        """From now on the run ``other`` is what ``run_id`` names, also in another process."""
        self._sender.is_now(run_id, other)

    def warn(self, text: str) -> None:
        """Tell a person something of the record."""
        self._sender.warn(text)


def _command(kept: Any) -> Command[Any] | None:
    """The command that a file holds; None where it is damaged."""
    if isinstance(kept, dict) and "write" in kept:
        kept = _translated(kept)
    try:
        command: Command[Any] = serialize.FILE.decode(AnyCommand, kept)
    except ValueError:
        return None
    return command


def _is_file(command: Command[Any] | None) -> bool:
    return command is not None and bool(command.file)


def _translated(kept: dict[str, Any]) -> Any:
    """What a file of the former format says, {"write": name, "arguments": {...}}, in today's."""
    name, arguments = str(kept["write"]), kept.get("arguments")
    title = _FORMER_NAMES.get(name) or "".join(part.capitalize() for part in name.split("_"))
    return {**arguments, "type": title} if isinstance(arguments, dict) else None


def _read(file: Path) -> Any:
    """What a file holds; None where it is missing or damaged."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
