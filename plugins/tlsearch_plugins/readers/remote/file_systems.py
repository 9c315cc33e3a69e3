"""What lies at an address: its files with what tells whether they have changed. fsspec does the talking."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from tlsearch.errors import DataError
from tlsearch.folders.junk import junk_kind
from tlsearch.utils.remote import HTTP, Patience, file_system_options

CONNECTIONS = 16

_TAGS = ("ETag", "etag", "md5Hash", "blob_id", "sha", "LastModified", "Last-Modified", "updated", "mtime", "created")
PAGES = ("text/html", "application/xhtml+xml")
_MOST_PAGES = 20_000
_PATIENCE = Patience(connect=30, read=120)  # and a large file may take as long as it comes

# What servers call archives where the address has no ending.
_ENDINGS = {
    "application/zip": ".zip",
    "application/x-zip-compressed": ".zip",
    "application/gzip": ".tar.gz",
    "application/x-gzip": ".tar.gz",
    "application/x-tar": ".tar",
}


@dataclass(frozen=True)
class RemoteFile:
    """A file at an address.

    Attributes:
        path: What the file system calls it.
        name: Its path below the address, with forward slashes.
        size: In bytes, where it is known.
        tag: What changes with the content; empty where nothing does.
    """

    path: str
    name: str
    size: int | None
    tag: str


@dataclass(frozen=True)
class Remote:
    """An address that was opened: its file system, its files, and whether it is that of one file, the first."""

    files: tuple[RemoteFile, ...]
    single: bool
    system: Any

    def download(self, file: RemoteFile, target: str, on_bytes: Callable[[int], None]) -> None:
        """Write a file to the path ``target``. ``on_bytes`` gets again and again how many bytes have come."""
        self.system.get_file(file.path, target, callback=_counting(on_bytes))


def _counting(on_bytes: Callable[[int], None]) -> Any:
    """What fsspec tells how far a file is."""
    from fsspec.callbacks import Callback

    class Counting(Callback):  # type: ignore[misc]  # fsspec has no types
        def call(self, hook_name: str | None = None, **kwargs: Any) -> None:
            on_bytes(self.value)

    return Counting()


def open_remote(address: str, shown: str, *, anonymous: bool = False) -> Remote:
    """List what lies at an address.

    Raises ``DataError`` where that is no data, and whatever the file system raises where it cannot be reached.
    """
    from fsspec.core import url_to_fs

    scheme = address.partition("://")[0].lower()
    system, path = url_to_fs(address, **file_system_options(scheme, _PATIENCE, anonymous=anonymous))
    system.invalidate_cache()
    found = system.info(path)
    if scheme in HTTP:
        if found.get("mimetype") not in PAGES:
            return Remote((file_at(found, path, _name_of(path, found)),), single=True, system=system)
        files = tuple(_listed(system, path, shown))
    elif found["type"] != "directory":
        return Remote((file_at(found, path, PurePosixPath(path).name),), single=True, system=system)
    else:
        entries = system.find(path, detail=True)
        files = tuple(file_at(entry, name, _below(name, path)) for name, entry in sorted(entries.items()))
    files = tuple(file for file in files if file.name and not any(map(junk_kind, file.name.split("/"))))
    if not files:
        raise DataError(f"{shown} holds no file: check the address.")
    return Remote(files, single=False, system=system)


def file_at(found: Mapping[str, Any], path: str, name: str) -> RemoteFile:
    """The file at ``path``, of which the file system has ``found`` facts."""
    tag = next((str(found[key]) for key in _TAGS if found.get(key)), "")
    return RemoteFile(path, name, found.get("size"), tag)


def _below(name: str, path: str) -> str:
    return name.removeprefix(path.rstrip("/")).strip("/")


def _name_of(url: str, found: Mapping[str, Any]) -> str:
    """What to call a file of a server: with the ending of its type where the address has none."""
    name = unquote(PurePosixPath(urlsplit(url).path).name) or "images"
    mimetype = str(found.get("mimetype"))
    ending = _ENDINGS.get(mimetype, "")
    known = PurePosixPath(name).suffix and mimetypes.guess_type(name)[0] is not None
    return name if known or name.lower().endswith(ending or ".") else name + ending


def _listed(system: Any, url: str, shown: str) -> Iterator[RemoteFile]:
    """The files of a page that lists a folder, and of the folders that it lists."""
    parts = urlsplit(url)
    root = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + "/", "", ""))
    urls = sorted(_links(system, root, shown))
    if not urls:
        raise DataError(
            f"{shown} is a web page that lists no files: give the address of an archive, or of a folder whose files "
            "the server lists."
        )
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for file, found in zip(urls, pool.map(system.info, urls), strict=True):
            yield file_at(found, file, unquote(_below(file, root)))


def _links(system: Any, root: str, shown: str) -> Iterator[str]:
    """Files of a list and of the lists below it. A page that is no list has hardly any link to what is right below."""
    pages = [root]
    for number, url in enumerate(pages):
        if number == _MOST_PAGES:
            raise DataError(f"{shown} lists more than {_MOST_PAGES:,} folders: give the address of an archive.")
        for link in system.ls(url, detail=False):
            name = link.removeprefix(url).removeprefix("./")
            inner = unquote(name.rstrip("/"))
            if link == url or "?" in name or "#" in name or "/" in name.rstrip("/") or inner in ("", ".", ".."):
                continue
            if not name.endswith("/"):
                if PurePosixPath(inner).suffix:
                    yield url + name
            elif junk_kind(inner) is None:
                pages.append(url + name)
