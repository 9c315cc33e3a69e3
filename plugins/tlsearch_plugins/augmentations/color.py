"""color: brightness, contrast, saturation and hue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tlsearch.keras_augmentation import KerasAugmentation

if TYPE_CHECKING:
    import keras

BRIGHTNESS = 0.3
"""The largest change at strength 1, as a fraction of the range of values."""
CONTRAST = 0.3
"""The largest change of the distance from the image's mean at strength 1, as a fraction."""
SATURATION = 0.5
"""At strength 1, on Keras' scale: 0 is grey, .5 leaves the image alone, 1 is as colourful as can be."""
HUE = 0.05
"""The largest change at strength 1, as a fraction of the colour circle."""


class Color(KerasAugmentation):
    """Each image gets a brightness, contrast, saturation and hue of its own."""

    name = "color"

    def layers(self, strength: float) -> Sequence[keras.Layer]:
        """Keras' four layers, on values in 0..1.

        ``RandomSaturation`` clips saturations, which are 0..1, to the range of values, so the range must be
        0..1. ``RandomHue`` halves its factor.
        """
        import keras

        saturation = (0.5 - SATURATION * strength, 0.5 + SATURATION * strength)
        return [
            keras.layers.Rescaling(1.0 / 255.0),
            keras.layers.RandomBrightness(BRIGHTNESS * strength, value_range=(0.0, 1.0)),
            keras.layers.RandomContrast(CONTRAST * strength, value_range=(0.0, 1.0)),
            keras.layers.RandomSaturation(saturation, value_range=(0.0, 1.0)),
            keras.layers.RandomHue(2.0 * HUE * strength, value_range=(0.0, 1.0)),
            keras.layers.Rescaling(255.0),
        ]
