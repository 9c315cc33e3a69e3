"""VGG16 and VGG19 with their pre-trained dense layers, as convolutions.

A dense layer on a map of 7 x 7 values is a convolution with a window of 7 x 7, and one on a single value is a
convolution with a window of 1 x 1 (Simonyan & Zisserman 2015, section 3.2): the numbers are the same, and larger images
give larger maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tlsearch.plugin_api import CutPoint
from tlsearch_plugins.backbones.caffe import PIXEL_STD
from tlsearch_plugins.backbones.vgg import HINTS, VGG16, VGG19, ConvolutionalVGG, imagenet

if TYPE_CHECKING:
    import keras

WINDOW = 7
"""The side in values of the map that ``fc1`` sees at once: 224 px halved five times."""

CLASSES = 1000
"""The outputs of the last dense layer, which is in the published files and is left out here."""


class _DenseVGG(ConvolutionalVGG):
    """What both sizes share. ``units`` is the width of both dense layers."""

    title: str
    units = 4096
    min_image_size = 32 * WINDOW

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """A new network: (N, image_size, image_size, 3) to (N, h, h, 4096), where h is image_size // 32 - 6.

        ``weights`` is Keras' file of the network with its top, or a ``.weights.h5`` saved from this network. Raises
        ``ValueError`` for an image too small for ``fc1``.
        """
        import keras

        from tlsearch_plugins.backbones.scratch import with_values

        if image_size < self.min_image_size:
            side = image_size // 32
            raise ValueError(
                f"{self.name} needs images of {self.min_image_size} px or more: fc1 sees maps of {WINDOW} x {WINDOW} "
                f"values, and {image_size} px leave {side} x {side}"
            )
        blocks = self.blocks(image_size)
        x = keras.layers.Conv2D(self.units, WINDOW, activation="relu", name="fc1")(blocks.output)
        x = keras.layers.Conv2D(self.units, 1, activation="relu", name="fc2")(x)
        model = keras.Model(blocks.input, x, name=self.name)
        return with_values(model, weights, input_std=PIXEL_STD, load=self._load)

    def with_top(self) -> keras.Model:
        """The network as Keras publishes it, with dense layers and 1000 classes, for images of 224 px."""
        import keras

        blocks = self.blocks(self.min_image_size)
        x = keras.layers.Flatten(name="flatten")(blocks.output)
        for name in ("fc1", "fc2"):
            x = keras.layers.Dense(self.units, activation="relu", name=name)(x)
        x = keras.layers.Dense(CLASSES, activation="softmax", name="predictions")(x)
        return keras.Model(blocks.input, x, name=self.application.lower())

    def _load(self, model: keras.Model, file: Path) -> None:
        """Fill ``model`` from a file of it, or from one of the network with its top."""
        from tlsearch.plugin_api import load_keras_weights

        try:
            load_keras_weights(model, file)
        except ValueError:
            published = self.with_top()
            try:
                load_keras_weights(published, file)
            except ValueError as error:
                raise ValueError(
                    f"the weights file {file} does not fit {self.name}; give Keras' file of {self.title} with its "
                    f"dense layers ({self.application.lower()}_weights_tf_dim_ordering_tf_kernels.h5), or a "
                    ".weights.h5 saved from this network"
                ) from error
            for layer in (layer for layer in model.layers if layer.weights):
                kernel, bias = published.get_layer(layer.name).get_weights()
                layer.set_weights([kernel.reshape(layer.kernel.shape), bias])  # rows, columns, channels in both

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """Those of the network without dense layers, and both dense layers."""
        return [*super().cut_points(model), CutPoint("fc1", "fc1"), CutPoint("fc2", "fc2", stage_end=True)]


class VGG16FC(_DenseVGG):
    """VGG16 up to its second dense layer: 13 convolutions and 2 dense layers, 15 cut points."""

    name = "vgg16_fc"
    application = "VGG16"
    title = "VGG16 with dense layers"
    work = 31.8e9
    convolutions = VGG16.convolutions
    hints = replace(HINTS, freeze_middle=10, freeze_late=14)
    weights = {"imagenet": imagenet("vgg16", "64373286793e3c8b2b4e3219cbf3544b", 553.5, top=True)}  # noqa: RUF012 - read only


class VGG19FC(_DenseVGG):
    """VGG19 up to its second dense layer: 16 convolutions and 2 dense layers, 18 cut points."""

    name = "vgg19_fc"
    application = "VGG19"
    title = "VGG19 with dense layers"
    work = 40.2e9
    convolutions = VGG19.convolutions
    hints = replace(HINTS, freeze_middle=12, freeze_late=17)
    weights = {"imagenet": imagenet("vgg19", "cbe5617147190e668d6c5d5026f83318", 574.7, top=True)}  # noqa: RUF012 - read only
