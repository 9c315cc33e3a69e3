"""Where images are: addresses such as ``s3://bucket/pets``, what of them may be shown, and the names of sources."""

from __future__ import annotations

import mimetypes
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

PLAIN_PARAMETERS = frozenset(("dl", "download", "file", "filename", "id", "name", "path", "raw", "ref", "revision"))
"""Parameters of an address that are no secret. All others may be a signature or a key, and are never shown."""


def is_address(source: object) -> bool:
    """Whether a source is an address rather than a path."""
    return isinstance(source, str) and "://" in source


def without_secrets(address: str) -> str:
    """The address without user, password, fragment and any parameter that may be a signature or a key."""
    try:
        parts = urlsplit(address)
    except ValueError:  # such as a bracket that is not closed
        return address.partition("://")[0] + "://"
    kept = [(name, value) for name, value in parse_qsl(parts.query) if name.lower() in PLAIN_PARAMETERS]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, urlencode(kept), ""))


def shown_source(source: Path | str) -> str:
    """A source as a record says it: an absolute path, or an address without secrets."""
    return without_secrets(str(source)) if is_address(source) else str(Path(source).absolute())


def source_name(source: Path | str) -> str:
    """What to call a source: the last name of the path, without its ending where it is a file; empty where it has none.

    The last name of an address is that of its path, else the host.
    """
    if isinstance(source, str) and is_address(source):
        parts = urlsplit(without_secrets(source))
        name = unquote(PurePosixPath(parts.path).name) or parts.netloc
        return without_ending(name) if parts.path.strip("/") and any(mimetypes.guess_type(name)) else name
    path = Path(source).resolve()
    return without_ending(path.name) if path.is_file() else path.name


def without_ending(name: str) -> str:
    """The name of a file without its ending: ``pets`` for ``pets.tar.gz``."""
    path = PurePosixPath(name)
    return path.with_suffix("").stem if path.with_suffix("").suffix == ".tar" else path.stem


def expand_home(path: Path) -> Path:
    """The path with ``~`` and ``~name`` in its beginning expanded; as it is where there is no such home folder."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path
