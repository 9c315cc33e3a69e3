"""What a data set holds, in a line that ``tlsearch check`` and ``tlsearch run`` begin with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tlsearch.data.index import DatasetIndex
from tlsearch.data.split import crossing
from tlsearch.folders.walk import files_of
from tlsearch.utils.units import counted


def totals(index: DatasetIndex, groups: Sequence[int]) -> str:
    """``3 classes, 60 images (1 set aside, 8 in 4 groups kept together), 2 files not used``.

    ``groups`` are those of ``Split``. An image set aside is one of the images, but of no part; a file that is not used
    is no image. Groups are counted without what is set aside.
    """
    aside = crossing(index, groups)
    used = Counter(group for row, group in enumerate(groups) if row not in aside)
    sizes = [size for size in used.values() if size > 1]
    notes = [f"{len(aside):,} set aside"] if aside else []
    if sizes:
        notes.append(f"{sum(sizes):,} in {counted(len(sizes), 'group')} kept together")
    text = f"{counted(len(index.classes), 'class', 'classes')}, {counted(len(index.images), 'image')}"
    text += f" ({', '.join(notes)})" if notes else ""
    return text + (f", {files_of(index.skipped)} not used" if index.skipped else "")
