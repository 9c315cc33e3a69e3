"""EfficientNet-Lite0, with its ImageNet weights inside the package.

The architecture is EfficientNet-B0 (Tan & Le 2019) without squeeze-and-excitation and with ReLU6, as
published in https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any, ClassVar

from tlsearch.plugin_api import CutPoint, TrainingHints, WeightSource

if TYPE_CHECKING:
    import keras

STEM, HEAD = 32, 1280
BATCHNORM = {"epsilon": 1e-3, "momentum": 0.9}
"""Epsilon as published; the momentum only matters to training from scratch, which is short here."""


@dataclass(frozen=True, kw_only=True)
class _Block:
    """An inverted residual block: expand (1 x 1), filter (depthwise), project (1 x 1).

    ``name`` has the number of its stage and a letter, ``stage5c``, because what counts blocks counts stem and head too.
    """

    index: int
    name: str
    expand: int
    inputs: int
    outputs: int
    kernel: int
    stride: int

    @property
    def residual(self) -> bool:
        return self.stride == 1 and self.inputs == self.outputs

    @property
    def layer(self) -> str:
        """The name of the layer that gives the block's output."""
        return f"block{self.index}_add" if self.residual else f"block{self.index}_project_bn"


class EfficientNetLite0:
    """EfficientNet-Lite0: a stem, 16 blocks and a head convolution, 18 cut points."""

    api_version = 1
    name = "efficientnet_lite0"
    title = "EfficientNet-Lite0"
    default_image_size = 224
    min_image_size = 32
    work = 2.0e9
    hints = TrainingHints(freeze_middle=6, freeze_late=15, lr_middle=5e-4, lr_late=3e-4, lr_early=1e-3)
    stages: ClassVar[tuple[tuple[int, int, int, int, int], ...]] = (
        # expand, outputs, repeat, kernel, stride
        (1, 16, 1, 3, 1),
        (6, 24, 2, 3, 2),
        (6, 40, 2, 5, 2),
        (6, 80, 3, 3, 2),
        (6, 112, 3, 5, 1),
        (6, 192, 4, 5, 2),
        (6, 320, 1, 3, 1),
    )
    weights: Mapping[str, WeightSource] = {
        "imagenet": WeightSource(
            trained_on="ImageNet-1k",
            licence="Apache-2.0 (The TensorFlow Authors)",
            path=Path(__file__).parent.parent / "data" / "efficientnet_lite0.npz",
            accuracy=0.751,
        )
    }

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """A new network: (N, image_size, image_size, 3) to (N, ceil(image_size / 32), same, 1280).

        ``weights`` is a ``.npz`` in the layout of the bundled file, or a Keras weights file of this network.
        """
        import keras

        inputs = keras.Input((image_size, image_size, 3), name="images")
        x = _normalise(_convolve(inputs, STEM, 3, "stem", stride=2), "stem", relu=True)
        for block in self._blocks():
            x = _add_block(x, block)
        x = _normalise(_convolve(x, HEAD, 1, "head"), "head", relu=True)
        model = keras.Model(inputs, x, name=self.name)
        if weights is not None:
            self._load(model, weights)
        return model

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """The stem, every block and the head convolution."""
        blocks = list(self._blocks())
        strides = [block.stride for block in blocks[1:]] + [1]
        return [
            CutPoint(name="stem", layer="stem_relu"),
            *(
                CutPoint(name=block.name, layer=block.layer, stage_end=following > 1)
                for block, following in zip(blocks, strides, strict=True)
            ),
            CutPoint(name="head", layer="head_relu", stage_end=True),
        ]

    def preprocess(self, images: Any) -> Any:
        """RGB 0..255 to about -1..1."""
        import keras

        return (keras.ops.cast(images, "float32") - 127.0) / 128.0

    def _blocks(self) -> Iterator[_Block]:
        index, inputs = 0, STEM
        for stage, (expand, outputs, repeat, kernel, stride) in enumerate(self.stages, 1):
            for i in range(repeat):
                name = f"stage{stage}{ascii_lowercase[i]}"
                yield _Block(
                    index=index,
                    name=name,
                    expand=expand,
                    inputs=inputs,
                    outputs=outputs,
                    kernel=kernel,
                    stride=stride if i == 0 else 1,
                )
                index, inputs = index + 1, outputs

    def _load(self, model: keras.Model, weights: Path) -> None:
        from tlsearch.plugin_api import load_keras_weights

        if weights.suffix == ".npz":
            _load_npz(model, list(self._blocks()), weights)
        else:
            load_keras_weights(model, weights)


