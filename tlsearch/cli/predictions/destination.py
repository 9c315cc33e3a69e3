"""Where predictions go: standard output, or a file that appears whole."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tlsearch.cli.predictions.formats import FORMATS, Format
from tlsearch.errors import UsageError
from tlsearch.utils.files import atomic_path


class Destination:
    """A stream that is being written.

    Attributes:
        stream: Takes text or bytes, as the format does.
        interrupted: To be set where more would have come: a file then gets the name ``partial``.
    """

    def __init__(self, stream: IO[Any], *, printed: bool) -> None:
        self.stream = stream
        self.interrupted = False
        self._printed = printed

    def pass_on(self) -> None:
        """Let whoever reads what is printed have it."""
        if self._printed:
            self.stream.flush()


def chosen_format(form: str | None, to: Path | None) -> str:
    """The name of the format: the one that was asked for, that of the file's ending, or the table.

    Raises ``UsageError`` where a terminal cannot take it.
    """
    endings = {each.ending: name for name, each in FORMATS.items() if each.ending}
    name = form or (endings.get(to.suffix.lower(), "table") if to is not None else "table")
    if FORMATS[name].binary and to is None:
        raise UsageError(f"--format {name} gives no text that can be printed: name a file with --to FILE.")
    return name


@contextmanager
def open_destination(to: Path | None, form: Format) -> Iterator[Destination]:
    """Open standard output, or a file that takes its name when the block has ended.

    A block that raises leaves no file, and one that was there before stays. Raises ``UsageError`` where a file cannot
    be written.
    """
    if to is None:
        yield Destination(sys.stdout, printed=True)
        return
    if to.is_dir():
        raise UsageError(f"--to {to} is a folder: name a file in it.")
    try:
        with atomic_path(to) as temporary:
            with _open(temporary, form) as stream:
                destination = Destination(stream, printed=False)
                yield destination
            if destination.interrupted:
                temporary.replace(partial(to))
    except OSError as error:
        raise UsageError(f"--to {to} cannot be written ({error.strerror or error}): name another file.") from error


def partial(to: Path) -> Path:
    """The name of a file that does not hold everything: ``found.partial.csv`` for ``found.csv``."""
    return to.with_name(f"{to.stem}.partial{to.suffix}")


def _open(path: Path, form: Format) -> IO[Any]:
    return path.open("wb") if form.binary else path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
