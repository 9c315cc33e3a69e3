"""Addresses: https://, s3://, gs://, hf:// and what else fsspec reads. Files are mirrored into the cache folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tlsearch.errors import DataError, TlsearchError
from tlsearch.plugin_api import Reading, ReadingOptions, ReadingProgress
from tlsearch.utils.addresses import is_address, source_name, without_secrets
from tlsearch.utils.files import file_lock, is_full
from tlsearch.utils.remote import lacks_credentials, why
from tlsearch.utils.units import counted
from tlsearch_plugins.readers.example import write_example
from tlsearch_plugins.readers.remote.file_systems import Remote, open_remote
from tlsearch_plugins.readers.remote.kept import place_for, read_kept
from tlsearch_plugins.readers.remote.mirror import Manifest, mirror
from tlsearch_plugins.readers.remote.table_images import with_images
from tlsearch_plugins.readers.tables.image_columns import ADDRESSES, NoImagesError


class AddressReader:
    """Addresses of folders, archives and data sets elsewhere: https://, s3://, gs://, hf://."""

    api_version = 1
    name = "addresses"

    def accepts(self, source: str) -> bool:
        """Every address."""
        return is_address(source)

    def read(self, source: str, options: ReadingOptions) -> Reading:
        """What is at the address, as the reader of its content reads it."""
        if not is_address(source):
            raise DataError(f"{source} is no address: write it like s3://bucket/folder.")
        shown = without_secrets(source)
        if source.lower().startswith("file://"):
            assert options.read is not None, "the engine sets it"
            return options.read(url2pathname(urlsplit(source).path))
        place = place_for(options, shown)
        folder = place / (source_name(source) or "images")
        place.parent.mkdir(parents=True, exist_ok=True)
        with file_lock(place.with_name(f"{place.name}.lock")):
            folder.mkdir(parents=True, exist_ok=True)
            manifest = Manifest.read(place)
            notes = _bring(source, shown, folder, manifest, options.progress, with_table=options.images is None)
        kept = folder / manifest.start
        try:
            reading = read_kept(options, kept, shown, f"{counted(len(manifest.files), 'file')} of {shown}")
        except NoImagesError as error:
            if options.images is not None or not manifest.start or ADDRESSES in str(error):
                raise
            raise DataError(_table_alone(shown)) from error
        return replace(reading, notes=(*reading.notes, *notes))

    def example(self, folder: Path) -> str:
        """Two classes of four images at a file:// address."""
        write_example(folder, {f"{name}/{number}.png": name for name in ("cat", "dog") for number in range(4)})
        return folder.as_uri()


def _table_alone(shown: str) -> str:
    """What to do with a table at an address, with which no images have come."""
    beside = shown.partition("?")[0].rpartition("/")[0] + "/"
    return (
        f"{shown} is a table, and the images that it names do not lie beside it: name the folder in which both lie, "
        f"such as {beside}, or the folder of images on this machine with --images DIR."
    )


def _bring(
    source: str, shown: str, folder: Path, manifest: Manifest, progress: ReadingProgress, *, with_table: bool
) -> tuple[str, ...]:
    """Bring the mirror up to date; where that fails and it was complete before, a note that says so.

    ``with_table`` lets the images beside a table come with it.
    """
    complete = manifest.complete
    try:
        progress(0.0, 1.0, f"looking what lies at {shown}")
        remote = _open(source, shown)
        mirror(with_images(remote, source) if with_table else remote, folder, manifest, shown, progress)
    except TlsearchError:
        raise
    except Exception as error:
        if is_full(error):
            raise
        sentence = why(error, source.partition("://")[0].lower(), shown)
        if not complete or Manifest.read(folder.parent).complete != complete:
            raise DataError(sentence) from None  # what was raised may hold a key
        return (f"The copy of {complete} is read. {sentence}",)
    return ()


def _open(source: str, shown: str) -> Remote:
    try:
        return open_remote(source, shown)
    except Exception as error:
        if not lacks_credentials(error):
            raise
    return open_remote(source, shown, anonymous=True)
