"""Archives: what their names end with, and what the names in them are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import zipfile

TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")
ZIP_ENDINGS = (".zip",)
OTHER_ENDINGS = (".rar", ".7z", ".tar.zst", ".tzst", ".tar.lz4", ".tar.z")
"""Archives that Python cannot unpack."""

_UTF8_NAMES = 0x800
_ENCRYPTED = 0x1


def is_archive(name: str) -> bool:
    """Whether a file of this name is an archive."""
    return name.lower().endswith((*ZIP_ENDINGS, *TAR_ENDINGS, *OTHER_ENDINGS))


def zip_name(member: zipfile.ZipInfo) -> str:
    """The name of a member; UTF-8 is recognised also where the archive does not say so, as those of macOS."""
    # ``filename`` ends where ``orig_filename`` has a zero byte.
    name = member.orig_filename
    if not member.flag_bits & _UTF8_NAMES:
        try:
            return name.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return name


def is_encrypted(member: zipfile.ZipInfo) -> bool:
    """Whether a member cannot be read without a password."""
    return bool(member.flag_bits & _ENCRYPTED)
