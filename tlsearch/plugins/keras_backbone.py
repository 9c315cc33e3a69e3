"""For authors of backbones: a Keras model as a plugin, of which everything else is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from tlsearch.errors import PluginFailedError
from tlsearch.plugins.api import API_VERSION, CutPoint, TrainingHints, WeightSource
from tlsearch.plugins.keras_weights import load_keras_weights

if TYPE_CHECKING:
    import keras

Pixels: TypeAlias = Literal["inside", "-1..1", "0..1", "imagenet", "caffe"]
"""What a network wants of its pixels; see ``KerasBackbone``."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of red, green and blue on ImageNet's training images, scaled to 0..1, as Torch's and Keras' models use them."""

CAFFE_MEAN = (103.939, 116.779, 123.68)
"""Mean blue, green and red of ImageNet's training images, 0..255, as in Caffe's reference models."""

NORM_MOMENTUM = 0.9
"""Of BatchNorm where a network begins with random values: Keras' .99 leaves half of the initial statistics in place
after 70 steps, as short trainings have."""

SCALING = ("Rescaling", "Normalization")
NOT_SCALING = (
    "InputLayer", "ZeroPadding2D", "Cropping2D", "Identity", "Dropout", "SpatialDropout2D", "GaussianNoise", "Permute",
    "Resizing", "CenterCrop", "RandomCrop", "RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom",
    "Pad", "Transpose", "Cast", "GetItem", "Resize",
)  # fmt: skip


