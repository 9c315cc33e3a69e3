"""GoogLeNet with BatchNorm, the form that torchvision's published weights are of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlsearch.plugin_api import CutPoint, TrainingHints, WeightSource
from tlsearch_plugins.backbones.classics.googlenet import MODULES, cuts, inception

if TYPE_CHECKING:
    import keras

BATCHNORM = {"epsilon": 1e-3, "momentum": 0.9}
"""Epsilon as published; the momentum only matters to training from scratch, which is short here."""

BRANCHES = {
    "1x1": "branch1",
    "3x3_reduce": "branch2.0",
    "3x3": "branch2.1",
    "5x5_reduce": "branch3.0",
    "5x5": "branch3.1",
    "pool_proj": "branch4.1",
}
"""Our names of the convolutions of a module with those of torchvision."""


class GoogLeNetBN:
    """GoogLeNet with BatchNorm (Ioffe & Szegedy 2015) behind every convolution, as torchvision has it.

    It differs from ``googlenet``, the paper's: there is no local response normalisation and no bias; the windows of
    5 x 5 are of 3 x 3, a slip that the published weights were trained with; the fourth pool has windows of 2. Its
    published weights are converted with ``tlsearch weights convert googlenet_bn FILE``.
    """

    api_version = 1
    name = "googlenet_bn"
    title = "GoogLeNet (BatchNorm)"
    default_image_size = 224
    min_image_size = 32
    weights: Mapping[str, WeightSource] = {}
    weights_hint = "convert those of torchvision with `tlsearch weights convert googlenet_bn FILE`"
    hints = TrainingHints(freeze_middle=4, freeze_late=9, lr_middle=2e-4, lr_late=2e-4, lr_early=5e-4)

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """A new network: (N, image_size, image_size, 3) to (N, 7, 7, 1024) at 224 px.

        ``weights`` is a ``.weights.h5`` saved from this network, or a ``.npz`` of arrays named as torchvision does.
        """
        import keras

        from tlsearch_plugins.backbones.classics.pooling import pool_up
        from tlsearch_plugins.backbones.classics.torch_arrays import load_weights
        from tlsearch_plugins.backbones.scratch import with_values

        inputs = keras.Input((image_size, image_size, 3), name="images")
        x = keras.layers.ZeroPadding2D(3, name="conv1_pad")(inputs)
        x = pool_up(_convolve(x, 64, 7, "conv1", stride=2), "pool1")
        x = _convolve(_convolve(x, 64, 1, "conv2_reduce"), 192, 3, "conv2")
        x = pool_up(x, "pool2")
        for module in MODULES:
            x = inception(x, module, _convolve, large=3)
            if module == "3b":
                x = pool_up(x, "pool3")
            elif module == "4e":
                x = keras.layers.MaxPooling2D(2, 2, "same", name="pool4")(x)
        model = keras.Model(inputs, x, name=self.name)
        return with_values(model, weights, input_std=1.0, load=partial(load_weights, layers=dict(_torch_layers())))

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """The stem's two stages and every Inception module."""
        return cuts()

    def preprocess(self, images: Any) -> Any:
        """RGB 0..255 to -1..1."""
        import keras

        return keras.ops.cast(images, "float32") / 127.5 - 1.0


def _convolve(x: Any, filters: int, kernel: int, name: str, stride: int = 1) -> Any:
    import keras

    padding = "same" if stride == 1 else "valid"
    x = keras.layers.Conv2D(filters, kernel, stride, padding, use_bias=False, name=f"{name}_conv")(x)
    x = keras.layers.BatchNormalization(**BATCHNORM, name=f"{name}_bn")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def _torch_layers() -> Iterator[tuple[str, str]]:
    """Our layers with weights, with the names of torchvision's."""
    convolutions = {"conv1": "conv1", "conv2_reduce": "conv2", "conv2": "conv3"}
    for module in MODULES:
        for ours, theirs in BRANCHES.items():
            convolutions[f"inception_{module}_{ours}"] = f"inception{module}.{theirs}"
    for ours, theirs in convolutions.items():
        yield f"{ours}_conv", f"{theirs}.conv"
        yield f"{ours}_bn", f"{theirs}.bn"
