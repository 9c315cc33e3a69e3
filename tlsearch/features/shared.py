"""The second tier of the feature store: files that several machines share, in a folder or on an object store.

A file is the one of the first tier (``features.store``), under the same name: the digest of everything that its values
depend on. So two machines that put one name put the same values. It is fetched whole, and its seal is checked before
anything of it is used; no file of this tier is ever mapped into memory.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tlsearch.errors import UsageError
from tlsearch.utils.addresses import is_address
from tlsearch.utils.files import atomic_path
from tlsearch.utils.texts import first_line

SUFFIX = ".npy"


class SharedTier:
    """Files by name, in a folder or below an address such as ``s3://bucket/cache``. fsspec does the talking.

    What goes wrong with it costs time and nothing else: a file that cannot be fetched is computed, and one that cannot
    be put is not there for others.
    """

    def __init__(self, place: str) -> None:
        """Use a place; nothing is read or written yet.

        Raises:
            UsageError: fsspec, or its package for this kind of address, is not installed.
        """
        self.place = place
        try:
            from fsspec.core import url_to_fs

            self._files, self._root = url_to_fs(place)
        except (ImportError, ValueError) as error:
            raise UsageError(
                f"--shared-cache {place} needs fsspec and its package for this kind of address ({error}): "
                "`pip install 'tlsearch[remote]'`."
            ) from error
        self._renames = not is_address(place)

    def check(self) -> None:
        """Raise ``UsageError`` unless files can be written there and read again."""
        name = f".tlsearch-tried-{secrets.token_hex(4)}"
        try:
            self._files.makedirs(self._root, exist_ok=True)
            self._files.pipe_file(self._path(name), b"tried")
            if self._files.cat_file(self._path(name)) != b"tried":
                raise OSError("it gave back something else")
            self._files.rm_file(self._path(name))
        except Exception as error:  # each kind of file system raises its own
            why = first_line(error)[:200]
            raise UsageError(
                f"--shared-cache {self.place} cannot be used ({why}): name a folder or an address that this machine "
                "and every worker can write."
            ) from error

    def size(self, name: str) -> int | None:
        """The bytes of a file; None where it is not there or cannot be asked for."""
        try:
            self._files.invalidate_cache()
            return int(self._files.info(self._path(name))["size"])
        except Exception:
            return None

    def fetch(self, name: str, target: Path) -> bool:
        """Copy a file to ``target``, which appears when it is whole; False where that fails."""
        try:
            with atomic_path(target) as partial:
                self._files.get_file(self._path(name), str(partial))
        except Exception:
            return False
        return target.exists()

    def put(self, name: str, source: Path) -> bool:
        """Copy a file there; it appears under its name when it is whole. False where that fails."""
        path = self._path(name)
        try:
            if not self._renames:  # one PUT, or the last step of an upload in parts, makes it appear
                self._files.put_file(str(source), path)
                return True
            partial = self._path(f".{name}.{secrets.token_hex(4)}.part")
            self._files.makedirs(self._root, exist_ok=True)
            try:
                self._files.put_file(str(source), partial)
                self._files.mv(partial, path)
            except BaseException:
                with contextlib.suppress(Exception):
                    self._files.rm_file(partial)
                raise
        except Exception:
            return False
        return True

    def prune(self, limit: int) -> int:
        """Remove the files that were written first until no more than ``limit`` bytes are left; gives how many went.

        Only the parent of a run does this: workers remove nothing.
        """
        try:
            self._files.invalidate_cache()
            found = [entry for entry in self._files.ls(self._root, detail=True) if entry["name"].endswith(SUFFIX)]
        except Exception:
            return 0
        total, removed = sum(int(entry["size"]) for entry in found), 0
        for entry in sorted(found, key=_written):
            if total <= limit:
                break
            with contextlib.suppress(Exception):
                self._files.rm_file(entry["name"])
                total, removed = total - int(entry["size"]), removed + 1
        return removed

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"


def _written(entry: Mapping[str, Any]) -> float:
    when = entry.get("mtime", entry.get("LastModified", entry.get("created", 0.0)))
    return when.timestamp() if isinstance(when, datetime) else float(when)
