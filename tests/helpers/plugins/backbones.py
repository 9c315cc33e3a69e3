"""A sound backbone, and one for each fault that the kit finds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tlsearch.plugins.api import CutPoint, TrainingHints

LAYERS = keras.layers


class Net:
    """A convolution, a residual block with BatchNorm and another convolution: sound."""

    api_version = 1
    name = "net"
    default_image_size = 48
    min_image_size = 32
    weights: Any = {}  # noqa: RUF012 - read only
    cuts: tuple[str, ...] = ("stem", "block", "end")

    def build(self, image_size: int, weights: Path | None) -> Any:
        inputs = keras.Input((image_size, image_size, 3))
        stem = self.stem()(inputs)
        x = LAYERS.BatchNormalization(name="norm")(LAYERS.Conv2D(8, 3, padding="same", name="inside")(stem))
        x = LAYERS.Activation("relu", name="block")(LAYERS.Add(name="add")([stem, x]))
        model = keras.Model(inputs, LAYERS.Conv2D(12, 3, strides=2, padding="same", name="end")(x))
        if weights is not None:
            try:
                model.load_weights(str(weights))
            except Exception as error:
                raise ValueError(f"{weights} does not fit") from error
        return model

    def stem(self) -> Any:
        return LAYERS.Conv2D(8, 3, padding="same", name="stem")

    def cut_points(self, model: Any) -> list[CutPoint]:
        return [CutPoint(name, name, stage_end=True) for name in self.cuts]

    def preprocess(self, images: Any) -> Any:
        return images / 127.5 - 1.0


class DeepHints(Net):
    hints = TrainingHints(freeze_middle=1, freeze_late=3)


class CutInsideBlock(Net):
    cuts = ("stem", "inside", "block", "end")


class WrongOrder(Net):
    cuts = ("block", "stem", "end")


class NoEnd(Net):
    cuts = ("stem", "block")


class MapWithTokens(Net):
    def cut_points(self, model: Any) -> list[CutPoint]:
        return [CutPoint(name, name, True, leading_tokens=1) for name in self.cuts]


class Vector(Net):
    """What it gives is pooled already."""

    def build(self, image_size: int, weights: Path | None) -> Any:
        model = super().build(image_size, weights)
        return keras.Model(model.input, LAYERS.GlobalAveragePooling2D(name="pooled")(model.output))

    cuts = ("stem", "block", "pooled")


class Shared(Net):
    """Two builds share their first layer."""

    kept = LAYERS.Conv2D(8, 3, padding="same", name="stem")

    def stem(self) -> Any:
        return self.kept


class ChangingNames(Net):
    def build(self, image_size: int, weights: Path | None) -> Any:
        inputs = x = keras.Input((image_size, image_size, 3))
        for _ in range(2):
            x = LAYERS.Conv2D(8, 3, padding="same")(x)
        return keras.Model(inputs, x)

    def cut_points(self, model: Any) -> list[CutPoint]:
        return [CutPoint(f"cut {n}", layer.name, True) for n, layer in enumerate(model.layers[1:])]


class NotRandom(Net):
    def stem(self) -> Any:
        return LAYERS.Conv2D(
            8, 3, padding="same", name="stem", kernel_initializer=keras.initializers.GlorotUniform(seed=1)
        )


class Constant(Net):
    def build(self, image_size: int, weights: Path | None) -> Any:
        model = super().build(image_size, weights)
        for variable in model.trainable_variables:
            variable.assign(keras.ops.ones_like(variable))
        return model


class Counting(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Changes a variable whenever it is called, whatever it is told of training."""

    def build(self, shape: Any) -> None:
        self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False, name="seen")

    def call(self, x: Any) -> Any:
        self.seen.assign_add(1.0)
        return x


