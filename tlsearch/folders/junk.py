"""Names of files and folders that programs put among people's images, and that are never meant."""

from __future__ import annotations

import re

HIDDEN = "hidden"
"""What entries are counted as whose names begin with a dot."""

HIDDEN_FOLDERS = "hidden folders"
"""What folders are counted as whose names begin with a dot. They are told, for one of them may be meant as a class."""

_JUNK = re.compile(
    r"""
    thumbs\.db | ehthumbs\.db | desktop\.ini | icon\r | picasa\.ini          # thumbnails and settings of folders
    | __macosx                                                               # what macOS adds to archives
    | @eadir | @recycle | @recently-snapshot | @tmp | \#recycle | \#snapshot  # network storage
    | \$recycle\.bin | recycler | system\ volume\ information | lost\+found  # file systems
    | __pycache__ | node_modules                                             # programs
    | mlruns | mlartifacts | mlflow\.db(-journal|-wal|-shm)? | tlsearch-runs # what training programs leave
    | .+\.cache                                                              # of arrays of labels, as YOLO's
    """,
    re.IGNORECASE | re.VERBOSE,
)

_DOWNLOAD_MARK = "zone.identifier"
"""What names end with of what Windows notes of a downloaded file; WSL makes a file of it beside the image."""

_STUB = re.compile(r"\..+\.icloud", re.IGNORECASE)


def junk_kind(name: str) -> str | None:
    """What an entry of this name is counted as where it is passed over, or None where it may be meant.

    A file that iCloud keeps elsewhere (``.name.jpg.icloud``) is meant: it stands for an image that is not here.
    """
    if _JUNK.fullmatch(name):
        return name
    if name.lower().endswith(_DOWNLOAD_MARK):
        return "Zone.Identifier"
    if name.startswith(".") and not _STUB.fullmatch(name):
        return name if name.lower().startswith(".trash") else HIDDEN
    return None


def is_cloud_stub(name: str) -> bool:
    """Whether a file of this name stands for one that iCloud has not brought to this machine."""
    return _STUB.fullmatch(name) is not None
