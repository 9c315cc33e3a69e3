"""What a model says of one picture, as people and programs get it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tlsearch.models.temperature import Temperature, divide_by_temperature
from tlsearch.predictor.network import Answer
from tlsearch.predictor.sources.picture import Picture


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What the model says of one picture.

    Attributes:
        name: What the picture is called: its path, its address without secrets, ``photos.zip/cat/1.jpg`` for a file in
            an archive, ``image 3`` for what has no name and is the fourth that was asked about.
        path: The file, where it is one that lies on a disk.
        label: The most probable class; None where the picture could not be read.
        probability: Its probability, 0..1.
        top: The most probable classes with their probabilities, best first; the first is ``label``.
        calibrated: Whether the probabilities have the model's temperature.
        error: Why the picture could not be read; None where it was read.
    """

    name: str
    path: Path | None = None
    label: str | None = None
    probability: float | None = None
    top: tuple[tuple[str, float], ...] = ()
    calibrated: bool = False
    error: str | None = None


class Describer:
    """Makes predictions of what the network answers.

    Args:
        labels: The class names, in the order of the network's outputs.
        temperature: What probabilities are divided by; None leaves them as the network gives them.
        top: How many classes a prediction names.
    """

    def __init__(self, labels: Sequence[str], temperature: Temperature | None, top: int) -> None:
        self._labels = tuple(labels)
        self._temperature = temperature
        self._top = top

    def describe(self, picture: Picture, answer: Answer | str) -> Prediction:
        """Give the prediction of a picture, from the network's answer or from the reason why there is none."""
        if isinstance(answer, str):
            return Prediction(name=picture.name, path=picture.path, error=answer)
        row = answer.probabilities
        order = np.argsort(-row, kind="stable")[: self._top]
        shown = with_temperature(row, self._temperature)
        best = tuple((self._labels[i], float(shown[i])) for i in order)
        label, probability = best[0]
        return Prediction(
            name=picture.name,
            path=picture.path,
            label=label,
            probability=probability,
            top=best,
            calibrated=self._temperature is not None,
        )


def with_temperature(row: npt.NDArray[np.float64], temperature: Temperature | None) -> npt.NDArray[np.float64]:
    """One row of probabilities, (classes,), with the temperature; as it is where there is none."""
    return row if temperature is None else divide_by_temperature(row[None], temperature.value)[0]
