"""The frames of a DICOM file as pixels that people see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.multival import MultiValue
from pydicom.pixels import apply_modality_lut, apply_voi

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Frames:
    """The frames of one file.

    Attributes:
        values: (frames, H, W) of greys, or (frames, H, W, 3) of RGB.
        windowed: Whether ``values`` are 0..1 already, as the file itself says.
        inverted: Whether low values are white.
        low: The least value.
        high: The greatest value.
    """

    values: Values
    windowed: bool
    inverted: bool
    low: float
    high: float

    @classmethod
    def read(cls, file: Path) -> Frames | None:
        """The frames of a file, None where its pixels cannot be decoded."""
        try:
            dataset = pydicom.dcmread(file)
            raw = np.asarray(dataset.pixel_array)
        except Exception:  # decoders of many packages raise what they like
            return None
        if int(dataset.get("SamplesPerPixel", 1)) > 1:
            return cls(_framed(_as_rgb(dataset, raw), 3) / 255, True, False, 0, 1)
        values, windowed = _windowed(raw, dataset)
        inverted = dataset.get("PhotometricInterpretation") == "MONOCHROME1"
        return cls(_framed(values, 2), windowed, inverted, float(values.min()), float(values.max()))

    def scaled(self, low: float, high: float) -> Frames:
        """The frames with values 0..1 where ``low`` becomes 0 and ``high`` becomes 1."""
        return replace(self, values=(self.values - low) / max(high - low, 1e-9), windowed=True)

    def pixels(self) -> Iterator[npt.NDArray[np.uint8]]:
        """Every frame as uint8 (H, W) or (H, W, 3)."""
        for frame in self.values:
            seen = 1 - frame if self.inverted else frame
            yield np.rint(seen.clip(0, 1) * 255).astype(np.uint8)


def _windowed(raw: npt.NDArray[Any], dataset: pydicom.Dataset) -> tuple[Values, bool]:
    """Greys as the file says: 0..1 and True with a window, the values of the modality and False without."""
    values = np.asarray(apply_modality_lut(raw, dataset), np.float64)
    if "VOILUTSequence" in dataset:
        bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
        return np.asarray(apply_voi(values.astype(np.int64), dataset), np.float64) / (2**bits - 1), True
    centre, width = (_first(dataset.get(name)) for name in ("WindowCenter", "WindowWidth"))
    if centre is None or not width:
        return values, False
    return _through_window(values, centre, width, dataset.get("VOILUTFunction", "LINEAR")), True


def _through_window(values: Values, centre: float, width: float, function: str) -> Values:
    """Values as 0..1 (DICOM PS3.3, C.11.2.1)."""
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * (values - centre) / width))
    if function == "LINEAR" and width > 1:
        centre, width = centre - 0.5, width - 1
    return ((values - centre) / width + 0.5).clip(0, 1)


def _first(value: Any) -> float | None:
    if isinstance(value, MultiValue):
        value = value[0] if value else None
    return None if value in (None, "") else float(value)


def _as_rgb(dataset: pydicom.Dataset, raw: npt.NDArray[Any]) -> Values:
    """Colours of 8 bits as RGB. pydicom has turned YBR into RGB."""
    bits = int(dataset.get("BitsStored", 8))
    return raw.astype(np.float64) * (255 / (2**bits - 1))


def _framed(values: Values, axes: int) -> Values:
    return values if values.ndim > axes else values[None]
