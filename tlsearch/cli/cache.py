"""``tlsearch cache``: the feature store."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tlsearch.cli.paths import UserPath
from tlsearch.cli.terminal.commands import Group
from tlsearch.errors import UsageError
from tlsearch.utils.units import counted

if TYPE_CHECKING:
    from tlsearch.features.store import FeatureStore

_DIRECTORY = click.option(
    "--cache-dir", type=UserPath(file_okay=False), metavar="DIR",
    help="The --cache-dir of the runs.  [default: $TLSEARCH_CACHE_DIR, else the user's cache folder]",
)  # fmt: skip


@click.group(cls=Group, short_help="What runs have computed, unpacked or downloaded, and kept.")
def cache() -> None:
    """Shows or removes the features that runs have computed, and the images that they have unpacked or downloaded.

    Removing features costs time, nothing else.
    """


@cache.command(short_help="Say where it is and how large.")
@_DIRECTORY
def info(cache_dir: Path | None) -> None:
    """Prints where features and images are kept, and how much room they take."""
    held = _open(cache_dir).info()
    click.echo(f"{held.directory}\n{held.files:,} files, {_gigabytes(held.bytes)}")
    folder, files, size = _sources(cache_dir)
    if files:
        click.echo(f"{folder}\n{files:,} files, {_gigabytes(size)}")


@cache.command(short_help="Remove everything in it.")
@_DIRECTORY
@click.option(
    "--sources",
    is_flag=True,
    default=False,
    help="Remove unpacked and downloaded images, too; runs on arrays have theirs nowhere else.  [default: off]",
)
def clear(cache_dir: Path | None, sources: bool) -> None:
    """Removes all features. A run that goes on meanwhile computes its own anew."""
    removed = _open(cache_dir).clear()
    click.echo(f"{removed.directory}\nremoved {removed.files:,} files, {_gigabytes(removed.bytes)}")
    if sources:
        folder, files, size = _sources(cache_dir)
        shutil.rmtree(folder, ignore_errors=True)
        _, files_left, size_left = _sources(cache_dir)
        click.echo(f"{folder}\nremoved {files - files_left:,} files, {_gigabytes(size - size_left)}")
        if files_left:
            raise UsageError(
                f"{counted(files_left, 'file')} in {folder} cannot be removed: change what it permits, and call this "
                "again."
            )


def _sources(chosen: Path | None) -> tuple[Path, int, int]:
    """The folder of unpacked and downloaded images, how many files are in it, and their size in bytes."""
    from tlsearch.utils.cache_folders import sources_dir

    folder = sources_dir(chosen)
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
    return folder, len(sizes), sum(sizes)


def _open(chosen: Path | None) -> FeatureStore:
    from tlsearch.features.store import FeatureStore
    from tlsearch.utils.cache_folders import features_dir

    directory = features_dir(chosen)
    try:
        return FeatureStore(directory, 0)
    except OSError as error:
        raise UsageError(
            f"The folder {directory} cannot be used ({error.strerror}): name another one with --cache-dir."
        ) from error


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e7 else f"{size / 1e6:.2f} MB"
