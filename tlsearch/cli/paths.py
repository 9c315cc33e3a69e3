"""Paths on the command line: ``~`` is the home folder also where the shell leaves it, as in ``--output=~/run``."""

from __future__ import annotations

from pathlib import Path

import click

from tlsearch.utils.addresses import expand_home, is_address


class UserPath(click.Path):
    """A path, with ``~`` expanded. Takes what ``click.Path`` takes but ``path_type``."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Expand and check a path."""
        path = super().convert(expand_home(Path(str(value))), param, ctx)
        return Path(str(path))


class Source(UserPath):
    """A path, or an address, which stays a text: a path would have one slash where an address has two."""

    def convert(  # type: ignore[override] # an address is no path
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | str:
        """Expand and check a path, or take an address."""
        return value if isinstance(value, str) and is_address(value) else super().convert(value, param, ctx)
