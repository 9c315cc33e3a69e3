"""The folder where the images of a table lie: its files, those that take part, and those that no row names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from tlsearch.folders.walk import Folder, Skipped, walk
from tlsearch.utils.units import counted
from tlsearch_plugins.readers.folders.pruned import pruned_walk
from tlsearch_plugins.readers.tables.files import ImageFiles, image_root, images_below


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
