"""The images that a table at an address names: they lie beside it, and come with it."""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit, urlunsplit

from tlsearch.errors import DataError
from tlsearch.folders.walk import looks_like_image
from tlsearch.utils.remote import HTTP
from tlsearch_plugins.readers.remote.file_systems import CONNECTIONS, PAGES, Remote, RemoteFile, file_at
from tlsearch_plugins.readers.tables.parsing import SUFFIXES, read_table


def with_images(remote: Remote, address: str) -> Remote:
    """The table at an address with the images beside it that it names; anything else as it is.

    A server of pages is asked for each name that ends like an image. Elsewhere the folder of the table is listed, and
    its images count whose names, with or without their endings, stand in the table.
    """
    if not remote.single or PurePosixPath(remote.files[0].name).suffix.lower() not in SUFFIXES:
        return remote
    cells = _cells(remote)
    served = address.partition("://")[0].lower() in HTTP
    found = _served(remote, cells, address) if served else _listed(remote, cells)
    return replace(remote, files=(remote.files[0], *found))


def _cells(remote: Remote) -> set[str]:
    """The texts in the table; none where it cannot be read, which its reader says."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, PurePosixPath(remote.files[0].name).name)
        remote.download(remote.files[0], str(place), lambda received: None)
        try:
            columns = read_table(place).columns
        except DataError:
            return set()
    return {text.replace("\\", "/") for name, values in columns.items() for text in (name, *values)}


def _served(remote: Remote, cells: set[str], address: str) -> Iterator[RemoteFile]:
    """The files that a server of pages has at the paths in ``cells``."""
    names = sorted({posixpath.normpath(text) for text in cells if looks_like_image(text) and "://" not in text})
    names = [name for name in names if not name.startswith(("/", ".."))]
    parts = urlsplit(address)
    folder = parts.path.rpartition("/")[0]
    urls = [urlunsplit(parts._replace(path=f"{folder}/{quote(name)}", fragment="")) for name in names]

    def ask(name: str, url: str) -> RemoteFile | None:
        try:
            found = remote.system.info(url)
        except FileNotFoundError:
            return None
        return None if found.get("mimetype") in PAGES else file_at(found, url, name)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        yield from (file for file in pool.map(ask, names, urls) if file is not None)


def _listed(remote: Remote, cells: set[str]) -> Iterator[RemoteFile]:
    """The images below the folder of the table whose names stand in ``cells``."""
    wanted = {posixpath.basename(text).casefold() for text in cells}
    folder = posixpath.dirname(remote.files[0].path)
    try:
        entries = remote.system.find(folder, detail=True)
    except PermissionError:  # whoever may read the table need not be allowed to list what is beside it
        return
    for path, entry in sorted(entries.items()):
        name = posixpath.basename(path).casefold()
        if looks_like_image(name) and wanted.intersection((name, posixpath.splitext(name)[0])):
            yield file_at(entry, path, path.removeprefix(folder).strip("/"))
