"""Which images belong together: a group never crosses a split, a fold or a resample.

Exact copies, images that look alike (``near_duplicates``) and images that the user says belong together are joined;
what is joined with the same image is joined. Barz & Denzler 2020, "Do we train on test data?", found that 3 to
10 % of CIFAR's test images have near-duplicates in training.
"""

from __future__ import annotations

from collections.abc import Sequence

from tlsearch.config_values import compile_group_by
from tlsearch.data.index import DatasetIndex
from tlsearch.data.near_duplicates.unions import join
from tlsearch.errors import UsageError


def group_images(index: DatasetIndex, group_by: str | None = None) -> tuple[int, ...]:
    """For every image the group that it belongs to: the least row of the images that are joined with it.

    Copies are joined unless look-alikes are switched off. Images to which the source gives the same group are joined.
    ``group_by`` is a regular expression that is searched in the path of an image relative to the data set: images with
    the same first capture group, or the same whole match where it has none, are joined. Raises ``UsageError`` when it
    is no regular expression or joins nothing.
    """
    named = () if group_by is None else named_pairs(index, group_by)
    annotated = _pairs([image.group for image in index.images])
    copies = () if index.look_alikes == "off" else index.copies
    return join(len(index.images), (*copies, *index.lookalikes, *annotated, *named))


def named_pairs(index: DatasetIndex, group_by: str) -> list[tuple[int, int]]:
    """Pairs of rows (first, later) whose paths give the same name by ``group_by``."""
    return _pairs(group_names([image.own_path for image in index.images], group_by))


def _pairs(names: Sequence[str | None]) -> list[tuple[int, int]]:
    """Pairs of rows (first, later) that have the same name; rows without one are in none."""
    first: dict[str, int] = {}
    pairs = ((first.setdefault(name, row), row) for row, name in enumerate(names) if name is not None)
    return [(one, other) for one, other in pairs if one != other]


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
