"""SmallCNN: the residual network that the baseline trains from scratch on small data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tlsearch.plugins.api import CutPoint, WeightSource

if TYPE_CHECKING:
    import keras


class SmallCNN:
    """A residual network of basic blocks (He et al. 2016), narrow enough for a few thousand images on a CPU.

    The stem, a convolution and a pool, quarters the resolution, and each stage after the first halves it. The
    shortcut of a block that changes resolution is an average pool and a 1 x 1 convolution (He et al. 2019, "Bag of
    tricks", ResNet-D), and the last BatchNorm of a block starts at zero, so that a block starts as the identity
    (Goyal et al. 2017). There are no published weights, so the search for a network to reuse never meets it.
    """

    api_version = 1
    name = "small_cnn"
    default_image_size = 96
    min_image_size = 32
    weights: ClassVar[Mapping[str, WeightSource]] = {}
    stem = 24
    """Channels of the stem: few, for at half resolution they cost most."""
    stages: ClassVar[tuple[tuple[int, int], ...]] = ((48, 1), (96, 1), (192, 1))
    """Channels and blocks of each stage. With (64, 128, 256), and a block of 16 channels in place of the pool, the same
    100 s of two cores on 2,600 photographs of clothes at 64 px gave .67 where these give .70 (809 others, 10 classes;
    log loss 1.07 and .88)."""

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """Build a new network: (N, image_size, image_size, 3) to (N, ceil(image_size / 16), same, 192).

        Args:
            image_size: The side of its images.
            weights: A ``.weights.h5`` saved from this network, or None for He's initial values, which depend on Keras'
                seed.

        Raises:
            ValueError: The file does not fit.
        """
        import keras

        inputs = keras.Input((image_size, image_size, 3), name="images")
        x = _convolve(inputs, self.stem, 3, "stem", stride=2)
        x = keras.layers.ReLU(name="stem_relu")(x)
        x = keras.layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(x)
        for number, (channels, count) in enumerate(self.stages, start=1):
            for block in range(1, count + 1):
                stride = 2 if number > 1 and block == 1 else 1
                x = _add_block(x, channels, stride, f"stage{number}_block{block}")
        model = keras.Model(inputs, x, name=self.name)
        if weights is not None:
            _load(model, weights)
        return model

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """Give the pool of the stem and every block."""
        cuts = [CutPoint(name="stem", layer="stem_pool")]
        for number, (_, count) in enumerate(self.stages, start=1):
            for block in range(1, count + 1):
                name = f"stage{number}_block{block}"
                cuts.append(CutPoint(name=name, layer=f"{name}_out", stage_end=block == count))
        return cuts

    def preprocess(self, images: Any) -> Any:
        """Map RGB 0..255 to about -2..2: photographs have a standard deviation of about 60."""
        import keras

        return (keras.ops.cast(images, "float32") - 127.5) / 64.0


def _convolve(x: Any, channels: int, kernel: int, name: str, stride: int = 1, gamma: str = "ones") -> Any:
    """A convolution without bias and its BatchNorm, which follows the data within tens of steps."""
    import keras

    x = keras.layers.Conv2D(
        channels,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer=keras.initializers.HeNormal(),
        name=f"{name}_conv",
    )(x)
    return keras.layers.BatchNormalization(momentum=0.9, gamma_initializer=gamma, name=f"{name}_bn")(x)


def _add_block(inputs: Any, channels: int, stride: int, name: str) -> Any:
    import keras

    x = _convolve(inputs, channels, 3, f"{name}_1", stride=stride)
    x = keras.layers.ReLU(name=f"{name}_1_relu")(x)
    x = _convolve(x, channels, 3, f"{name}_2", gamma="zeros")
    shortcut = inputs
    if stride > 1:
        shortcut = keras.layers.AveragePooling2D(stride, padding="same", name=f"{name}_0_pool")(shortcut)
    if inputs.shape[-1] != channels:
        shortcut = _convolve(shortcut, channels, 1, f"{name}_0")
    x = keras.layers.Add(name=f"{name}_add")([shortcut, x])
    return keras.layers.ReLU(name=f"{name}_out")(x)


def _load(model: keras.Model, weights: Path) -> None:
    try:
        model.load_weights(str(weights))
    except Exception as error:  # h5py, zipfile and Keras each raise kinds of their own
        what = " ".join(str(error).split())[:200]
        raise ValueError(
            f"the weights file {weights} does not fit {model.name} ({what}); give a .weights.h5 saved from it"
        ) from error
