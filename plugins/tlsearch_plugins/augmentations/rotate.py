"""rotate: images turned about their middle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tlsearch.plugin_api import KerasAugmentation

if TYPE_CHECKING:
    import keras

TURN = 0.08
"""The largest angle at strength 1, as a fraction of a full turn, either way (29 degrees)."""


class Rotate(KerasAugmentation):
    """Each image is turned by an angle of its own; what comes in at the edges is a reflection."""

    name = "rotate"

    def layers(self, strength: float) -> Sequence[keras.Layer]:
        """Keras' ``RandomRotation``."""
        import keras

        return [keras.layers.RandomRotation(TURN * strength, fill_mode="reflect")]
