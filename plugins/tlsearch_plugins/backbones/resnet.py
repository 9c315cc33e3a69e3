"""ResNet50 (He et al. 2016) on Keras Applications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tlsearch.plugin_api import CutPoint, TrainingHints, WeightSource
from tlsearch_plugins.backbones.caffe import PIXEL_STD, caffe_preprocess

if TYPE_CHECKING:
    import keras

_FILENAME = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"


class ResNet50:
    """ResNet50: a stem and 16 residual blocks in four stages, 17 cut points."""

    api_version = 1
    name = "resnet50"
    title = "ResNet50"
    default_image_size = 224
    min_image_size = 32
    work = 9.9e9
    hints = TrainingHints(freeze_middle=8, freeze_late=14, lr_middle=2e-4, lr_late=2e-4, lr_early=5e-4)
    blocks: ClassVar[Mapping[int, int]] = {2: 3, 3: 4, 4: 6, 5: 3}
    weights: Mapping[str, WeightSource] = {
        "imagenet": WeightSource(
            trained_on="ImageNet-1k",
            licence="MIT (Kaiming He, Microsoft Research)",
            url=f"https://storage.googleapis.com/tensorflow/keras-applications/resnet/{_FILENAME}",
            filename=_FILENAME,
            file_hash="4d473c1dd8becc155b73f8504c6f6626",
            megabytes=94.8,
            accuracy=0.749,
        )
    }

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """A new network: (N, image_size, image_size, 3) to (N, ceil(image_size / 32), same, 2048)."""
        import keras

        from tlsearch_plugins.backbones.scratch import with_values

        model = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(image_size, image_size, 3))
        return with_values(model, weights, input_std=PIXEL_STD)

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """The pool of the stem and the output of every residual block."""
        cuts = [CutPoint(name="pool1_pool", layer="pool1_pool", stage_end=True)]
        for stage, count in self.blocks.items():
            for block in range(1, count + 1):
                name = f"conv{stage}_block{block}_out"
                cuts.append(CutPoint(name=name, layer=name, stage_end=block == count))
        return cuts

    def preprocess(self, images: Any) -> Any:
        """RGB 0..255 to BGR less the ImageNet mean."""
        return caffe_preprocess(images)
