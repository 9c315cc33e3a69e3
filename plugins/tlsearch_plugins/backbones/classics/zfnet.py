"""ZFNet (Zeiler & Fergus 2013, "Visualizing and Understanding Convolutional Networks")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlsearch.plugin_api import CutPoint, WeightSource
from tlsearch_plugins.backbones.classics.alexnet import CUTS, HINTS
from tlsearch_plugins.backbones.classics.imagenet import less_mean

if TYPE_CHECKING:
    import keras


class ZFNet:
    """ZFNet: AlexNet with a finer first layer, five convolutions and five cut points (figure 3 of the paper).

    The first convolution has windows of 7 at steps of 2 in place of 11 at steps of 4, and no convolution has groups.
    The maps behind the first two pools are normalised across channels; the paper gives no constants, so they are those
    of AlexNet, on which it builds. No published weights can be converted: give your own with ``--weights``.
    """

    api_version = 1
    name = "zfnet"
    title = "ZFNet"
    default_image_size = 224
    min_image_size = 63
    """Smaller ones leave nothing of the image behind the last pool."""
    weights: Mapping[str, WeightSource] = {}
    hints = HINTS

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """A new network: (N, image_size, image_size, 3) to (N, 6, 6, 256) at 224 px.

        ``weights`` is a ``.weights.h5`` saved from this network.
        """
        import keras

        from tlsearch_plugins.backbones.caffe import PIXEL_STD
        from tlsearch_plugins.backbones.classics.convolve import convolve
        from tlsearch_plugins.backbones.classics.local_response import normalise_responses
        from tlsearch_plugins.backbones.classics.pooling import pool_up
        from tlsearch_plugins.backbones.scratch import with_values

        inputs = keras.Input((image_size, image_size, 3), name="images")
        # One pixel on each side, with which 224 px give the 110 x 110 values of the paper; then 55, 26, 13 and 6.
        x = keras.layers.ZeroPadding2D(1, name="conv1_pad")(inputs)
        x = convolve(x, 96, 7, "conv1", stride=2)
        x = normalise_responses(pool_up(x, "pool1"), "norm1")
        x = convolve(x, 256, 5, "conv2", stride=2)
        x = normalise_responses(pool_up(x, "pool2"), "norm2")
        x = convolve(x, 384, 3, "conv3")
        x = convolve(x, 384, 3, "conv4")
        x = convolve(x, 256, 3, "conv5")
        model = keras.Model(inputs, pool_up(x, "pool5"), name=self.name)
        return with_values(model, weights, input_std=PIXEL_STD)

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """Every convolution, and where a pool follows it the pool."""
        return [CutPoint(name=cut, layer=cut, stage_end=cut.startswith("pool")) for cut in CUTS]

    def preprocess(self, images: Any) -> Any:
        """RGB 0..255 less the ImageNet mean."""
        return less_mean(images)
