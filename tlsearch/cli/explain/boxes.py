"""What ``tlsearch explain`` does with boxes: it writes those of images, and scores those of a data set."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tlsearch.explain.box_files import BoxedFile, BoxFormat
    from tlsearch.explain.pictures import Explanation
    from tlsearch.predictor import Predictor

BOX_FORMATS = ("json", "csv", "coco", "voc")
"""Those of ``tlsearch.explain.box_files``, which is not imported to print help."""


class BoxWriter:
    """Takes the boxes of explanations that pass by, and writes them in each of ``forms`` into ``folder``."""

    def __init__(self, predictor: Predictor, forms: Sequence[BoxFormat], folder: Path) -> None:
        from tlsearch.explain.boxes import Threshold
        from tlsearch.explain.finer import FinerMaps

        self._predictor, self._forms, self._folder = predictor, tuple(dict.fromkeys(forms)), folder
        self._maps = FinerMaps(predictor)
        self._threshold = Threshold.of(predictor)
        self._found: list[BoxedFile] = []
        self._no_files = 0

    @property
    def summary(self) -> str:
        """How many boxes there are, and from which heat on a place is in one."""
        from tlsearch.utils.units import counted

        count = sum(item.box is not None for item in self._found)
        source = "the default" if not self._threshold.images else "chosen by the run"
        none = f", none of {counted(self._no_files, 'image')} that lie in no file" if self._no_files else ""
        return f"{counted(count, 'box', 'boxes')} (threshold {self._threshold.value:.2f}, {source}){none}"

    def take(self, explanations: Iterable[Explanation]) -> Iterator[Explanation]:
        """Give the explanations on, and keep the box of each."""
        from tlsearch.explain.maps import BATCH

        passing = iter(explanations)
        while batch := list(islice(passing, BATCH)):
            self._keep([explanation for explanation in batch if explanation.error is None])
            yield from batch

    def _keep(self, batch: Sequence[Explanation]) -> None:
        """Keep the boxes of explanations of files, from finer maps than theirs."""
        from tlsearch.explain.box_files import box_of

        labels = self._predictor.labels
        files = {
            n: (one.path, labels.index(one.explained)) for n, one in enumerate(batch) if one.path and one.explained
        }
        rows = self._maps.of_files([path for path, _ in files.values()], [about for _, about in files.values()])
        heat = {list(files)[row]: maps[0] for row, maps in rows}
        for number, explanation in enumerate(batch):
            finer = replace(explanation, heat=heat.get(number))
            if (box := box_of(self._predictor, finer, self._threshold)) is not None:
                self._found.append(box)
            else:
                self._no_files += 1

    def write(self) -> list[Path]:
        """Write them, and give the file or the folder of each format.

        Raises ``UsageError`` where it cannot be written, or holds boxes already.
        """
        from tlsearch.explain.box_files import write_boxes

        labels = self._predictor.labels
        return [write_boxes(self._found, form, self._folder, labels) for form in self._forms]


def print_box_scores(model_dir: Path, source: Path | str, max_pixels: int | None) -> None:
    """Print how well the boxes of a model fit those of a data set.

    Raises ``UsageError`` where there are too few of them, or classes that the model does not know.
    """
    from rich.console import Console

    from tlsearch.cli.terminal.screen import print_table, print_text, room
    from tlsearch.cli.terminal.table import Column, Row, Table
    from tlsearch.explain.boxed_images import read_boxed
    from tlsearch.explain.localise import BoxRequest, localise
    from tlsearch.predictor import load
    from tlsearch.report.sections.localisation import HEADINGS, score_rows, sentences

    predictor = load(model_dir, max_pixels)
    dataset = read_boxed(source, predictor.labels)
    found = localise(BoxRequest(model=model_dir, scored=dataset.scored, choosing=dataset.choosing), predictor)
    console = Console(file=sys.stdout, highlight=False)
    columns = tuple(Column(heading, right=bool(heading)) for heading in HEADINGS)
    print_table(console, Table(columns, tuple(map(Row, score_rows(found)))), room(console))
    for sentence in sentences(found):
        print_text(console, sentence)
