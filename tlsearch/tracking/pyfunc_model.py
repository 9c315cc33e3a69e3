"""The model that MLflow keeps, as code: MLflow copies this file beside the weights and runs it to load them.

It stands alone, so that a logged model loads where tlsearch is not installed; a network with layers of its own needs
the package that brings them. Pictures are decoded, probabilities calibrated and prediction sets made by copies of
tlsearch's own code, the artifact ``code``, so that they give what ``tlsearch predict`` gives.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

COLUMN = "image"
_BATCH = 32

MODULES_FILE = "modules.json"
"""The list of the modules whose copies lie beside it, each after those that it imports."""

# MLflow sets it in a process that serves a model.
_SERVING = "_MLFLOW_IS_IN_SERVING_ENVIRONMENT"


class ImageClassifier(PythonModel):
    """Pictures in, class names and probabilities out."""

    def load_context(self, context: Any) -> None:
        """Load the artifact ``model``: ``model.keras``, ``labels.json``, ``config.json`` and, if any, the reference."""
        import keras

        folder = Path(context.artifacts["model"])
        code = _load_code(Path(context.artifacts["code"]))
        for module in code["own_layers"].modules_of_own_layers(folder / "model.keras"):
            with suppress(ImportError):  # Keras says which layer it does not find
                importlib.import_module(module)
        self.model = keras.saving.load_model(folder / "model.keras", compile=False, safe_mode=True)
        self.classes = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.size = int(config["image_size"])
        self.base = int(config.get("decode_size", self.size))
        self.decoding, self.calibration, self.uncertainty = code["rgb"], code["temperature"], code["prediction_sets"]
        self.inner_features = code["inner_features"]
        self.how = self.decoding.Decoding.of(config)
        self.temperature = self.calibration.Temperature.of(config)
        self.scores = self.uncertainty.ConformalScores.of(config)
        self.reference = code["reference"].TrainingReference.load(folder)

    # MLflow looks at this type, warns of most others and of none, and checks nothing by it: any input comes through.
    def predict(
        self,
        context: Any,
        model_input: np.ndarray,
        params: dict[str, Any] | None = None,
    ) -> Any:
        """Classify pictures.

        ``model_input`` is one of:

        - an array of RGB values 0..255, shape (N, H, W, 3), of any height and width;
        - a table (pandas DataFrame) with a column ``image``, or with one column of any name, of encoded pictures
          (JPEG, PNG, WebP, BMP, GIF or TIFF): ``bytes``, texts in base64, or paths of files;
        - a series, a list or an array of such cells.

        Sent to a server as JSON, the array is ``{"inputs": [[[[R, G, B], ...], ...], ...]}`` and the table
        ``{"dataframe_split": {"columns": ["image"], "data": [["BASE64"], ...]}}``. A server opens no files by name.

        ``params`` may say ``{"calibrated": True}`` or False where the model has a temperature: whether probabilities
        have it. Without it they do where that is shown to help. The labels are the same.

        They may say ``{"coverage": 0.9}`` where the model has conformal scores: the probability with which a prediction
        set holds the true class of a new picture, above 0 and below 1.

        Returns:
            A data frame with a row for each picture: ``label``, its ``probability``, and ``probabilities`` of all
            classes in the order of ``labels.json``. With a coverage it has three further columns: ``prediction_set``,
            the names of its classes, the most probable first; ``not_sure``, whether these are several; and ``unlike``,
            whether the picture is unlike the training images, None where the model has nothing to compare it with.

        Raises:
            MlflowException: The input has another form, or a picture cannot be read; the message names its row. Or the
                coverage is out of its range.
        """
        import pandas as pd

        asked = params or {}
        coverage = self._coverage(asked.get("coverage"))
        index = model_input.index if isinstance(model_input, (pd.DataFrame, pd.Series)) else None
        pictures = self._pictures(_cells(model_input))
        answers = [self._answers(batch, compare=coverage is not None) for batch in _batches(pictures)]
        given = np.concatenate([probabilities for probabilities, _ in answers])
        best, rows = given.argmax(axis=1), given
        if self.temperature is not None and asked.get("calibrated", self.temperature.by_default):
            rows = self.calibration.divide_by_temperature(given, self.temperature.value)
        columns = {
            "label": [self.classes[i] for i in best],
            "probability": rows[np.arange(len(rows)), best],
            "probabilities": rows.tolist(),
        }
        if coverage is not None:
            columns |= self._doubts(given, [unlike for _, batch in answers for unlike in batch], coverage)
        return pd.DataFrame(columns, index=index)

    def _coverage(self, asked: float | None) -> float | None:
        """The coverage that is asked for. Raises ``MlflowException`` where there is no set of it."""
        if asked is None or self.scores is None:  # MLflow drops it where the signature does not have it
            return None
        if not 0 < asked < 1:
            raise MlflowException.invalid_parameter_value(
                f"The coverage is {asked:g}: give a number above 0 and below 1, such as 0.9."
            )
        return asked

    def _doubts(self, given: np.ndarray, unlike: list[bool | None], coverage: float) -> dict[str, Any]:
        """The columns that say which classes pictures may be, and whether they are unlike the training images.

        ``given`` are the probabilities (N, classes) of the network: sets do not depend on what somebody wants to see.
        """
        fitted = self.temperature
        applied = fitted if fitted is not None and fitted.by_default else None
        maker = self.uncertainty.SetMaker(scores=self.scores, temperature=applied, coverage=coverage)
        sets = [[self.classes[place] for place in maker.classes(row)] for row in given]
        # Of the type object, so that a model without reference images gives None and not NaN.
        flags = np.array(unlike, dtype=object)
        return {"prediction_set": sets, "not_sure": [len(names) > 1 for names in sets], "unlike": flags}

    @cached_property
    def _comparing(self) -> Any:
        """The model with the features that are compared as a second output."""
        return self.inner_features.with_inner_features(self.model, self.reference.layers)

    def _answers(self, pictures: Sequence[np.ndarray], *, compare: bool) -> tuple[np.ndarray, list[bool | None]]:
        """The probabilities of a batch, and of each picture whether it is unlike; None where that is not known."""
        images = np.stack(pictures).astype("float32")
        if not compare or self.reference is None:
            unknown: list[bool | None] = [None for _ in images]
            return np.asarray(self.model.predict_on_batch(images), dtype="float64"), unknown
        probabilities, features = self._comparing.predict_on_batch(images)
        found = self.reference.unlike(self.reference.distances(np.asarray(features)))
        return np.asarray(probabilities, dtype="float64"), found.tolist()

    def _pictures(self, cells: Iterable[Any]) -> Iterator[np.ndarray]:
        """Each cell as uint8 (size, size, 3)."""
        for row, cell in enumerate(cells):
            try:
                if isinstance(cell, np.ndarray):
                    yield self._squeezed(cell)
                else:
                    yield self.decoding.read_square(_encoded(cell), self.size, self.base, self.how)
            except (self.decoding.UnreadableError, OSError, ValueError) as error:
                name = f" ({cell})" if isinstance(cell, (str, os.PathLike)) and len(str(cell)) < 300 else ""
                why = error.strerror if isinstance(error, OSError) and error.strerror else error
                raise MlflowException.invalid_parameter_value(
                    f"The picture in row {row}{name} cannot be used: {why}."
                ) from error

    def _squeezed(self, values: np.ndarray) -> Any:
        """RGB values of one picture, squeezed as a file with these pixels would be."""
        from PIL import Image

        if values.ndim != 3 or values.shape[2] != 3 or not values.size:
            raise ValueError(f"its shape is {values.shape}, and RGB values have the shape (height, width, 3)")
        values = values.astype("float64")
        if not np.isfinite(values).all():
            raise ValueError("some of its values are no finite numbers")
        if values.max() <= 1 and (values != np.rint(values)).any():
            raise ValueError("none of its values is above 1, and RGB values go from 0 to 255; scale them")
        square = np.clip(np.rint(values), 0, 255).astype("uint8")
        square = self.decoding.to_square(Image.fromarray(square), self.base, self.how.resize)
        return square if self.base == self.size else self.decoding.shrink(square, self.size)


def _load_code(folder: Path) -> dict[str, Any]:
    """The modules of the folder by their names, each of which gets those before it for what it imports from tlsearch.

    None keeps a name in the interpreter that another model, or tlsearch itself, could take.
    """
    names = json.loads((folder / MODULES_FILE).read_text(encoding="utf-8"))
    before = {known: sys.modules.get(known) for known in names}
    found: dict[str, Any] = {}
    try:
        for known in names:
            name = known.rpartition(".")[2]
            spec = importlib.util.spec_from_file_location(known, folder / f"{name}.py")
            if spec is None or spec.loader is None:
                raise MlflowException.invalid_parameter_value(f"{folder} holds no {name}.py.")
            module = importlib.util.module_from_spec(spec)
            # Python looks the module of a dataclass up by its name while the class is made.
            sys.modules[known] = found[name] = module
            spec.loader.exec_module(module)
        return found
    finally:
        for known, former in before.items():
            if former is None:
                sys.modules.pop(known, None)
            else:
                sys.modules[known] = former


def _cells(given: Any) -> Sequence[Any]:
    """The pictures of an input, one a row: arrays of values, or what ``_encoded`` takes."""
    import pandas as pd

    if isinstance(given, (pd.DataFrame, dict)):
        columns = list(given)
        name = COLUMN if COLUMN in columns else columns[0] if len(columns) == 1 else None
        if name is None:
            raise MlflowException.invalid_parameter_value(
                f"The table has the columns {columns}: name the one with the pictures {COLUMN!r}."
            )
        given = given[name]
    if isinstance(given, (str, bytes, os.PathLike)):
        given = [given]
    if isinstance(given, np.ndarray) and given.dtype == object and given.ndim > 1:
        given = given.astype("float64")
    cells = [np.asarray(cell) if isinstance(cell, list) else cell for cell in given]
    if not cells:
        raise MlflowException.invalid_parameter_value("The input holds no picture.")
    if isinstance(given, np.ndarray) and given.ndim not in (1, 4):
        raise MlflowException.invalid_parameter_value(
            f"The array has the shape {given.shape}, and RGB values of pictures have the shape (N, height, width, 3)."
        )
    return cells


def _encoded(cell: Any) -> bytes:
    """The bytes of an encoded picture. Raises ``ValueError`` or ``OSError`` saying why there are none."""
    if isinstance(cell, (bytes, bytearray, memoryview)):
        return bytes(cell)
    serving = os.environ.get(_SERVING, "").lower() in ("true", "1")
    if isinstance(cell, os.PathLike) or (isinstance(cell, str) and not serving and _is_file(cell)):
        return Path(cell).read_bytes()
    if not isinstance(cell, str):
        raise ValueError(f"it is of the type {type(cell).__name__}; give bytes, base64 or the path of a file")
    try:
        return base64.b64decode("".join(cell.split()), validate=True)
    except binascii.Error:
        what = "it is not base64, and a server opens no files" if serving else "there is no such file"
        raise ValueError(what) from None


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # a text that is no path at all: too long, or with a zero in it
        return False


def _batches(pictures: Iterator[np.ndarray]) -> Iterator[list[np.ndarray]]:
    batch: list[np.ndarray] = []
    for picture in pictures:
        batch.append(picture)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


set_model(ImageClassifier())
