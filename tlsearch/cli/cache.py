"""``tlsearch cache``: the feature store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tlsearch.cli.paths import UserPath

if TYPE_CHECKING:
    from tlsearch.features.store import FeatureStore

_DIRECTORY = click.option(
    "--cache-dir", type=UserPath(file_okay=False), metavar="DIR",
    help="The --cache-dir of the runs.  [default: $TLSEARCH_CACHE_DIR, else the user's cache folder]",
)  # fmt: skip


@click.group(short_help="The features that runs have computed and kept.")
def cache() -> None:
    """Shows or removes the features that runs have computed and kept.

    Removing them costs time, nothing else.
    """


@cache.command(short_help="Say where it is and how large.")
@_DIRECTORY
def info(cache_dir: Path | None) -> None:
    """Prints where the features are kept, and how much room they take."""
    held = _open(cache_dir).info()
    click.echo(f"{held.directory}\n{held.files:,} files, {_gigabytes(held.bytes)}")


@cache.command(short_help="Remove everything in it.")
@_DIRECTORY
def clear(cache_dir: Path | None) -> None:
    """Removes all features. Not while a run is going on."""
    removed = _open(cache_dir).clear()
    click.echo(f"{removed.directory}\nremoved {removed.files:,} files, {_gigabytes(removed.bytes)}")


def _open(chosen: Path | None) -> FeatureStore:
    from tlsearch.errors import UsageError
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