class KerasBackbone:
    """Base class: say ``name`` and ``network``, and the rest of the contract ``Backbone`` follows.

    Cut points are found in the graph of the model, and layers without a name are numbered anew, so that they have the
    same name in every build. BatchNorm and dropout need no care: the engine runs what is pre-trained in inference mode.

    Attributes:
        name: The name of the plugin.
        title: The name as people write it.
        default_image_size: The side in pixels that the network was trained with.
        min_image_size: The least side in pixels that ``network`` takes.
        weights: Where weights come from, by name; the first is the default. Their files hold no top.
        hints: How the network is best fine-tuned.
        pixels: What the network wants: ``"inside"`` where a layer of it scales RGB 0..255; RGB scaled to ``"-1..1"`` or
            ``"0..1"``; ``"imagenet"``, which is 0..1 less ImageNet's mean and divided by its standard deviation; or
            ``"caffe"``, which is BGR 0..255 less ImageNet's mean. For anything else write a ``preprocess``.
        work: The operations an image of the default size; None where it is not known. See ``Backbone``.
    """

    api_version: int = API_VERSION
    name: str
    title: str = ""
    default_image_size: int = 224
    min_image_size: int = 32
    weights: Mapping[str, WeightSource] = MappingProxyType({})
    hints: TrainingHints = TrainingHints()
    pixels: Pixels = "inside"
    work: float | None = None

    def network(self, image_size: int) -> keras.Model:
        """A new functional model with random values, without its top.

        From (N, image_size, image_size, 3) to a feature map (N, h, w, C).
        """
        raise NotImplementedError(f"{type(self).__name__} must say its network")

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """See ``Backbone``.

        Raises:
            PluginFailedError: The model that ``network`` gives is not what it must be.
            ValueError: The file of weights does not fit.
        """
        import keras

        from tlsearch.backend.private_api import all_layers
        from tlsearch.plugins.keras_names import number_afresh

        if type(self).preprocess is KerasBackbone.preprocess:
            self._check_pixels()
        model = self._functional(self.network(image_size), image_size)
        self._check_layers(model)
        self._check_scaling(model)
        number_afresh(model)
        if weights is not None:
            load_keras_weights(model, weights)
            return model
        for layer in all_layers(model):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = NORM_MOMENTUM
        return model

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """See ``Backbone``."""
        from tlsearch.plugins.keras_cuts import find_cuts

        try:
            return find_cuts(model)
        except ValueError as error:
            raise self._fault(str(error)) from error

    def preprocess(self, images: Any) -> Any:
        """RGB 0..255 to what ``pixels`` says, float32. Raises ``PluginFailedError`` where that is nothing known."""
        from keras import ops

        self._check_pixels()
        rgb = ops.cast(images, "float32")
        if self.pixels == "inside":
            return rgb
        if self.pixels == "-1..1":
            return rgb / 127.5 - 1.0
        if self.pixels == "0..1":
            return rgb / 255.0
        if self.pixels == "imagenet":
            mean, std = (255.0 * np.asarray(values, "float32") for values in (IMAGENET_MEAN, IMAGENET_STD))
            return (rgb - mean) / std
        return ops.subtract(ops.flip(rgb, axis=-1), np.asarray(CAFFE_MEAN, "float32"))

    def _functional(self, model: Any, image_size: int) -> keras.Model:
        """The model as a functional one with the right input, from one tensor to one tensor."""
        import keras

        from tlsearch.backend.graph import of_single_tensors

        if isinstance(model, keras.Sequential) and model.built:
            model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
        if not isinstance(model, keras.Model) or not hasattr(model, "operations"):
            what = type(model).__name__
            raise self._fault(f"its network must be a functional Keras model, not a {what}")
        shape, wanted = [tuple(tensor.shape[1:]) for tensor in model.inputs], (image_size, image_size, 3)
        if shape != [wanted]:
            raise self._fault(f"its network for {image_size} px must take one input of shape {wanted}, not {shape}")
        try:
            return of_single_tensors(model)
        except ValueError as error:
            raise self._fault(f"its network {error}") from error

    def _check_pixels(self) -> None:
        """Every name but those known would be taken for one of them."""
        if self.pixels not in get_args(Pixels):
            known = ", ".join(map(repr, get_args(Pixels)))
            raise self._fault(f"its pixels are {self.pixels!r}, which is none of {known}; write a preprocess")

    def _check_layers(self, model: keras.Model) -> None:
        """No layer makes a model that cannot be loaded, or features of another layout."""
        import keras

        from tlsearch.backend.private_api import all_layers

        for layer in all_layers(model):
            if isinstance(layer, keras.layers.Lambda):
                raise self._fault(
                    f"its layer {layer.name!r} is a Lambda, which Keras does not load from a saved model: write it "
                    "with keras.ops, or as a layer that is registered"
                )
            if type(layer).__name__.endswith("2D") and getattr(layer, "data_format", None) == "channels_first":
                raise self._fault(f"its layer {layer.name!r} has the channels first: build it with the channels last")

    def _check_scaling(self, model: keras.Model) -> None:
        """Pixels are scaled once: by the model, or by ``preprocess``."""
        if type(self).preprocess is not KerasBackbone.preprocess:
            return
        first = _before_first_kernel(model)
        if self.pixels != "inside" and any(kind in SCALING for kind in first):
            raise self._fault(
                f"its pixels are {self.pixels!r}, and a layer of its network scales them again: leave out either"
            )
        if self.pixels == "inside" and all(kind in NOT_SCALING for kind in first):
            raise self._fault(
                'its pixels are "inside", but nothing in its network scales them: say what it wants, such as "-1..1", '
                "or begin it with a Rescaling layer"
            )

    def _fault(self, what: str) -> PluginFailedError:
        text = f"The backbone plugin '{self.name}' cannot be used: {what}."
        return PluginFailedError(text, plugin=f"backbone {self.name}")


def _before_first_kernel(model: keras.Model) -> list[str]:
    """The classes of the operations that come before the first one with a kernel, in models inside the model too."""
    from tlsearch.backend.graph import kernel_size_of
    from tlsearch.backend.private_api import calls_of, has_graph

    kinds = []
    for operation, _, _ in calls_of(model):
        if has_graph(operation):
            kinds += _before_first_kernel(operation)
        if kernel_size_of(operation):
            break
        if not has_graph(operation):
            kinds.append(type(operation).__name__)
    return kinds
