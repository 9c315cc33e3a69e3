"""AlexNet, as in the paper of 2012, and in the one-column form whose weights are published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tlsearch.plugin_api import CutPoint, TrainingHints, WeightSource
from tlsearch_plugins.backbones.classics.imagenet import less_mean, torch_preprocess

if TYPE_CHECKING:
    import keras

CUTS = ("pool1", "pool2", "conv3", "conv4", "pool5")
"""Every convolution, where a pool follows it after that: the names of cut points and of their layers."""

HINTS = TrainingHints(freeze_middle=2, freeze_late=4, lr_middle=5e-5, lr_late=1e-4, lr_early=1e-4)
"""The rates are those measured for VGG: both are wide networks without BatchNorm, which want small steps."""


class _AlexNet:
    """What both forms share: five convolutions, three of them with a pool behind, five cut points."""

    api_version = 1
    name: str
    default_image_size = 224
    min_image_size = 63
    """Smaller ones leave nothing of the image behind the last pool."""
    weights: Mapping[str, WeightSource] = {}
    hints = HINTS

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """Every convolution, and where a pool follows it the pool."""
        return [CutPoint(name=cut, layer=cut, stage_end=cut.startswith("pool")) for cut in CUTS]


class AlexNet(_AlexNet):
    """AlexNet of Krizhevsky, Sutskever & Hinton 2012, "ImageNet Classification with Deep Convolutional Networks".

    96, 256, 384, 384 and 256 filters; the second, fourth and fifth convolution in two groups, local response
    normalisation behind the first two, and pooling windows of 3 at steps of 2, which overlap. The paper takes the mean
    of each pixel over the training images off; here it is the mean of all pixels, which does not depend on the size.

    No weights of this form are bundled or converted: ``alexnet_owt`` is the form whose weights are published.
    """

    name = "alexnet"
    title = "AlexNet"

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """A new network: (N, image_size, image_size, 3) to (N, 6, 6, 256) at 224 px.

        ``weights`` is a ``.weights.h5`` saved from this network.
        """
        import keras

        from tlsearch_plugins.backbones.caffe import PIXEL_STD
        from tlsearch_plugins.backbones.classics.convolve import convolve
        from tlsearch_plugins.backbones.classics.local_response import normalise_responses
        from tlsearch_plugins.backbones.classics.pooling import pool_down
        from tlsearch_plugins.backbones.scratch import with_values

        inputs = keras.Input((image_size, image_size, 3), name="images")
        # Two pixels on each side: the paper gives 224 px and 55 x 55 values, which 224 px alone would not.
        x = keras.layers.ZeroPadding2D(2, name="conv1_pad")(inputs)
        x = convolve(x, 96, 11, "conv1", stride=4)
        x = pool_down(normalise_responses(x, "norm1"), "pool1")
        x = convolve(x, 256, 5, "conv2", groups=2)
        x = pool_down(normalise_responses(x, "norm2"), "pool2")
        x = convolve(x, 384, 3, "conv3")
        x = convolve(x, 384, 3, "conv4", groups=2)
        x = convolve(x, 256, 3, "conv5", groups=2)
        model = keras.Model(inputs, pool_down(x, "pool5"), name=self.name)
        return with_values(model, weights, input_std=PIXEL_STD)

    def preprocess(self, images: Any) -> Any:
        """RGB 0..255 less the ImageNet mean."""
        return less_mean(images)


class AlexNetOwt(_AlexNet):
    """The one-column AlexNet of Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks".

    64, 192, 384, 256 and 256 filters, without groups and without normalisation: what torchvision calls AlexNet. Its
    published weights are converted with ``tlsearch weights convert alexnet_owt FILE``.
    """

    name = "alexnet_owt"
    title = "AlexNet (one column)"
    weights_hint = "convert those of torchvision with `tlsearch weights convert alexnet_owt FILE`"
    torch_layers: ClassVar[Mapping[str, str]] = {
        "conv1": "features.0",
        "conv2": "features.3",
        "conv3": "features.6",
        "conv4": "features.8",
        "conv5": "features.10",
    }
    """Our layers with the names of torchvision's."""

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """A new network: (N, image_size, image_size, 3) to (N, 6, 6, 256) at 224 px.

        ``weights`` is a ``.weights.h5`` saved from this network, or a ``.npz`` of arrays named as torchvision does.
        """
        from tlsearch_plugins.backbones.classics.torch_arrays import load_weights
        from tlsearch_plugins.backbones.scratch import with_values

        load = partial(load_weights, layers=self.torch_layers)
        return with_values(self.network(image_size), weights, input_std=1.0, load=load)

    def network(self, image_size: int) -> keras.Model:
        """The network, with Keras' own random values."""
        import keras

        from tlsearch_plugins.backbones.classics.convolve import convolve
        from tlsearch_plugins.backbones.classics.pooling import pool_down

        inputs = keras.Input((image_size, image_size, 3), name="images")
        x = keras.layers.ZeroPadding2D(2, name="conv1_pad")(inputs)
        x = pool_down(convolve(x, 64, 11, "conv1", stride=4), "pool1")
        x = pool_down(convolve(x, 192, 5, "conv2"), "pool2")
        x = convolve(x, 384, 3, "conv3")
        x = convolve(x, 256, 3, "conv4")
        x = convolve(x, 256, 3, "conv5")
        return keras.Model(inputs, pool_down(x, "pool5"), name=self.name)

    def preprocess(self, images: Any) -> Any:
        """RGB 0..255 to standardised colours, about -2..2."""
        return torch_preprocess(images)


class AlexNetOwtFC(AlexNetOwt):
    """The one-column AlexNet with its two hidden dense layers, as convolutions of 6 x 6 and 1 x 1.

    Its weights are those of ``alexnet_owt``, from the same published file:
    ``tlsearch weights convert alexnet_owt_fc FILE``.
    """

    name = "alexnet_owt_fc"
    title = "AlexNet (one column) with dense layers"
    weights_hint = "convert those of torchvision with `tlsearch weights convert alexnet_owt_fc FILE`"
    units = 4096
    min_image_size = 224
    """Smaller ones leave ``fc6`` no map of 6 x 6 values."""
    hints = replace(HINTS, freeze_late=6)
    torch_layers: ClassVar[Mapping[str, str]] = {
        **AlexNetOwt.torch_layers,
        "fc6": "classifier.1",
        "fc7": "classifier.4",
    }

    def network(self, image_size: int) -> keras.Model:
        """The network, with Keras' own random values: (N, 224, 224, 3) to (N, 1, 1, 4096).

        Raises ``ValueError`` for an image too small for ``fc6``.
        """
        import keras

        if image_size < self.min_image_size:
            raise ValueError(
                f"{self.name} needs images of {self.min_image_size} px or more: fc6 sees maps of 6 x 6 values, and "
                f"{image_size} px leave smaller ones"
            )
        pooled = super().network(image_size)
        x = keras.layers.Conv2D(self.units, 6, activation="relu", name="fc6")(pooled.output)
        x = keras.layers.Conv2D(self.units, 1, activation="relu", name="fc7")(x)
        return keras.Model(pooled.input, x, name=self.name)

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """Those of the network without dense layers, and both dense layers."""
        return [*super().cut_points(model), CutPoint("fc6", "fc6"), CutPoint("fc7", "fc7", stage_end=True)]
