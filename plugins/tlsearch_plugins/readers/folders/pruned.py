"""The tree of a folder without what the user excludes."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tlsearch.errors import DataError, UsageError
from tlsearch.folders.walk import Folder, Tree, relative_name, walk


def pruned_walk(root: Path, exclude: Sequence[str], only: Sequence[Path] = ()) -> tuple[Tree, list[str]]:
    """What may be meant below ``root`` without what fits a pattern, and a line that says what was excluded.

    ``only`` is that of ``walk``. Raises what ``Pruning`` does.
    """
    pruning = Pruning(exclude)
    tree = pruning.walk(root, only)
    pruning.require_all_used(root)
    return tree, pruning.understood


def is_excluded(name: str, relative: str, exclude: Sequence[str]) -> bool:
    """Whether an entry of that name and with that path below the root fits one of the patterns."""
    return any(_fits(_plain(pattern), name, relative) for pattern in exclude)


def _plain(pattern: str) -> str:
    """``./x/`` as ``x``."""
    return re.sub(r"^(?:\./+)+", "", pattern).rstrip("/") or pattern


def _fits(pattern: str, name: str, relative: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(relative, pattern)


class Pruning:
    """Walks folders, and leaves out what fits a pattern.

    A pattern is that of a shell and is compared with the name of an entry and with its path below the folder.

    Attributes:
        said: A line that says what is excluded, if anything is.
    """

    def __init__(self, exclude: Sequence[str]) -> None:
        self._patterns = [(pattern, _plain(pattern)) for pattern in exclude]
        self._counts = Counter[str]()
        self.understood = ["excluded: " + ", ".join(exclude)] if exclude else []

    def walk(self, root: Path, only: Sequence[Path] = ()) -> Tree:
        """What may be meant below ``root``, and there in ``only``. Raises ``DataError`` where it cannot be listed."""
        try:
            tree = walk(root, only)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise DataError(
                f"{error.filename or root} cannot be opened ({reason}): make it readable, or name another folder."
            ) from error
        return replace(tree, root=self._prune(tree.root)) if self._patterns else tree

    def require_all_used(self, root: Path) -> None:
        """Raise ``UsageError`` where a pattern has fitted nothing in ``root`` and what else was walked."""
        for pattern, _ in self._patterns:
            if not self._counts[pattern]:
                raise UsageError(
                    f"--exclude {pattern!r} fits nothing in {root}: write a name or a pattern such as 'test*'."
                )

    def _prune(self, folder: Folder) -> Folder:
        kept = [inner for inner in folder.folders if not self._fits(inner.name, inner.relative)]
        return replace(
            folder,
            folders=[self._prune(inner) for inner in kept],
            files=[file for file in folder.files if not self._fits(file.name, _below(folder, file.name))],
            refused=[
                entry for entry in folder.refused if not self._fits(entry.path.name, _below(folder, entry.path.name))
            ],
        )

    def _fits(self, name: str, relative: str) -> bool:
        for given, pattern in self._patterns:
            if _fits(pattern, name, relative):
                self._counts[given] += 1
                return True
        return False


def _below(folder: Folder, name: str) -> str:
    return relative_name(f"{folder.relative}/{name}" if folder.relative else name)
