"""Picture files explained: what is predicted, where the heat for a class lies, overlays and arrays as files."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from tlsearch.data.images.decode import ImageError, calm_pillow, read_square
from tlsearch.data.images.parallel import map_files
from tlsearch.errors import UsageError
from tlsearch.explain.maps import BATCH, Explainer, HeatMaps
from tlsearch.explain.measures import border_shares, centres
from tlsearch.explain.overlay import overlay, to_png
from tlsearch.models.temperature import divide_by_temperature
from tlsearch.plugins.api import Images
from tlsearch.predictor import LABELS_FILE, Predictor, find_pictures
from tlsearch.types import Float32Array, Float64Array
from tlsearch.utils.files import write_atomically
from tlsearch.utils.texts import either, nearest

EXPLAINED_FOLDER = "explained"
"""The folder of a run for overlays and arrays."""

_LONGEST_NAME = 80


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What the model says of one file, and which places of the picture speak for a class.

    Attributes:
        path: The file.
        label: The most probable class; None where the file could not be read.
        probability: Its probability, with the temperature where ``predict`` applies it.
        explained: The class that the map is about.
        explained_probability: Its probability.
        centre: The centre of the heat for the class, x from the left and y from the top, 0 to 1 of the square that the
            network sees; None where no place speaks for the class.
        border: The share of that heat in the border frame of a tenth of the side; the frame is .36 of the area.
        heat: Shape (H, W): what each place adds to the logit of the class, in logits.
        method: How the map was made: "cam" is exact, "hires-cam" is a gradient.
        exact: Whether the sum of the map plus the bias of the class is the logit.
        overlay: The file with the heat over the picture, where one was written.
        array: The file with the map, where one was written.
        error: Why there is nothing else.
    """

    path: Path
    label: str | None = None
    probability: float | None = None
    explained: str | None = None
    explained_probability: float | None = None
    centre: tuple[float, float] | None = None
    border: float | None = None
    heat: Float32Array | None = None
    method: str | None = None
    exact: bool | None = None
    overlay: Path | None = None
    array: Path | None = None
    error: str | None = None


def explain_files(
    predictor: Predictor, paths: Sequence[Path | str], about: str | None = None, to: Path | None = None
) -> Iterator[Explanation]:
    """Explain picture files, one after the other, in the order of ``paths`` and in flat memory.

    Args:
        predictor: The model.
        paths: Files, and folders for the pictures in them at any depth.
        about: The class that the maps are about; None for the most probable one of each picture.
        to: A folder for an overlay (PNG) and an array (NPY) of each picture; None writes nothing.

    Raises:
        UsageError: A path does not exist, a folder has no picture, the model has no such class, or its network has no
            features with places.
    """
    place = None if about is None else _class_number(predictor, about)
    files = find_pictures(paths)
    explainer = Explainer(predictor)
    return _explained(explainer, files, place, None if to is None else _Folder(to))


def _class_number(predictor: Predictor, name: str) -> int:
    if name in predictor.labels:
        return predictor.labels.index(name)
    near = nearest(name, predictor.labels)
    known = f"did you mean {either(map(repr, near))}?" if near else f"{predictor.folder / LABELS_FILE} lists its names."
    raise UsageError(f"The model has no class {name!r}: {known}")


def read_images(predictor: Predictor, files: Sequence[Path]) -> Iterator[Images | str]:
    """The pixels (S, S, 3) of each file as the predictor decodes it, or why it cannot be read; threads read ahead."""

    def read(file: Path) -> Images | str:
        try:
            return read_square(file, predictor.image_size, predictor.decode_size, predictor.decoding)
        except ImageError as error:
            return error.reason

    with calm_pillow():
        yield from map_files(read, files)


def _explained(
    explainer: Explainer, files: Sequence[Path], about: int | None, folder: _Folder | None
) -> Iterator[Explanation]:
    predictor = explainer.predictor
    decoded = zip(files, read_images(predictor, files), strict=True)
    while batch := list(islice(decoded, BATCH)):
        pictures = [item for _, item in batch if not isinstance(item, str)]
        if pictures:
            images = np.stack(pictures)
            classes = None if about is None else np.full(len(images), about, np.intp)
            rows = iter(_rows(predictor, images, explainer(images, classes)))
        for file, item in batch:
            if isinstance(item, str):
                yield Explanation(path=file, error=item)
                continue
            row = next(rows)
            yield row.of(file, *(folder.write(file, item, row) if folder else (None, None)))


@dataclass(frozen=True, kw_only=True)
class _Row:
    """What there is of one picture before it has files."""

    labels: Sequence[str]
    probabilities: Float64Array
    about: int
    heat: Float32Array
    centre: Float64Array
    border: float
    method: str
    exact: bool

    def of(self, file: Path, drawn: Path | None, array: Path | None) -> Explanation:
        """The explanation of a file."""
        best = int(self.probabilities.argmax())
        x, y = (float(value) for value in self.centre)
        nowhere = bool(np.isnan(self.border))
        return Explanation(
            path=file,
            label=self.labels[best],
            probability=float(self.probabilities[best]),
            explained=self.labels[self.about],
            explained_probability=float(self.probabilities[self.about]),
            centre=None if nowhere else (x, y),
            border=None if nowhere else self.border,
            heat=self.heat,
            method=self.method,
            exact=self.exact,
            overlay=drawn,
            array=array,
        )


def _rows(predictor: Predictor, images: Images, found: HeatMaps) -> list[_Row]:
    temperature = predictor.applied_temperature()
    told = found.probabilities
    probabilities = told if temperature is None else divide_by_temperature(told, temperature.value)
    middle, borders = centres(found.maps), border_shares(found.maps)
    return [
        _Row(
            labels=predictor.labels,
            probabilities=probabilities[n],
            about=int(found.classes[n]),
            heat=found.maps[n],
            centre=middle[n],
            border=float(borders[n]),
            method=found.method,
            exact=found.exact,
        )
        for n in range(len(images))
    ]


class _Folder:
    """Where overlays and arrays go, each file under a name of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._used: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise UsageError(f"{folder} cannot be made ({reason}): name a folder that may be written.") from error

    def write(self, file: Path, image: Images, row: _Row) -> tuple[Path, Path]:
        """Write the overlay and the array of a picture, each renamed into place."""
        name = self._name(file, row.labels[row.about])
        drawn, array = self._folder / f"{name}.png", self._folder / f"{name}.npy"
        write_atomically(drawn, to_png(overlay(image, row.heat)))
        stream = io.BytesIO()
        np.save(stream, row.heat, allow_pickle=False)
        write_atomically(array, stream.getvalue())
        return drawn, array

    def _name(self, file: Path, label: str) -> str:
        plain = re.sub(r"[^\w.-]+", "_", f"{file.stem}-{label}")[:_LONGEST_NAME]
        name, number = plain, 2
        while name.casefold() in self._used:
            name, number = f"{plain}-{number}", number + 1
        self._used.add(name.casefold())
        return name
