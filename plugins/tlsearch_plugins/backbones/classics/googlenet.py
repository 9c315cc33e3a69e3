"""GoogLeNet (Inception v1) as in the paper of 2014, and what the form with BatchNorm has of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tlsearch.plugin_api import CutPoint, TrainingHints, WeightSource
from tlsearch_plugins.backbones.classics.imagenet import less_mean

if TYPE_CHECKING:
    import keras


class Filters(NamedTuple):
    """The filters of an Inception module, in the order of the paper's table."""

    one: int
    three_reduce: int
    three: int
    five_reduce: int
    five: int
    pool_proj: int

    @property
    def outputs(self) -> int:
        """The channels of its output, in which the four branches are joined."""
        return self.one + self.three + self.five + self.pool_proj


MODULES: Mapping[str, Filters] = {
    "3a": Filters(64, 96, 128, 16, 32, 32),
    "3b": Filters(128, 128, 192, 32, 96, 64),
    "4a": Filters(192, 96, 208, 16, 48, 64),
    "4b": Filters(160, 112, 224, 24, 64, 64),
    "4c": Filters(128, 128, 256, 24, 64, 64),
    "4d": Filters(112, 144, 288, 32, 64, 64),
    "4e": Filters(256, 160, 320, 32, 128, 128),
    "5a": Filters(256, 160, 320, 32, 128, 128),
    "5b": Filters(384, 192, 384, 48, 128, 128),
}
"""The nine Inception modules (table 1)."""

POOLED = {"3b": "pool3", "4e": "pool4"}
"""The modules with a pool behind them, and the layer of that pool."""


class Convolve(Protocol):
    """A convolution at steps of 1 that keeps the size of the map, with what a form of the network puts behind it."""

    def __call__(self, x: Any, filters: int, kernel: int, name: str) -> Any:
        """Give its output; layers have names that begin with ``name``."""


def inception(x: Any, module: str, convolve: Convolve, large: int) -> Any:
    """An Inception module: four branches on one map, joined by channels.

    ``large`` is the side of the window of its third branch, "5x5" by name.
    """
    import keras

    name, filters = f"inception_{module}", MODULES[module]
    three = convolve(x, filters.three_reduce, 1, f"{name}_3x3_reduce")
    five = convolve(x, filters.five_reduce, 1, f"{name}_5x5_reduce")
    pooled = keras.layers.MaxPooling2D(3, 1, "same", name=f"{name}_pool")(x)
    branches = [
        convolve(x, filters.one, 1, f"{name}_1x1"),
        convolve(three, filters.three, 3, f"{name}_3x3"),
        convolve(five, filters.five, large, f"{name}_5x5"),
        convolve(pooled, filters.pool_proj, 1, f"{name}_pool_proj"),
    ]
    return keras.layers.Concatenate(name=name)(branches)


def cuts() -> list[CutPoint]:
    """The two stages of the stem and each Inception module, where a pool follows it what comes out of that."""
    layers = {module: POOLED.get(module, f"inception_{module}") for module in MODULES}
    return [
        CutPoint("stem 1", "pool1", stage_end=True),
        CutPoint("stem 2", "pool2", stage_end=True),
        *(CutPoint(f"inception {m}", layer, stage_end=m in {*POOLED, "5b"}) for m, layer in layers.items()),
    ]


class GoogLeNet:
    """GoogLeNet of Szegedy et al. 2014, "Going Deeper with Convolutions": table 1, normalised as in figure 3.

    A stem of two stages and nine Inception modules, 11 cut points. The two auxiliary classifiers, which hang at 4a and
    4d while the authors train it, are left out: a network in use has none, and cut in two it would lose them.

    No weights of this form are bundled or converted: ``googlenet_bn`` is the form whose weights are published.
    """

    api_version = 1
    name = "googlenet"
    title = "GoogLeNet"
    default_image_size = 224
    min_image_size = 32
    weights: Mapping[str, WeightSource] = {}
    hints = TrainingHints(freeze_middle=4, freeze_late=9, lr_middle=5e-5, lr_late=1e-4, lr_early=1e-4)

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """A new network: (N, image_size, image_size, 3) to (N, 7, 7, 1024) at 224 px.

        ``weights`` is a ``.weights.h5`` saved from this network.
        """
        import keras

        from tlsearch_plugins.backbones.caffe import PIXEL_STD
        from tlsearch_plugins.backbones.classics.convolve import convolve
        from tlsearch_plugins.backbones.classics.local_response import normalise_responses
        from tlsearch_plugins.backbones.classics.pooling import pool_up
        from tlsearch_plugins.backbones.scratch import with_values

        inputs = keras.Input((image_size, image_size, 3), name="images")
        x = keras.layers.ZeroPadding2D(3, name="conv1_pad")(inputs)
        x = convolve(x, 64, 7, "conv1", stride=2)
        x = normalise_responses(pool_up(x, "pool1"), "norm1")
        x = convolve(convolve(x, 64, 1, "conv2_reduce"), 192, 3, "conv2")
        x = pool_up(normalise_responses(x, "norm2"), "pool2")
        for module in MODULES:
            x = inception(x, module, convolve, large=5)
            if module in POOLED:
                x = pool_up(x, POOLED[module])
        model = keras.Model(inputs, x, name=self.name)
        return with_values(model, weights, input_std=PIXEL_STD)

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """The stem's two stages and every Inception module."""
        return cuts()

    def preprocess(self, images: Any) -> Any:
        """RGB 0..255 less the ImageNet mean."""
        return less_mean(images)
