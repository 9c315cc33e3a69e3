"""The names of groups that a user's regular expression finds in paths."""

from __future__ import annotations

from collections.abc import Sequence

from tlsearch.config import compile_group_by
from tlsearch.errors import UsageError


def group_names(paths: Sequence[str], group_by: str) -> list[str | None]:
    """For each path the first capture group of the expression, or the whole match where it has none; None where it
    does not match.

    Raises ``UsageError`` when ``group_by`` is no regular expression or matches none of the paths.
    """
    pattern = compile_group_by(group_by)
    found = (pattern.search(path) for path in paths)
    names = [match and (match.group(1) if pattern.groups else match.group()) for match in found]
    if paths and all(name is None for name in names):
        raise UsageError(
            f"--group-by {group_by!r} matches no file, the first of which is {paths[0]!r}: write a regular expression "
            "that finds the group's name in such a path."
        )
    return names
