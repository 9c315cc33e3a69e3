"""A loaded model: pictures in, class names and probabilities out."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tlsearch.config_values import not_wanted
from tlsearch.data.images.decode import calm_pillow
from tlsearch.data.images.parallel import in_batches, map_stream
from tlsearch.data.images.rgb import Decoding
from tlsearch.errors import UsageError
from tlsearch.models.temperature import Temperature
from tlsearch.predictor.folder import CONFIG_FILE
from tlsearch.predictor.network import Answer, LoadedModel, require_unforked
from tlsearch.predictor.prediction import Describer, Prediction, with_temperature
from tlsearch.predictor.sources import Pictures, pictures_of
from tlsearch.predictor.sources.picture import BatchListener, Picture, Shape, read_pixels
from tlsearch.types import Float32Array
from tlsearch.uncertainty.prediction_sets import COVERAGE, ConformalScores, SetMaker
from tlsearch.uncertainty.reference import TrainingReference
from tlsearch.utils.machine import usable_cores

BATCH_SIZE = 32
"""Pictures that the network answers at a time, unless somebody asks otherwise."""

Answers: TypeAlias = "Generator[tuple[Picture, Answer | str], None, None]"
"""Each picture with the network's answer, or with the reason why there is none."""


class Predictor:
    """A classifier loaded from a model folder; see ``load``.

    Several threads may use one at the same time. A process that was forked after one was loaded may use none.

    Attributes:
        model: The Keras model: RGB floats 0..255 of shape (N, S, S, 3) in, probabilities (N, classes) out.
        labels: The class names, in the order of its outputs.
        config: What ``config.json`` holds.
        folder: The model folder.
        image_size: S, in pixels.
        decode_size: The side at which the run kept its pixels; a picture is squeezed to it first.
        decoding: How pictures are decoded.
        temperature: What calibrates its probabilities; None where it has none.
        conformal: What its prediction sets are made by; None where it has no such scores.
        reference: What says which pictures are unlike the training images; None where it has no reference images.
        listener: Is given each batch as it was decoded, before its predictions are given; None at first.
    """

    def __init__(self, model: Any, labels: Sequence[str], config: Mapping[str, Any], folder: Path) -> None:
        self.reference = TrainingReference.load(folder)
        self.network = LoadedModel(model, self.reference)
        self.labels = tuple(labels)
        self.config = dict(config)
        self.folder = folder
        self.image_size = int(config["image_size"])
        self.decode_size = int(config.get("decode_size", self.image_size))
        self.decoding = Decoding.of(config)
        self.temperature = Temperature.of(config)
        self.conformal = ConformalScores.of(config)
        self.listener: BatchListener | None = None

    @property
    def model(self) -> Any:
        """The Keras model."""
        return self.network.model

    @property
    def parameters(self) -> int:
        """How many values the model has, those that stay frozen included."""
        return int(self.model.count_params())

    def predict(
        self,
        items: Pictures,
        batch_size: int = BATCH_SIZE,
        top: int = 5,
        calibrated: bool | None = None,
        workers: int | None = None,
        coverage: float | None = None,
    ) -> list[Prediction]:
        """One ``Prediction`` a picture: the list of what ``stream`` gives, with the same arguments."""
        found = self.stream(
            items, batch_size=batch_size, top=top, calibrated=calibrated, workers=workers, coverage=coverage
        )
        return list(found)

    def stream(
        self,
        items: Pictures,
        *,
        batch_size: int = BATCH_SIZE,
        top: int = 5,
        calibrated: bool | None = None,
        workers: int | None = None,
        coverage: float | None = None,
    ) -> Generator[Prediction, None, None]:
        """Predictions one after the other, in the order of ``items``, in memory that does not grow.

        Threads decode ahead, at most two batches, while the network answers one. Items are taken in the thread that
        asks for predictions, so an iterator of them may be endless; what it raises is raised behind the predictions of
        what came before. What cannot be read, also a path that does not exist, gets a ``Prediction`` that says why, and
        ends nothing. To end early, close the generator, or leave it.

        Args:
            items: A picture, or any iterable of pictures: see ``Pictures``. A folder stands for the pictures in it, at
                any depth, in order of their names, and an archive for those in it.
            batch_size: Pictures that the network answers at a time. With 1, an answer waits for no other picture.
            top: The most classes that a prediction names.
            calibrated: Whether probabilities have the model's temperature; None means where that is shown to help. It
                changes no class, nor their order.
            workers: Threads that read and decode. None takes as many as there are cores to use.
            coverage: The probability with which a prediction set holds the true class, above 0 and below 1. None means
                0.9, where the model can make sets.

        Raises:
            UsageError: ``items`` is nothing that can be a picture, a number is out of its range, or a temperature or
                sets are asked for that the model does not have.
        """
        for name, number in (("batch_size", batch_size), ("top", top), ("workers", 1 if workers is None else workers)):
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise not_wanted(name, number, "a whole number of 1 or more")
        describer = self._describer(self.applied_temperature(calibrated), top, coverage)
        return self._stream(self._answers(pictures_of(items), batch_size, workers), describer)

    def examine(
        self, items: Pictures, batch_size: int = BATCH_SIZE, workers: int | None = None
    ) -> Generator[tuple[Prediction, Float32Array | None], None, None]:
        """Predictions as ``stream`` gives them, each with the features that are compared with the training images.

        The features have shape (d,); they are None where the picture could not be read, or the model has
        no reference images.
        """
        describer = self._describer(self.applied_temperature(), 1, None)
        with closing(self._answers(pictures_of(items), batch_size, workers)) as answers:
            for picture, answer in answers:
                yield describer.describe(picture, answer), None if isinstance(answer, str) else answer.features

    def _describer(self, temperature: Temperature | None, top: int, coverage: float | None) -> Describer:
        wanted, sets = self.applied_coverage(coverage), None
        if self.conformal is not None and wanted is not None:
            sets = SetMaker(scores=self.conformal, temperature=self.applied_temperature(), coverage=wanted)
        return Describer(self.labels, temperature, top, sets, self.reference)

    def probabilities(
        self, items: Pictures, batch_size: int = BATCH_SIZE, calibrated: bool | None = None
    ) -> npt.NDArray[np.float64]:
        """Probabilities of shape (pictures, classes) in the order of ``items`` and ``labels``.

        NaN in the row of a picture that could not be read. ``items`` and ``calibrated`` are as in ``stream``.
        """
        unread, temperature = np.full(len(self.labels), np.nan), self.applied_temperature(calibrated)
        answers = (answer for _, answer in self._answers(pictures_of(items), batch_size, None, compare=False))
        return np.array(
            [
                unread if isinstance(answer, str) else with_temperature(answer.probabilities, temperature)
                for answer in answers
            ]
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

    def applied_coverage(self, coverage: float | None = None) -> float | None:
        """Give the coverage that prediction sets have where ``coverage`` is asked for; None where there are none.

        Raises:
            UsageError: It is not above 0 and below 1, or the model cannot make sets.
        """
        if coverage is not None and (isinstance(coverage, bool) or not 0 < coverage < 1):
            raise not_wanted("coverage", coverage, "a number above 0 and below 1, such as 0.9")
        if coverage is not None and self.conformal is None:
            raise UsageError(
                f"{self.folder / CONFIG_FILE} has no scores to make prediction sets by; leave the coverage out, or run "
                "again to make a model that has them."
            )
        return None if self.conformal is None else coverage or COVERAGE

    @staticmethod
    def _stream(answers: Answers, describer: Describer) -> Generator[Prediction, None, None]:
        with closing(answers):
            for picture, answer in answers:
                yield describer.describe(picture, answer)

    def _answers(
        self, pictures: Iterable[Picture], batch_size: int, workers: int | None, *, compare: bool = True
    ) -> Answers:
        """Each picture with the network's answer, or with the reason why there is none."""
        require_unforked()
        threads = workers or usable_cores()
        read = partial(read_pixels, shape=Shape(size=self.image_size, base=self.decode_size, decoding=self.decoding))
        ahead = 2 * batch_size + threads
        decoding = map_stream(read, pictures, threads, ahead, weigh=lambda picture: picture.held_bytes)
        with calm_pillow(), closing(decoding) as decoded:
            for batch in in_batches(decoded, batch_size):
                if self.listener is not None:
                    self.listener(batch)
                pixels = [found for _, found in batch if not isinstance(found, str)]
                answers = iter(self.network.answers(np.stack(pixels), batch_size, compare=compare) if pixels else ())
                for picture, found in batch:
                    yield picture, found if isinstance(found, str) else next(answers)
