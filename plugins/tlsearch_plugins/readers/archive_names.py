"""What the names of archives end with."""

from __future__ import annotations

TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")
ZIP_ENDINGS = (".zip",)
OTHER_ENDINGS = (".rar", ".7z", ".tar.zst", ".tzst", ".tar.lz4", ".tar.z")
"""Archives that Python cannot unpack."""


def is_archive(name: str) -> bool:
    """Whether a file of this name is an archive."""
    return name.lower().endswith((*ZIP_ENDINGS, *TAR_ENDINGS, *OTHER_ENDINGS))
