"""The folder where the images of a table lie: its files, those that take part, and those that no row names."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from tlsearch.folders.walk import Folder, Skipped, walk
from tlsearch.utils.units import counted
from tlsearch_plugins.readers.folders.pruned import pruned_walk
from tlsearch_plugins.readers.tables.files import LONGEST, ImageFiles, image_root, images_below


@dataclass(frozen=True)
class Place:
    """Where the images of a table are looked for.

    Attributes:
        files: All files there.
        kept: Those that take part, or None for all.
        passed_over: How many entries of each kind nobody means.
        excluded: A line that says what the user leaves out.
    """

    files: ImageFiles
    kept: frozenset[Path] | None
    passed_over: Mapping[str, int]
    excluded: Sequence[str]

    def unnamed(self, named: Set[Path]) -> tuple[list[Skipped], list[str]]:
        """The images that no row names: folders of nothing else, and a note that counts the others."""
        root = self.files.root
        folders = [folder for folder in root.image_folders if not images_below(folder) & named]
        counts = [(folder.name, folder.count_images()) for folder in folders]
        skipped = [
            Skipped(name, f"the table names none of its images ({counted(count, 'image')})", count)
            for name, count in counts
        ]
        aside = {file for folder in folders for file in images_below(folder)}
        left = len(images_below(root) - named - aside)
        return skipped, [f"{counted(left, 'image')} in {root.path} that no row of the table names"] if left else []


def look_in(top: Path, exclude: Sequence[str], only: Sequence[Path] = (), *, paths_hold: bool = False) -> Place:
    """What lies in the folder ``top``, and there in the folders ``only``; ``paths_hold`` is that of ``ImageFiles``.

    Raises what ``pruned_walk`` does.
    """
    tree, excluded = pruned_walk(top, exclude, only)
    root = image_root(tree.root)
    everything: Folder = walk(top, only).root if exclude else tree.root
    kept = frozenset(tree.root.all_files()) if exclude else None
    return Place(
        ImageFiles(everything, root, kept, paths_hold=paths_hold),
        kept,
        dict(sorted(tree.passed_over.items())),
        excluded,
    )


def named_elsewhere(cells: Iterable[str], table: Path) -> list[Path]:
    """The folders of the files that cells name by absolute paths or by paths that lead upwards."""
    base = os.path.abspath(table.parent)  # noqa: PTH100  # symbolic links stay as they are
    open_questions: dict[str, bool] = {}
    found: list[Path] = []
    for cell in cells:
        text = cell.replace("\\", "/")
        if not text.startswith(("/", "../")) or "\0" in text:
            continue
        file = posixpath.normpath(posixpath.join(base, text))
        folder = posixpath.dirname(file)
        if folder not in open_questions:
            open_questions[folder] = len(file) < LONGEST and os.path.isdir(folder)  # noqa: PTH112  # for speed
        if open_questions[folder] and os.path.isfile(file):  # noqa: PTH113  # which is False for a name too long
            open_questions[folder] = False
            found.append(Path(folder))
    return found


def outermost(folders: Iterable[Path]) -> list[Path]:
    """The folders without those that lie in another of them."""
    kept: list[Path] = []
    for folder in sorted(folders):
        if not kept or not folder.is_relative_to(kept[-1]):
            kept.append(folder)
    return kept
