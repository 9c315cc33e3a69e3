"""Paths on the command line: ``~`` is the home folder also where the shell leaves it, as in ``--output=~/run``."""

from __future__ import annotations

from pathlib import Path

import click

from tlsearch.errors import UsageError
from tlsearch.utils.addresses import expand_home, is_address


class UserPath(click.Path):
    """A path, with ``~`` expanded. Takes what ``click.Path`` takes but ``path_type``."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Expand and check a path. Raises ``UsageError`` where it is none."""
        text = str(value)
        if not text.strip() or "\0" in text:
            name = param.get_error_hint(ctx).strip("'") if param is not None and ctx is not None else "The path"
            raise UsageError(f"{name} is {text!r}, which is no path: name a folder or a file, or . for this folder.")
        path = super().convert(expand_home(Path(text)), param, ctx)
        return Path(str(path))


class Source(UserPath):
    """A path, or an address, which stays a text: a path would have one slash where an address has two."""

    def convert(  # type: ignore[override] # an address is no path
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | str:
        """Expand and check a path, or take an address."""
        return value if isinstance(value, str) and is_address(value) else super().convert(value, param, ctx)
