"""Pictures at addresses: https://, s3://, gs://, hf:// and what else fsspec reads."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, TypeVar
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from tlsearch.data.images.decode import ImageError
from tlsearch.folders.archives import is_archive
from tlsearch.folders.junk import junk_kind
from tlsearch.folders.walk import looks_like_image
from tlsearch.predictor.sources.archives import in_archive
from tlsearch.predictor.sources.paths import in_path
from tlsearch.predictor.sources.picture import MOST_BYTES, TOO_LARGE, Picture
from tlsearch.utils.addresses import without_secrets
from tlsearch.utils.remote import HTTP, Patience, file_system_options, lacks_credentials, why

Result = TypeVar("Result")

PATIENCE = Patience(connect=10, read=30, total=120)
"""One picture that a server keeps back must not stop all others for long."""

_PATIENCE_WITH_ARCHIVES = Patience(connect=10, read=30)
_BLOCK = 1 << 20


def at_address(address: str) -> Iterator[Picture]:
    """The picture at an address, those in the archive there, or, of a store such as S3, those in the folder there."""
    shown, scheme = without_secrets(address), address.partition("://")[0].lower()
    if scheme == "file":
        yield from in_path(Path(url2pathname(urlsplit(address).path)))
        return
    name = unquote(PurePosixPath(urlsplit(shown).path).name)
    try:
        if is_archive(name):
            yield from _in_archive(address, shown)
        elif scheme in HTTP or looks_like_image(name):
            yield Picture(name=shown, content=Remote(address))
        else:
            yield from _in_folder(address, shown)
    except Exception as error:  # file systems raise many kinds
        yield Picture(name=shown, problem=_reason(error, scheme))


@dataclass(frozen=True)
class Remote:
    """A picture at an address."""

    address: str

    def fetch(self) -> bytes:
        """Bring it. Raises ``ImageError`` where that cannot be done."""
        try:
            with closing(_open(self.address, PATIENCE)) as stream:
                return _read(stream)
        except ImageError:
            raise
        except Exception as error:  # file systems raise many kinds
            scheme = self.address.partition("://")[0].lower()
            raise ImageError(without_secrets(self.address), _reason(error, scheme)) from None  # it may hold a key


def _read(stream: IO[bytes]) -> bytes:
    blocks, size = [], 0
    while block := stream.read(_BLOCK):
        blocks.append(block)
        size += len(block)
        if size > MOST_BYTES:
            raise ImageError("", TOO_LARGE)
    return b"".join(blocks)


def _in_archive(address: str, shown: str) -> Iterator[Picture]:
    """An archive is brought into a temporary file first: zip files begin at their end."""
    with tempfile.TemporaryFile() as file:
        with closing(_open(address, _PATIENCE_WITH_ARCHIVES)) as stream:
            shutil.copyfileobj(stream, file, _BLOCK)
        file.seek(0)
        yield from in_archive(file, shown.partition("?")[0])


def _in_folder(address: str, shown: str) -> Iterator[Picture]:
    """What a store has at an address: one file, or the images below it, folder by folder, in order of their names."""
    system, path, kind = _asked(partial(_looked_up, address))
    if kind != "directory":
        yield Picture(name=shown, content=Remote(address))
        return
    scheme, empty = address.partition("://")[0], True
    for folder, folders, files in system.walk(path):
        folders[:] = sorted(name for name in folders if junk_kind(name) is None)
        for name in sorted(files):
            if looks_like_image(name) and junk_kind(name) is None:
                empty = False
                inner = f"{scheme}://{folder.rstrip('/')}/{name}"
                yield Picture(name=inner, content=Remote(inner))
    if empty:
        yield Picture(name=shown, problem="it is a folder without images")


def _looked_up(address: str, *, anonymous: bool) -> tuple[Any, str, str]:
    """The file system of an address, the path in it, and what is there."""
    from fsspec.core import url_to_fs

    scheme = address.partition("://")[0].lower()
    system, path = url_to_fs(address, **file_system_options(scheme, PATIENCE, anonymous=anonymous))
    return system, path, system.info(path)["type"]


def _open(address: str, patience: Patience) -> IO[bytes]:
    return _asked(partial(_opened, address, patience))


def _opened(address: str, patience: Patience, *, anonymous: bool) -> IO[bytes]:
    from fsspec.core import url_to_fs

    scheme = address.partition("://")[0].lower()
    system, path = url_to_fs(address, **file_system_options(scheme, patience, anonymous=anonymous))
    # Of a page the size is not asked for first: a server is asked once for each picture.
    options = {"block_size": 0, "size": 1} if scheme in HTTP else {}
    opened: IO[bytes] = system.open(path, "rb", **options)
    return opened


def _asked(ask: Callable[..., Result]) -> Result:
    """What a store gives, without credentials where there are none: it may be open to everybody."""
    try:
        return ask(anonymous=False)
    except Exception as error:
        if not lacks_credentials(error):
            raise
    return ask(anonymous=True)


def _reason(error: BaseException, scheme: str) -> str:
    """Why an address cannot be read, in a few words that begin with a small letter."""
    sentence = why(error, scheme, "the address")
    return sentence[0].lower() + sentence[1:].rstrip(".")
