"""How much of a download is there, counted by its threads and told by the one that waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from tlsearch.plugin_api import ReadingProgress
from tlsearch_plugins.readers.remote.file_systems import RemoteFile


class Tally:
    """Files and bytes that have come, of all that are to come.

    Args:
        files: What is to come.
        shown: The address for people.
        progress: Is told.
    """

    def __init__(self, files: Sequence[RemoteFile], shown: str, progress: ReadingProgress) -> None:
        self._files, self._shown, self._progress = len(files), shown, progress
        sizes = [file.size for file in files]
        self._bytes = sum(size or 0 for size in sizes) if None not in sizes else 0
        self._done_files, self._done_bytes = 0, dict[str, int]()
        self._come = 0
        self._lock = Lock()

    def count(self, file: RemoteFile, size: int) -> None:
        """Note that so many bytes of a file have come; from any thread."""
        with self._lock:
            before = self._done_bytes.get(file.name, 0)
            if size > before:
                self._done_bytes[file.name] = size
                self._come += size - before

    def finish(self, file: RemoteFile) -> None:
        """Note that a file is whole."""
        self.count(file, file.size or 0)
        with self._lock:
            self._done_files += 1

    def show(self) -> None:
        """Tell how far it is: the share of the bytes, or of the files where the size of some is not known."""
        with self._lock:
            files, come = self._done_files, self._come
        what = f"downloading {self._shown}: {files:,} of {self._files:,} files, {come / 1e6:,.1f}"
        if self._bytes:
            self._progress(min(1.0, come / self._bytes), 1.0, f"{what} of {self._bytes / 1e6:,.1f} MB")
        else:
            self._progress(files, self._files, f"{what} MB")
