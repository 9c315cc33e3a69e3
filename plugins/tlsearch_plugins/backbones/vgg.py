"""VGG16 and VGG19 (Simonyan & Zisserman 2015) on Keras Applications, without their dense layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlsearch.plugin_api import CutPoint, TrainingHints, WeightSource
from tlsearch_plugins.backbones.caffe import PIXEL_STD, caffe_preprocess

if TYPE_CHECKING:
    import keras

URL = "https://storage.googleapis.com/tensorflow/keras-applications"

HINTS = TrainingHints(lr_middle=5e-5, lr_late=1e-4, lr_early=1e-4)
"""Wide networks without BatchNorm want small steps."""


def imagenet(name: str, file_hash: str, megabytes: float, *, top: bool = False) -> WeightSource:
    """Where Keras Applications gets the ImageNet weights of ``name``, with its ``top`` or without."""
    filename = f"{name}_weights_tf_dim_ordering_tf_kernels{'' if top else '_notop'}.h5"
    return WeightSource(
        trained_on="ImageNet-1k",
        licence="CC BY 4.0 (Visual Geometry Group, University of Oxford)",
        url=f"{URL}/{name}/{filename}",
        filename=filename,
        file_hash=file_hash,
        megabytes=megabytes,
        accuracy=0.713,
    )


class ConvolutionalVGG:
    """What both sizes share.

    ``application`` is the name in ``keras.applications``, ``convolutions`` the number of convolutions in each of the
    five blocks.
    """

    api_version = 1
    name: str
    application: str
    convolutions: tuple[int, ...]
    weights: Mapping[str, WeightSource]
    hints: TrainingHints
    default_image_size = 224
    min_image_size = 32

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """A new network: (N, image_size, image_size, 3) to (N, image_size // 32, image_size // 32, 512)."""
        from tlsearch_plugins.backbones.scratch import with_values

        return with_values(self.blocks(image_size), weights, input_std=PIXEL_STD)

    def blocks(self, image_size: int) -> keras.Model:
        """The five blocks of convolutions, with Keras' own random values."""
        import keras

        application = getattr(keras.applications, self.application)
        return application(include_top=False, weights=None, input_shape=(image_size, image_size, 3))

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """Every convolution, and for the last one of a block the pool that follows it."""
        cuts = []
        for block, count in enumerate(self.convolutions, start=1):
            cuts += [f"block{block}_conv{conv}" for conv in range(1, count)] + [f"block{block}_pool"]
        return [CutPoint(name=cut, layer=cut, stage_end=cut.endswith("_pool")) for cut in cuts]

    def preprocess(self, images: Any) -> Any:
        """RGB 0..255 to BGR less the ImageNet mean."""
        return caffe_preprocess(images)


class VGG16(ConvolutionalVGG):
    """VGG16: 13 convolutions, 13 cut points."""

    name = "vgg16"
    application = title = "VGG16"
    work = 31.6e9
    convolutions = (2, 2, 3, 3, 3)
    hints = replace(HINTS, freeze_middle=7, freeze_late=10)
    weights = {"imagenet": imagenet("vgg16", "6d6bbae143d832006294945121d1f1fc", 58.9)}  # noqa: RUF012 - read only


class VGG19(ConvolutionalVGG):
    """VGG19: 16 convolutions, 16 cut points."""

    name = "vgg19"
    application = title = "VGG19"
    work = 40.0e9
    convolutions = (2, 2, 4, 4, 4)
    hints = replace(HINTS, freeze_middle=8, freeze_late=12)
    weights = {"imagenet": imagenet("vgg19", "253f8cb515780f3b799900260a226db6", 80.1)}  # noqa: RUF012 - read only
