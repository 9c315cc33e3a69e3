"""Which images belong together: a group never crosses a split, a fold or a resample.

Exact copies, images that look alike (``near_duplicates``) and images that the user says belong together are joined;
what is joined with the same image is joined. Barz & Denzler 2020, "Do we train on test data?", found that 3 to
10 % of CIFAR's test images have near-duplicates in training.
"""

from __future__ import annotations

from collections.abc import Sequence

from tlsearch.data.index import DatasetIndex
from tlsearch.data.naming import group_names
from tlsearch.data.unions import join


def group_images(index: DatasetIndex, group_by: str | None = None) -> tuple[int, ...]:
    """For every image the group that it belongs to: the least row of the images that are joined with it.

    Copies are joined unless look-alikes are switched off. Images to which the source gives the same group are joined.
    ``group_by`` is a regular expression that is searched in the path of an image relative to the data set: images with
    the same first capture group, or the same whole match where it has none, are joined. Raises ``UsageError`` when it
    is no regular expression or joins nothing.
    """
    named = () if group_by is None else named_pairs(index, group_by)
    said = _pairs([image.group for image in index.images])
    copies = () if index.look_alikes == "off" else index.copies
    return join(len(index.images), (*copies, *index.lookalikes, *said, *named))


def named_pairs(index: DatasetIndex, group_by: str) -> list[tuple[int, int]]:
    """Pairs of rows (first, later) whose paths give the same name by ``group_by``."""
    return _pairs(group_names([image.own_path for image in index.images], group_by))


def _pairs(names: Sequence[str | None]) -> list[tuple[int, int]]:
    """Pairs of rows (first, later) that have the same name; rows without one are in none."""
    first: dict[str, int] = {}
    pairs = ((first.setdefault(name, row), row) for row, name in enumerate(names) if name is not None)
    return [(one, other) for one, other in pairs if one != other]
