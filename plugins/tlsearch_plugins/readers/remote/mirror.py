"""A folder that has what an address has. Only what has changed is downloaded; an interrupted download is continued."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from tlsearch.errors import DataError
from tlsearch.plugin_api import ReadingProgress, no_progress
from tlsearch.utils.files import atomic_path, write_atomically
from tlsearch_plugins.readers.remote.file_systems import CONNECTIONS, Remote, RemoteFile
from tlsearch_plugins.readers.remote.member_names import place_of
from tlsearch_plugins.readers.remote.tally import Tally
from tlsearch_plugins.readers.remote.unpack import RESERVE

MANIFEST = "manifest.json"

_SAVED_EVERY = 5.0  # seconds
_SHOWN_EVERY = 0.5


@dataclass
class Manifest:
    """What a mirror holds.

    Attributes:
        file: Where it is kept.
        files: Size and tag of every file that is there, by name.
        complete: When everything was there, in words; empty before.
        start: The file that is read where the address is that of a file; empty where it is that of a folder.
    """

    file: Path
    files: dict[str, list[Any]] = field(default_factory=dict)
    complete: str = ""
    start: str = ""

    @classmethod
    def read(cls, place: Path) -> Manifest:
        """That of a place; an empty one where there is none, or none that can be read."""
        manifest = cls(place / MANIFEST)
        try:
            held = json.loads(manifest.file.read_text(encoding="utf-8"))
            manifest.files, manifest.complete = dict(held["files"]), str(held["complete"])
            manifest.start = str(held["start"])
        except (OSError, ValueError, KeyError, TypeError):
            return cls(manifest.file)
        return manifest

    def note(self, file: RemoteFile) -> None:
        """Note that this version of a file is there."""
        self.files[file.name] = [file.size, file.tag]

    def write(self) -> None:
        """Keep it."""
        held = {"complete": self.complete, "start": self.start, "files": self.files}
        write_atomically(self.file, json.dumps(held))


def mirror(
    remote: Remote, folder: Path, manifest: Manifest, shown: str, progress: ReadingProgress = no_progress
) -> None:
    """Download what ``folder`` does not have, or has in another version, and remove what is not at the address.

    ``progress`` is told how far the download is. Raises ``DataError`` for a name that leads out of the folder and
    where the disk is too small, and whatever the file system raises. What has been downloaded by then is kept.
    """
    places = {file.name: place_of(file.name, folder, shown) for file in remote.files}
    stale = [file for file in remote.files if not _is_here(file, places[file.name], manifest)]
    _require_room(stale, folder, shown)
    manifest.complete, manifest.start = "", remote.files[0].name if remote.single else ""
    for name in set(manifest.files) - set(places):
        place_of(name, folder, shown).unlink(missing_ok=True)
        del manifest.files[name]
    manifest.write()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        tally = Tally(stale, shown, progress)
        running = {pool.submit(_download, remote, file, places[file.name], tally): file for file in stale}
        try:
            _note_finished(running, manifest, tally)
        finally:
            pool.shutdown(cancel_futures=True)
            for future, file in running.items():
                if not future.cancelled() and future.exception() is None:
                    manifest.note(file)
            manifest.write()
    manifest.complete = time.strftime("%Y-%m-%d %H:%M")
    manifest.write()


def _note_finished(running: dict[Future[None], RemoteFile], manifest: Manifest, tally: Tally) -> None:
    """Wait for all downloads, and keep now and then what has come. Raises what the first of them raises."""
    saved = time.monotonic()
    for future in _as_completed(running, tally):
        future.result()
        manifest.note(running[future])
        tally.finish(running[future])
        tally.show()
        if time.monotonic() - saved > _SAVED_EVERY:
            manifest.write()
            saved = time.monotonic()


def _as_completed(running: Iterable[Future[None]], tally: Tally) -> Iterator[Future[None]]:
    """The downloads as they end; until one does, what has come of them is shown now and then."""
    ended: Queue[Future[None]] = Queue()
    waiting = 0
    for future in running:
        future.add_done_callback(ended.put)
        waiting += 1
    while waiting:
        try:
            yield ended.get(timeout=_SHOWN_EVERY)
            waiting -= 1
        except Empty:
            tally.show()


def _is_here(file: RemoteFile, place: Path, manifest: Manifest) -> bool:
    """Whether this version of a file is in the mirror."""
    if manifest.files.get(file.name) != [file.size, file.tag] or not (file.tag or file.size):
        return False
    try:
        return file.size is None or place.stat().st_size == file.size
    except OSError:
        return False


def _download(remote: Remote, file: RemoteFile, place: Path, tally: Tally) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(place) as part:
        part.touch()  # an empty file need not be written
        remote.download(file, str(part), partial(tally.count, file))
        if file.size is not None and part.stat().st_size != file.size:
            raise ConnectionError(f"{part.stat().st_size:,} of {file.size:,} bytes have come")


def _require_room(files: list[RemoteFile], folder: Path, shown: str) -> None:
    needed, free = sum(file.size or 0 for file in files), shutil.disk_usage(folder).free - RESERVE
    if needed > free:
        raise DataError(
            f"{shown} holds {needed / 1e9:,.1f} GB more than is here, but the disk of the cache folder can spare "
            f"{max(free, 0) / 1e9:,.1f} GB: make room, or name a folder on another disk with --cache-dir."
        )