class Centred(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Takes the mean over the batch, in inference too."""

    def call(self, x: Any) -> Any:
        return x - keras.ops.mean(x, axis=0, keepdims=True)


class WithLayer(Net):
    """The sound network with a layer put between its first two cuts."""

    extra: Any = None
    cuts = ("stem", "extra", "end")

    def build(self, image_size: int, weights: Path | None) -> Any:
        inputs = keras.Input((image_size, image_size, 3))
        x = type(self).extra(name="extra")(self.stem()(inputs))
        return keras.Model(inputs, LAYERS.Conv2D(12, 3, strides=2, padding="same", name="end")(x))


class ChangesWhileFrozen(WithLayer):
    extra = Counting


class MeanOverBatch(WithLayer):
    extra = Centred


class ComesFrozen(Net):
    def build(self, image_size: int, weights: Path | None) -> Any:
        model = super().build(image_size, weights)
        model.trainable = False
        return model


class Unseeded(Net):
    def stem(self) -> Any:
        return LAYERS.Conv2D(
            8, 3, padding="same", name="stem",
            kernel_initializer=lambda shape, dtype: keras.ops.convert_to_tensor(
                np.random.default_rng().normal(size=shape), dtype
            ),
        )  # fmt: skip


class ChangesImages(Net):
    def preprocess(self, images: Any) -> Any:
        if isinstance(images, np.ndarray):
            images /= 127.5
            return images - 1.0
        return images / 127.5 - 1.0


class ByBatch(Net):
    def preprocess(self, images: Any) -> Any:
        return images - keras.ops.mean(images)


class OneSize(Net):
    def build(self, image_size: int, weights: Path | None) -> Any:
        return super().build(48, weights)


class IgnoresFile(Net):
    def build(self, image_size: int, weights: Path | None) -> Any:
        return super().build(image_size, None)


class NoGradient(Net):
    """The gradient ends before the last layer."""

    def build(self, image_size: int, weights: Path | None) -> Any:
        model = super().build(image_size, weights)
        x = LAYERS.Lambda(keras.ops.stop_gradient, name="stop")(model.get_layer("block").output)
        return keras.Model(model.input, LAYERS.Conv2D(4, 1, name="last")(x))

    cuts = ("stem", "last")


class HalfVariables(Net):
    def stem(self) -> Any:
        return LAYERS.Conv2D(8, 3, padding="same", name="stem", dtype="float16")


class NoMethod(Net):
    cut_points = None  # type: ignore[assignment] # broken on purpose


class Unbuildable(Net):
    widths: Mapping[str, int] = {}

    def build(self, image_size: int, weights: Path | None) -> Any:
        return self.widths["missing"]


class TwoOutputs(Net):
    def build(self, image_size: int, weights: Path | None) -> Any:
        model = super().build(image_size, weights)
        return keras.Model(model.input, [model.output, model.output])


class Flat(Net):
    def build(self, image_size: int, weights: Path | None) -> Any:
        model = super().build(image_size, weights)
        return keras.Model(model.input, LAYERS.Flatten(name="flat")(model.output))


class Unpreprocessed(Net):
    def preprocess(self, images: Any) -> Any:
        return images[..., :2]


class Infinite(Net):
    def preprocess(self, images: Any) -> Any:
        return images + float("inf")


class Tiny(Net):
    """Its features are ten thousand million times smaller than usual, as those of untrained statistics may be."""

    def preprocess(self, images: Any) -> Any:
        return images / 127.5e10 - 1e-10


class Shrinking(Net):
    """What passes its middle comes out 1e20 times smaller, as layers with random values may do one after the other."""

    def build(self, image_size: int, weights: Path | None) -> Any:
        model = super().build(image_size, weights)
        x = LAYERS.Rescaling(1e-20, name="less")(model.get_layer("block").output)
        return keras.Model(model.input, LAYERS.Conv2D(12, 3, name="last")(x))

    cuts = ("stem", "block", "last")


BROKEN: list[tuple[type[Net], str, str]] = [
    (CutInsideBlock, "cut points are single tensors in order", "does not pass through 'inside' alone"),
    (WrongOrder, "cut points are single tensors in order", "in the wrong order"),
    (NoEnd, "cut points are single tensors in order", "is not the output of the model"),
    (MapWithTokens, "cut points are single tensors in order", "'stem' are a map, which has no leading tokens"),
    (Vector, "cut points are single tensors in order", "neither (N, h, w, C) nor (N, T, C)"),
    (Shared, "every build is a fresh model", "share 2 variables"),
    (ChangingNames, "cut points are the same in every build", "names of layers change"),
    (DeepHints, "training hints lie within the cut points", "its hints freeze 3 of 3 cut points"),
    (NotRandom, "random weights are random and follow the seed", "the same for every seed"),
    (Constant, "random weights are random and follow the seed", "constants, not random"),
    (ChangesWhileFrozen, "training leaves the frozen part as it is", "changes 1 variables before it"),
    (MeanOverBatch, "one image and many", "other features than among others"),
    (MeanOverBatch, "the saved model can be loaded", "register layers of your own"),
    (ComesFrozen, "gradients reach everything after the cut", "layers come frozen"),
    (Unseeded, "random weights are random and follow the seed", "with the same keras.utils.set_random_seed differ"),
    (ChangesImages, "preprocess is pure", "changes the images"),
    (ByBatch, "preprocess is pure", "depends on the images beside it"),
    (OneSize, "any image size from the minimum on", "build(32) takes"),
    (IgnoresFile, "saved weights can be loaded", "are other weights"),
    (IgnoresFile, "a foreign weights file is a ValueError", "takes a .weights.h5 file that holds no weights"),
    (NoGradient, "gradients reach everything after the cut", "no gradient reaches"),
    (HalfVariables, "mixed precision", "must stay float32"),
    (NoMethod, "keeps the contract", "no method cut_points"),
    (Unbuildable, "a network is built", "KeyError: 'missing' (tests/helpers/plugins/backbones.py:"),
    (TwoOutputs, "a network is built", "gives 2 outputs, not one"),
    (Flat, "a network is built", "the output of the network has shape"),
    (Unpreprocessed, "pictures go through the network", "preprocess makes (2, 40, 40, 2) of pictures"),
    (Infinite, "pictures go through the network", "are not finite"),
]
