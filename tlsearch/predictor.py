"""The model that a run leaves behind, put to use: picture files in, class names and probabilities out.

A model folder holds ``model.keras`` (RGB floats 0..255 of shape (N, S, S, 3) in, probabilities out),
``labels.json`` (class names in the order of the outputs) and ``config.json`` (``image_size``: S, ``decode_size``: the
size at which the run kept its pixels, ``window``, ``resize`` and ``max_pixels``: see ``rgb.Decoding``, and
``calibration``: see ``Temperature``). Test figures of a run come from this code, on the original files and without the
temperature.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tlsearch import backend as runtime
from tlsearch.config_values import check_max_pixels
from tlsearch.data.images.decode import ImageError, calm_pillow, read_square
from tlsearch.data.images.parallel import map_files
from tlsearch.data.images.rgb import Decoding
from tlsearch.errors import PluginError, UsageError
from tlsearch.folders.walk import Folder, walk
from tlsearch.models.temperature import Temperature, divide_by_temperature
from tlsearch.plugins import registry
from tlsearch.plugins.api import Images
from tlsearch.plugins.kinds import kind_named

MODEL_FILE = "model.keras"
LABELS_FILE = "labels.json"
CONFIG_FILE = "config.json"
LARGEST_SIDE = 8192
"""Pixels; a file that says more is damaged."""


class ModelError(UsageError):
    """A folder that does not hold a model which tlsearch can use."""


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


def load(model_dir: Path | str, max_pixels: int | None = None) -> Predictor:
    """The predictor of a model folder.

    ``max_pixels`` is the most pixels that a picture may have. None does as the run that made the model: pictures that
    need more than 2 GB of memory are refused where it had no such limit. Imports Keras.

    Raises ``UsageError`` where ``max_pixels`` is out of its range. Raises ``ModelError`` where the folder does not hold
    a model as a run writes it. The file is loaded in Keras' safe mode: it cannot bring code of its own.
    """
    check_max_pixels(max_pixels)
    folder = Path(model_dir)
    if not (folder / MODEL_FILE).is_file():
        inner = folder / "model"
        fix = f"did you mean {inner}?" if (inner / MODEL_FILE).is_file() else "name the model folder of a run."
        raise ModelError(f"{folder} holds no {MODEL_FILE}: {fix}")
    labels = _read_json(folder / LABELS_FILE)
    if not isinstance(labels, list) or not labels or not all(isinstance(name, str) for name in labels):
        raise ModelError(f"{folder / LABELS_FILE} is not a list of class names: take it from the run again.")
    config = _read_json(folder / CONFIG_FILE)
    sizes = [config.get("image_size"), config.get("decode_size", 1)] if isinstance(config, dict) else [None]
    if not all(type(size) is int and 1 <= size <= LARGEST_SIDE for size in sizes):
        raise ModelError(
            f"{folder / CONFIG_FILE} does not say image_size and decode_size, from 1 to {LARGEST_SIDE} pixels: take it "
            "from the run again."
        )
    try:
        Decoding.of(config)
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"{folder / CONFIG_FILE} does not say how images are decoded ({error}): take it from the run again."
        ) from error
    try:
        Temperature.of(config)
    except ValueError as error:
        raise ModelError(
            f"{folder / CONFIG_FILE} does not say how to calibrate ({error}); take it from the run again."
        ) from error
    config = config if max_pixels is None else {**config, "max_pixels": max_pixels}
    predictor = Predictor(_load_model(folder / MODEL_FILE, config.get("backbone")), labels, config, folder)
    side = predictor.image_size
    shapes = tuple(predictor.model.input_shape), tuple(predictor.model.output_shape)
    if shapes != ((None, side, side, 3), (None, len(labels))):
        raise ModelError(
            f"{folder / MODEL_FILE} maps {shapes[0]} to {shapes[1]}, which does not fit the {len(labels)} "
            f"labels and the image size {side} beside it: take the whole folder from one run."
        )
    return predictor


def measure_latency(predictor: Predictor, repeats: int = 20) -> float:
    """Milliseconds that the model takes for one image alone; decoding the file is not in it.

    It is the median of ``repeats`` batches of one, after two that are not counted.
    """
    image = np.zeros((1, predictor.image_size, predictor.image_size, 3), np.float32)
    seconds = []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        predictor.model.predict_on_batch(image)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[2:])) * 1000


def model_megabytes(model_dir: Path | str) -> float:
    """The size of the model's file in millions of bytes."""
    return (Path(model_dir) / MODEL_FILE).stat().st_size / 1e6


def find_pictures(paths: Sequence[Path | str]) -> list[Path]:
    """The files that ``paths`` name: files as they are, and the pictures in folders at any depth, by name.

    A folder is walked as that of a run: links are followed, files without an ending are looked into, and what programs
    leave behind is passed over. Raises ``UsageError`` for a path that does not
    exist and for a folder without pictures.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise UsageError(f"{path} does not exist: name an image file or a folder of images.")
        if not path.is_dir():
            files.append(path)
            continue
        found = list(_images_in(walk(path).root))
        if not found:
            raise UsageError(f"{path} holds no image file: name an image file or a folder of images.")
        files.extend(found)
    return files


def _images_in(folder: Folder) -> Iterator[Path]:
    """Files at any depth that may be images, in order of their paths."""
    entries: list[tuple[str, Path | Folder]] = [(file.name, file) for file in folder.images]
    entries += [(inner.name, inner) for inner in folder.folders]
    for _, entry in sorted(entries, key=lambda pair: pair[0]):
        if isinstance(entry, Folder):
            yield from _images_in(entry)
        else:
            yield entry


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise ModelError(f"{path} is missing: take the whole model folder from the run again.") from None
    except (ValueError, RecursionError):
        raise ModelError(f"{path} is not readable JSON: take it from the run again.") from None


def _load_model(path: Path, backbone: object) -> Any:
    runtime.prepare()
    import keras

    if any(entry.name == backbone and entry.distribution != "tlsearch" for entry in registry.find_plugins("backbone")):
        # Its package may bring layers of its own, which Keras knows once the package is imported.
        with suppress(PluginError):
            registry.load_plugin("backbone", str(backbone))
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds for a file that is broken, unsafe or of another version
        installed = {entry.name for entry in registry.find_plugins("backbone")} | kind_named("backbone").reserved
        if isinstance(backbone, str) and backbone not in installed:
            raise ModelError(
                f"{path} cannot be loaded: it may need layers of its backbone {backbone!r}, which is not installed "
                "here: install the package that brings it."
            ) from error
        lines = str(error).strip().splitlines()
        words = lines[0].rstrip(".") if lines else type(error).__name__
        raise ModelError(f"{path} cannot be loaded ({words}): take it from the run again.") from error