def _convolve(x: Any, filters: int, kernel: int, name: str, stride: int = 1) -> Any:
    import keras

    return keras.layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer=_initializer(),
        name=f"{name}_conv",
    )(x)


def _initializer() -> keras.initializers.Initializer:
    """Normal with variance 2 / fan-out, as published; the fan-out of a depthwise kernel is its area."""
    import keras

    return keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="untruncated_normal")


def _normalise(x: Any, name: str, relu: bool) -> Any:
    import keras

    x = keras.layers.BatchNormalization(**BATCHNORM, name=f"{name}_bn")(x)
    return keras.layers.ReLU(max_value=6.0, name=f"{name}_relu")(x) if relu else x


def _add_block(inputs: Any, block: _Block) -> Any:
    import keras

    name, x = f"block{block.index}", inputs
    if block.expand > 1:
        x = _convolve(x, block.inputs * block.expand, 1, f"{name}_expand")
        x = _normalise(x, f"{name}_expand", relu=True)
    x = keras.layers.DepthwiseConv2D(
        block.kernel,
        strides=block.stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=_initializer(),
        name=f"{name}_depthwise_conv",
    )(x)
    x = _normalise(x, f"{name}_depthwise", relu=True)
    x = _convolve(x, block.outputs, 1, f"{name}_project")
    x = _normalise(x, f"{name}_project", relu=False)
    return keras.layers.Add(name=f"{name}_add")([inputs, x]) if block.residual else x


def _load_npz(model: keras.Model, blocks: Sequence[_Block], file: Path) -> None:
    """Fill ``model`` from arrays named as PyTorch ports name them, convolutions as (out, in, height, width).

    Raises ``ValueError`` when the file is unreadable or an array is missing or has another shape.
    """
    from tlsearch_plugins.backbones.arrays import UNREADABLE, open_arrays

    try:
        with open_arrays(file) as arrays:
            if lacking := [prefix for prefix, _, _ in _parts(blocks) if f"{prefix}.weight" not in arrays]:
                raise ValueError(f"it lacks {lacking[0]}.weight")
            for prefix, norm, layer in _parts(blocks):
                kernel = arrays[f"{prefix}.weight"]
                depthwise = layer.endswith("depthwise")
                axes = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
                model.get_layer(f"{layer}_conv").set_weights([kernel.transpose(axes)])
                statistics = ("weight", "bias", "running_mean", "running_var")
                model.get_layer(f"{layer}_bn").set_weights([arrays[f"{norm}.{s}"] for s in statistics])
    except (*UNREADABLE, KeyError, ValueError) as error:
        what = " ".join(str(error).split())[:200]
        raise ValueError(
            f"the weights file {file} does not fit {model.name} ({what}); give a .npz in the layout of the "
            f"bundled file, or a .weights.h5 saved from this network"
        ) from error


def _parts(blocks: Sequence[_Block]) -> Iterator[tuple[str, str, str]]:
    """For every convolution: its array's prefix, that of its BatchNorm, and the name of our layers."""
    yield "_conv_stem", "_bn0", "stem"
    for block in blocks:
        theirs, ours = f"_blocks.{block.index}", f"block{block.index}"
        if block.expand > 1:
            yield f"{theirs}._expand_conv", f"{theirs}._bn0", f"{ours}_expand"
        yield f"{theirs}._depthwise_conv", f"{theirs}._bn1", f"{ours}_depthwise"
        yield f"{theirs}._project_conv", f"{theirs}._bn2", f"{ours}_project"
    yield "_conv_head", "_bn1", "head"
