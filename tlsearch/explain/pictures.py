"""Pictures explained: what is predicted, where the heat for a class lies, overlays and arrays as files."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tlsearch.data.images.decode import calm_pillow
from tlsearch.data.images.parallel import in_batches, map_stream
from tlsearch.errors import UsageError
from tlsearch.explain.map_files import MapFolder
from tlsearch.explain.maps import BATCH, Explainer, HeatMaps
from tlsearch.explain.measures import border_shares, centres
from tlsearch.models.temperature import divide_by_temperature
from tlsearch.plugins.api import Images
from tlsearch.predictor import LABELS_FILE, Pictures, Predictor
from tlsearch.predictor.folder import require_outside_model
from tlsearch.predictor.sources import pictures_of
from tlsearch.predictor.sources.picture import Picture, Shape, read_pixels
from tlsearch.types import Float32Array, Float64Array
from tlsearch.utils.texts import either, nearest

EXPLAINED_FOLDER = "explained"
"""The folder of a run for overlays and arrays."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What the model says of one picture, and which places of it speak for a class.

    Attributes:
        name: What the picture is called, as in ``Prediction``.
        path: The file, where it is one that lies on a disk.
        label: The most probable class; None where the picture could not be read.
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

    name: str = ""
    path: Path | None = None
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
    predictor: Predictor, items: Pictures, about: str | None = None, to: Path | None = None
) -> Iterator[Explanation]:
    """Explain pictures, one after the other, in the order of ``items`` and in flat memory.

    Args:
        predictor: The model.
        items: As for ``Predictor.stream``: files, folders for the pictures in them at any depth, addresses, arrays.
        about: The class that the maps are about; None for the most probable one of each picture.
        to: A folder for an overlay (PNG) and an array (NPY) of each picture; None writes nothing. Only a map of the
            same picture and class is replaced.

    Returns:
        An explanation of each picture; one that cannot be read says why.

    Raises:
        UsageError: The model has no such class, its network has no features with places, or the folder cannot be made.
    """
    maker = MapMaker(predictor, about, to)
    return _explained(maker, map_stream(_reader(predictor), pictures_of(items), ahead=2 * BATCH))


def read_images(predictor: Predictor, files: Sequence[Path]) -> Iterator[Images | str]:
    """The pixels (S, S, 3) of each file as the predictor decodes it, or why it cannot be read; threads read ahead."""
    pictures = (Picture(name=str(file), content=file) for file in files)
    with calm_pillow(), closing(map_stream(_reader(predictor), pictures)) as read:
        yield from (pixels for _, pixels in read)


def _reader(predictor: Predictor) -> Callable[[Picture], tuple[Picture, Images | str]]:
    shape = Shape(size=predictor.image_size, base=predictor.decode_size, decoding=predictor.decoding)
    return partial(read_pixels, shape=shape)


def _explained(maker: MapMaker, decoding: Generator[tuple[Picture, Images | str], None, None]) -> Iterator[Explanation]:
    with calm_pillow(), closing(decoding) as decoded:
        for batch in in_batches(decoded, BATCH):
            yield from maker.explain(batch)


class MapMaker:
    """Explains batches of pictures and writes their overlays and arrays.

    Args:
        predictor: The model.
        about: The class that the maps are about; None for the most probable one of each picture.
        to: A folder for an overlay (PNG) and an array (NPY) of each picture; None writes nothing.

    Raises ``UsageError`` where the model has no such class, its network has no features with places, or the folder
    cannot be made or is that of the model.
    """

    def __init__(self, predictor: Predictor, about: str | None = None, to: Path | None = None) -> None:
        if to is not None:
            require_outside_model(to, predictor.folder)
        self._about = None if about is None else _class_number(predictor, about)
        self._explainer = Explainer(predictor)
        self._folder = None if to is None else MapFolder(to)

    def explain(self, batch: Sequence[tuple[Picture, Images | str]]) -> Iterator[Explanation]:
        """Explain a batch: pictures, each with its pixels (S, S, 3) or with the reason why there are none."""
        pixels = [found for _, found in batch if not isinstance(found, str)]
        rows = iter(self._rows(np.stack(pixels)) if pixels else ())
        for picture, found in batch:
            if isinstance(found, str):
                yield Explanation(name=picture.name, path=picture.path, error=found)
                continue
            row = next(rows)
            written: tuple[Path, Path] | tuple[None, None] = (None, None)
            if self._folder is not None:
                written = self._folder.write(picture, found, row.labels[row.about], row.heat)
            yield row.of(picture, *written)

    def watch(self, batch: Sequence[tuple[Picture, Images | str]]) -> None:
        """Write overlays and arrays of a batch that ``Predictor.stream`` is about to answer."""
        for _ in self.explain(batch):
            pass

    def _rows(self, images: Images) -> list[_Row]:
        about = self._about
        classes = None if about is None else np.full(len(images), about, np.intp)
        return _rows(self._explainer.predictor, self._explainer(images, classes))


def _class_number(predictor: Predictor, name: str) -> int:
    if name in predictor.labels:
        return predictor.labels.index(name)
    near = nearest(name, predictor.labels)
    known = f"did you mean {either(map(repr, near))}?" if near else f"{predictor.folder / LABELS_FILE} lists its names."
    raise UsageError(f"The model has no class {name!r}: {known}")


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

    def of(self, picture: Picture, drawn: Path | None, array: Path | None) -> Explanation:
        """The explanation of a picture."""
        best = int(self.probabilities.argmax())
        x, y = (float(value) for value in self.centre)
        nowhere = bool(np.isnan(self.border))
        return Explanation(
            name=picture.name,
            path=picture.path,
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


def _rows(predictor: Predictor, found: HeatMaps) -> list[_Row]:
    temperature = predictor.applied_temperature()
    uncorrected = found.probabilities
    probabilities = uncorrected if temperature is None else divide_by_temperature(uncorrected, temperature.value)
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
        for n in range(len(found.maps))
    ]
