"""Paths on the command line: ``~`` is the home folder also where the shell leaves it, as in ``--output=~/run``."""

from __future__ import annotations

import errno
from pathlib import Path

import click

from tlsearch.cli.terminal.mistakes import parameter_name
from tlsearch.config_values import not_wanted
from tlsearch.utils.addresses import expand_home, is_address


class UserPath(click.Path):
    """A path, with ``~`` expanded. Takes what ``click.Path`` takes but ``path_type``."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Expand and check a path. Raises ``UsageError`` where it is none."""
        text, name = str(value), parameter_name(param)
        if not text.strip() or "\0" in text:
            raise not_wanted(name, text, "a path, such as . for the working directory")
        path = expand_home(Path(text))
        _ask_system(path, name, text)
        try:
            return Path(str(super().convert(path, param, ctx)))
        except click.BadParameter as error:
            kind = "a file" if self.file_okay else "a folder"
            if self.file_okay and self.dir_okay:
                kind = "a file or a folder"
            raise not_wanted(name, text, f"{kind} that may be read") from error


def _ask_system(path: Path, name: str, text: str) -> None:
    """Raise ``UsageError`` for what can be no path: a name that is too long, links that lead in a circle.

    Of anything else that is in the way whoever uses the path says more.
    """
    try:
        path.stat()
    except ValueError:  # letters that no system has in a name
        return
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            raise not_wanted(name, text, f"a path that the system can follow ({error.strerror})") from error


class Source(UserPath):
    """A path, or an address, which stays a text: a path would have one slash where an address has two."""

    def convert(  # type: ignore[override] # an address is no path
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | str:
        """Expand and check a path, or take an address."""
        return value if isinstance(value, str) and is_address(value) else super().convert(value, param, ctx)


class PictureSource(Source):
    """A path, an address, or ``-`` for a list on standard input, which stays a text: ``./-`` is a file."""

    def convert(  # type: ignore[override] # neither an address nor the list is a path
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | str:
        """Expand and check a path, or take what is none."""
        return "-" if value == "-" else super().convert(value, param, ctx)
