"""color: brightness, contrast, saturation and hue, in one affine map of red, green and blue for each image."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tlsearch.plugin_api import API_VERSION, AugmentationHints, Images, to_pixels

BRIGHTNESS = 0.3
"""The largest change at strength 1, as a fraction of the range of values."""
CONTRAST = 0.3
"""The largest change of the distance from the image's mean luma at strength 1, as a fraction."""
SATURATION = 0.6
"""The largest change of the distance from grey at strength 1, as a fraction: .4 to 1.6. The usual .4 of training on
ImageNet is reached at strength 2/3; grey (0) and garish (2 and more) never are."""
HUE = 0.05
"""The largest change at strength 1, as a fraction of the colour circle (18 degrees)."""

FloatImages = npt.NDArray[np.float32]
"""RGB images, shape (N, H, W, 3), values about 0..255."""

GROUP = 8
"""Images worked on together: few enough for the processor's cache, which halves the time."""

# The YIQ of NTSC (US 47 CFR 73.682(a)(20)), whose first row is luma: I = .74 (R - Y) - .27 (B - Y) and
# Q = .48 (R - Y) + .41 (B - Y). Python's colorsys has the same.
_LUMA = np.array([0.30, 0.59, 0.11])
_RED, _BLUE = np.array([1.0, 0.0, 0.0]) - _LUMA, np.array([0.0, 0.0, 1.0]) - _LUMA
_TO_YIQ = np.stack([_LUMA, 0.74 * _RED - 0.27 * _BLUE, 0.48 * _RED + 0.41 * _BLUE])
_FROM_YIQ = np.linalg.inv(_TO_YIQ)


class Color:
    """Each image gets a brightness, contrast, saturation and hue of its own, uniform within their ranges.

    Not with Keras' layers, which go through HSV for saturation and again for hue: 64 images of 96 px take them 92 ms on
    two cores of an AMD EPYC (TensorFlow backend), and 6 ms here. And these pixels are the same on every backend.
    """

    api_version = API_VERSION
    name = "color"
    hints = AugmentationHints(by_default=True)

    def render(self, images: Images, strength: float, rng: np.random.Generator) -> Images:
        """A new array of the shape of ``images``."""
        if strength == 0:
            return images.copy()
        return _recolor(images, strength, rng)


def _recolor(images: Images, strength: float, rng: np.random.Generator) -> Images:
    """``images`` (N, H, W, 3) with colours changed at random; a new array.

    Saturation and hue scale and turn the colour plane of YIQ, so that grey stays grey and luma is kept (Haeberli
    1993, "Matrix Operations for Image Processing"); contrast moves values away from or towards the mean luma of the
    image; brightness adds. All four are affine, so they are one matrix and one sum, clipped once at the end.
    """
    brightness, contrast, saturation, hue = rng.uniform(-strength, strength, (4, len(images)))
    gain = (1.0 + CONTRAST * contrast)[:, None, None]
    matrices = gain * _color_matrices(1.0 + SATURATION * saturation, 2.0 * np.pi * HUE * hue)
    offsets = 255.0 * BRIGHTNESS * brightness[:, None, None]
    result = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), GROUP):
        rows = slice(start, start + GROUP)
        values = images[rows].astype(np.float32).reshape(len(images[rows]), -1, 3)
        means = (_mean_colors(values) @ _LUMA)[:, None, None]
        changed = np.matmul(values, matrices[rows].transpose(0, 2, 1).astype(np.float32))
        changed += ((1.0 - gain[rows]) * means + offsets[rows]).astype(np.float32)
        result[rows] = to_pixels(changed).reshape(result[rows].shape)
    return result


def _mean_colors(pixels: FloatImages) -> npt.NDArray[np.float32]:
    """The mean over the pixels, (N, P, 3) to (N, 3), as a product of matrices.

    NumPy's mean over a long axis beside a short one is 30 times slower.
    """
    weights = np.full((1, pixels.shape[1]), 1.0 / pixels.shape[1], np.float32)
    means: npt.NDArray[np.float32] = np.matmul(weights, pixels)[:, 0]
    return means


def _color_matrices(saturation: npt.NDArray[np.float64], angle: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(N, 3, 3), each to multiply a column of red, green and blue: to YIQ, scaled and turned there, and back."""
    change = np.zeros((len(angle), 3, 3))
    change[:, 0, 0] = 1.0
    change[:, 1, 1] = change[:, 2, 2] = saturation * np.cos(angle)
    change[:, 2, 1] = saturation * np.sin(angle)
    change[:, 1, 2] = -change[:, 2, 1]
    matrices: npt.NDArray[np.float64] = _FROM_YIQ @ change @ _TO_YIQ
    return matrices
