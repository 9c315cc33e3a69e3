"""The names of groups that a user's regular expression finds in paths."""

from __future__ import annotations

from collections.abc import Sequence

from tlsearch.config import compile_group_by
from tlsearch.errors import UsageError


def group_names(paths: Sequence[str], group_by: str) -> list[str | None]:
    """For each path the first capture group of the expression, or the whole match where it has none.

    None where it does not match or what it finds is empty.

    Raises ``UsageError`` when ``group_by`` is no regular expression, finds no name, or gives each path another one.
    """
    pattern = compile_group_by(group_by)
    found = (pattern.search(path) for path in paths)
    names = [(match.group(1) if pattern.groups else match.group()) or None if match else None for match in found]
    given = [name for name in names if name is not None]
    if paths and not given:
        raise UsageError(
            f"--group-by {group_by!r} finds no name in any path, the first of which is {paths[0]!r}: write a regular "
            "expression that finds the group's name in such a path."
        )
    if given and len(set(given)) == len(given):
        raise UsageError(
            f"--group-by {group_by!r} joins nothing, as all names that it finds, such as {given[0]!r}, are "
            "different: write a regular expression that finds the same name for all files of a group, or leave it out."
        )
    return names
