"""What a file of predictions may not take the place of: an image, a list, a model, or a file of somebody else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tlsearch.cli.predictions.destination import partial
from tlsearch.cli.predictions.formats import FORMATS
from tlsearch.cli.predictions.text import CSV_COLUMNS
from tlsearch.errors import UsageError
from tlsearch.folders.archives import is_archive
from tlsearch.folders.walk import looks_like_image
from tlsearch.predictor.folder import require_outside_model
from tlsearch.utils.texts import either

TABLE_ENDINGS = ("", ".txt")
"""Those of a file with the table, where no format is named."""

_HEAD = 4096
"""Bytes that say whether a file holds predictions."""

_TABLE = re.compile(r"\s*image\s+class\s+probability\b")
_JSON = re.compile(r'(\[\s*)?\{\s*"path": .*?,\s*"label": .*?,\s*"probability": ', re.DOTALL)
_EMPTY_JSON = re.compile(r"\[\s*\]\s*")


def require_replaceable(to: Path, form: str | None, model_dir: Path, read: Iterable[Path | str]) -> None:
    """Raise ``UsageError`` unless predictions may be written into the file ``to``.

    Args:
        to: What ``--to`` names.
        form: The format that was asked for; None where the ending decides.
        model_dir: The folder of the model, in which nothing is written.
        read: The images and lists that are read.
    """
    endings = [each.ending for each in FORMATS.values() if each.ending]
    if looks_like_image(to.name) or is_archive(to.name):
        kind = "an image" if looks_like_image(to.name) else "an archive"
        raise UsageError(f"--to {to} has the name of {kind}: name a file that ends in {either(endings)}.")
    if form is None and to.suffix.lower() not in (*endings, *TABLE_ENDINGS):
        raise UsageError(
            f"--to {to} ends in {to.suffix}, which is no format of predictions: name a file that ends in "
            f"{either((*endings, '.txt'))}, or say what is in it with --format."
        )
    for path in read:
        if _is_same(to, path):
            raise UsageError(f"--to {to} is read as {path} as well: name another file.")
    require_outside_model(to, model_dir)
    try:
        for path in (to, partial(to)):
            _require_own_place(to, path)
    except OSError as error:  # as of a name that is too long
        raise UsageError(f"--to {to} cannot be written ({error.strerror or error}): name another file.") from error


def _require_own_place(to: Path, path: Path) -> None:
    """Raise ``UsageError`` where ``path``, which writing into ``to`` may replace, is anything but predictions."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UsageError(
            f"--to {to} would replace {path}, which is a device or a pipe and no file: leave --to out to print "
            "predictions, or name a file."
        )
    if path.is_file() and not holds_predictions(path):
        raise UsageError(f"--to {to} would replace {path}, which holds no predictions: name another file.")


def _is_same(to: Path, read: Path | str) -> bool:
    try:
        return to.is_file() and to.samefile(read)
    except (OSError, ValueError):  # an address, or nothing that is there
        return False


def holds_predictions(path: Path) -> bool:
    """Whether predictions of ``tlsearch predict``, in any of its formats, or nothing at all stands in a file."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError:
        return False
    if head.startswith(b"PAR1"):
        return _parquet_columns(path)[:3] == ["path", "label", "probability"]
    text = head.decode("utf-8", "replace")
    found = text.startswith(",".join(CSV_COLUMNS)) or _TABLE.match(text) or _JSON.match(text)
    return bool(not text.strip() or found or _EMPTY_JSON.fullmatch(text))


def _parquet_columns(path: Path) -> list[str]:
    import pyarrow
    from pyarrow import parquet

    try:
        return list(parquet.read_schema(path).names)
    except (OSError, pyarrow.ArrowException):
        return []
