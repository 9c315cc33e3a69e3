"""A loaded model: picture files in, class names and probabilities out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tlsearch.data.images.decode import ImageError, calm_pillow, read_square
from tlsearch.data.images.parallel import map_files
from tlsearch.data.images.rgb import Decoding
from tlsearch.errors import UsageError
from tlsearch.models.temperature import Temperature, divide_by_temperature
from tlsearch.plugins.api import Images
from tlsearch.predictor.folder import CONFIG_FILE
from tlsearch.predictor.pictures import find_pictures


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What the model says of one file.

    ``top`` are the most probable classes with their probabilities, best first; ``label`` and ``probability``
    are its first entry. ``calibrated`` says whether the probabilities have the model's temperature. Where the file
    could not be read, ``error`` says why and there is nothing else.
    """

    path: Path
    label: str | None
    probability: float | None
    top: tuple[tuple[str, float], ...] = ()
    error: str | None = None
    calibrated: bool = False


class Predictor:
    """A classifier loaded from a model folder; see ``load``. Not for use from several threads at once."""

    def __init__(self, model: Any, labels: Sequence[str], config: Mapping[str, Any], folder: Path) -> None:
        self.model = model
        self.labels = tuple(labels)
        self.config = dict(config)
        self.folder = folder
        self.image_size = int(config["image_size"])
        self.decode_size = int(config.get("decode_size", self.image_size))
        self.decoding = Decoding.of(config)
        self.temperature = Temperature.of(config)

    @property
    def parameters(self) -> int:
        """How many values the model has, those that stay frozen included."""
        return int(self.model.count_params())

    def predict(
        self,
        paths: Sequence[Path | str] | Path | str,
        batch_size: int = 32,
        top: int = 5,
        calibrated: bool | None = None,
    ) -> list[Prediction]:
        """One ``Prediction`` a file, with the ``top`` most probable classes.

        A folder stands for the pictures in it, at any depth, in order of their names. ``calibrated`` says whether
        probabilities have the model's temperature; None means where that is shown to help. It changes no class, nor
        their order. Raises ``UsageError`` for a path that does not exist or a folder without pictures, and where a
        temperature is asked for that the model does not have; a file that cannot be read is reported in its
        ``Prediction``.
        """
        files = find_pictures([paths] if isinstance(paths, (str, Path)) else paths)
        temperature = self.applied_temperature(calibrated)
        predictions = []
        for file, row in zip(files, self._rows(files, batch_size), strict=True):
            if isinstance(row, str):
                predictions.append(Prediction(path=file, label=None, probability=None, error=row))
                continue
            order = np.argsort(-row, kind="stable")[:top]
            shown = _with_temperature(row, temperature)
            best = tuple((self.labels[i], float(shown[i])) for i in order)
            label, probability = best[0]
            calibrates = temperature is not None
            predictions.append(
                Prediction(path=file, label=label, probability=probability, top=best, calibrated=calibrates)
            )
        return predictions

    def probabilities(
        self, paths: Sequence[Path | str], batch_size: int = 32, calibrated: bool | None = None
    ) -> npt.NDArray[np.float64]:
        """Probabilities of shape (len(paths), classes) in the order of ``paths`` and ``labels``.

        NaN in the row of a file that could not be read. ``calibrated`` is as in ``predict``.
        """
        unread, temperature = np.full(len(self.labels), np.nan), self.applied_temperature(calibrated)
        rows = self._rows([Path(path) for path in paths], batch_size)
        return np.array(
            [unread if isinstance(row, str) else _with_temperature(row, temperature) for row in rows]
        ).reshape(-1, len(unread))

    def applied_temperature(self, calibrated: bool | None = None) -> Temperature | None:
        """Give the temperature that predictions have where ``calibrated`` is asked for, or None where they have none.

        Raises:
            UsageError: One is asked for, and the model has none.
        """
        if calibrated and self.temperature is None:
            raise UsageError(
                f"{self.folder / CONFIG_FILE} has no temperature to calibrate probabilities with; leave --calibrated "
                "out, or run again to make a model that has one."
            )
        wanted = self.temperature is not None and self.temperature.by_default if calibrated is None else calibrated
        return self.temperature if wanted else None

    def _rows(self, files: Sequence[Path], batch_size: int) -> Iterator[npt.NDArray[np.float64] | str]:
        """A row of probabilities for each file, or the reason why there is none."""
        with calm_pillow():
            # Threads decode ahead while the model works on a batch.
            decoded = map_files(self._read, files)
            while batch := list(islice(decoded, batch_size)):
                pictures = [item for item in batch if not isinstance(item, str)]
                answers = iter(self._run(np.stack(pictures), batch_size) if pictures else ())
                for item in batch:
                    yield item if isinstance(item, str) else next(answers)

    def _read(self, file: Path) -> Images | str:
        try:
            return read_square(file, self.image_size, self.decode_size, self.decoding)
        except ImageError as error:
            return error.reason

    def _run(self, images: Images, batch_size: int) -> npt.NDArray[np.float64]:
        """The model on a batch, filled up to a full one so that it is compiled for one shape only."""
        missing = max(0, batch_size - len(images)) if len(images) > 1 else 0
        filled = np.concatenate([images, np.repeat(images[-1:], missing, axis=0)]) if missing else images
        answers = self.model.predict_on_batch(filled.astype(np.float32))
        return np.asarray(answers, dtype=np.float64)[: len(images)]


def _with_temperature(row: npt.NDArray[np.float64], temperature: Temperature | None) -> npt.NDArray[np.float64]:
    """One row of probabilities with the temperature."""
    return row if temperature is None else divide_by_temperature(row[None], temperature.value)[0]
