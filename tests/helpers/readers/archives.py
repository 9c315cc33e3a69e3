"""Archives for the tests of their reader."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

from tlsearch.plugin_api import ReadingOptions

FORMATS = {"zip": ".zip", "tar": ".tar", "gztar": ".tar.gz", "bztar": ".tar.bz2", "xztar": ".tar.xz"}


def options(folder: Path) -> ReadingOptions:
    return ReadingOptions(cache=folder / "cache")


def tar_with(file: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(file, "w") as opened:
        for member, content in members:
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return file


def zip_with(file: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(file, "w", compression) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return file
