"""EfficientNet-Lite1 and Lite2, with their ImageNet weights inside the package.

They are EfficientNet-Lite0, deeper and wider by the rules of Tan & Le (2019), as published in
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite (Apache-2.0): stem, head, and the blocks
of the first and of the last stage stay, and filters are rounded to multiples of 8. The accuracies are those of the
published checkpoints in full precision, of which the weights here are the values rounded to half precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from tlsearch.plugin_api import TrainingHints, WeightSource
from tlsearch_plugins.backbones.efficientnet_lite import EfficientNetLite0

__all__ = ["EfficientNetLite1", "EfficientNetLite2"]

HINTS = TrainingHints(freeze_middle=8, freeze_late=20, lr_middle=5e-4, lr_late=3e-4, lr_early=1e-3)
"""For 23 cut points. As those of Lite0: up to the end of the third stage, and all but the last two blocks and the head;
with its learning rates."""


def _bundled(name: str, accuracy: float) -> Mapping[str, WeightSource]:
    """The weights in the package, with their top-1 accuracy on ImageNet."""
    source = WeightSource(
        trained_on="ImageNet-1k",
        licence="Apache-2.0 (The TensorFlow Authors)",
        path=Path(__file__).parent / "data" / f"{name}.npz",
        accuracy=accuracy,
    )
    return {"imagenet": source}


class EfficientNetLite1(EfficientNetLite0):
    """EfficientNet-Lite1: 21 blocks as wide as those of Lite0, 23 cut points."""

    name = "efficientnet_lite1"
    title = "EfficientNet-Lite1"
    default_image_size = 240
    work = 3.0e9
    hints = HINTS
    stages: ClassVar[tuple[tuple[int, int, int, int, int], ...]] = (
        # expand, outputs, repeat, kernel, stride
        (1, 16, 1, 3, 1),
        (6, 24, 3, 3, 2),
        (6, 40, 3, 5, 2),
        (6, 80, 4, 3, 2),
        (6, 112, 4, 5, 1),
        (6, 192, 5, 5, 2),
        (6, 320, 1, 3, 1),
    )
    weights = _bundled("efficientnet_lite1", accuracy=0.767)


class EfficientNetLite2(EfficientNetLite0):
    """EfficientNet-Lite2: 21 blocks that are wider than those of Lite1, 23 cut points."""

    name = "efficientnet_lite2"
    title = "EfficientNet-Lite2"
    default_image_size = 260
    work = 4.0e9
    hints = HINTS
    stages: ClassVar[tuple[tuple[int, int, int, int, int], ...]] = (
        (1, 16, 1, 3, 1),
        (6, 24, 3, 3, 2),
        (6, 48, 3, 5, 2),
        (6, 88, 4, 3, 2),
        (6, 120, 4, 5, 1),
        (6, 208, 5, 5, 2),
        (6, 352, 1, 3, 1),
    )
    weights = _bundled("efficientnet_lite2", accuracy=0.776)
