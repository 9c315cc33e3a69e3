"""shift: images moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tlsearch.plugin_api import KerasAugmentation

if TYPE_CHECKING:
    import keras

SHIFT = 0.12
"""The longest way at strength 1, as a fraction of the side, in each direction."""


class Shift(KerasAugmentation):
    """Each image is moved by a way of its own; what comes in at the edges is a reflection."""

    name = "shift"

    def layers(self, strength: float) -> Sequence[keras.Layer]:
        """Keras' ``RandomTranslation``."""
        import keras

        return [keras.layers.RandomTranslation(SHIFT * strength, SHIFT * strength, fill_mode="reflect")]
