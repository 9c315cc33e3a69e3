"""The temperature of a saved model: how it is kept in ``config.json``, and what it makes of probabilities.

It stands alone, because a model that MLflow keeps takes a copy of this file along.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

CONFIG_KEY = "calibration"
"""Where ``config.json`` has it; files of older versions, and of models without validation images, do not."""

LEAST = 1e-12
"""Taken for every probability below it: one image that is surely something else must not decide a temperature."""


@dataclass(frozen=True, kw_only=True)
class Temperature:
    """What the logarithms of a model's probabilities are divided by.

    Attributes:
        value: Above 0. Above 1 it makes a model less sure, below 1 surer.
        fitted_on: The number of images, which the model had not seen, that decided it.
        by_default: Whether it is applied unless somebody asks otherwise: it is shown to help.
        reason: Why it is applied by default, or why not, for people; no full stop.
    """

    value: float
    fitted_on: int
    by_default: bool
    reason: str

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Temperature | None:
        """Read what ``config.json`` holds; None where it has no temperature. What else is there is passed over.

        Raises:
            ValueError: The temperature is no number above 0, or what is said of it has another shape.
        """
        kept = config.get(CONFIG_KEY)
        if kept is None:
            return None
        if not isinstance(kept, Mapping):
            raise ValueError(f"{CONFIG_KEY} is no object")
        value = kept.get("temperature")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise ValueError(f"the temperature is {value!r} and not a number above 0")
        fitted_on, by_default, reason = kept.get("fitted_on", 0), kept.get("by_default", False), kept.get("reason", "")
        if type(fitted_on) is not int or type(by_default) is not bool or not isinstance(reason, str):
            raise ValueError("fitted_on is no whole number, by_default not true or false, or reason no text")
        return cls(value=float(value), fitted_on=fitted_on, by_default=by_default, reason=reason)

    def in_config(self) -> dict[str, Any]:
        """Give the entry of ``config.json`` that ``of`` reads."""
        kept = {
            "temperature": self.value,
            "fitted_on": self.fitted_on,
            "by_default": self.by_default,
            "reason": self.reason,
        }
        return {CONFIG_KEY: kept}


def divide_by_temperature(probabilities: npt.NDArray[np.floating[Any]], temperature: float) -> npt.NDArray[np.float64]:
    """Give probabilities with their logarithms divided by ``temperature``, summing to 1 again.

    ``probabilities`` has shape (N, classes). No two classes change places.
    """
    logarithms = logarithms_of(probabilities) / temperature
    powers = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def logarithms_of(probabilities: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Give the logarithms that a temperature divides, of the same shape."""
    return np.asarray(np.log(np.clip(np.asarray(probabilities, np.float64), LEAST, 1.0)))
