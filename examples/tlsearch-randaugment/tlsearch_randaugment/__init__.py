"""RandAugment (Cubuk et al. 2020) for tlsearch, on the layer that Keras brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tlsearch.plugin_api import KerasAugmentation

if TYPE_CHECKING:
    import keras

OPERATIONS = 2
"""How many operations each image goes through, as in the paper's smaller models."""


class RandAugment(KerasAugmentation):
    """Two operations drawn anew for every image, each as far as the strength says."""

    name = "randaugment"

    def layers(self, strength: float) -> Sequence[keras.Layer]:
        """One layer; its factor is the share of the furthest that each operation goes."""
        from keras.layers import RandAugment as Layer

        return [Layer(value_range=(0, 255), num_ops=OPERATIONS, factor=strength)]
