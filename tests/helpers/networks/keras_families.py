"""The networks of keras.applications as plugins."""

from __future__ import annotations

import inspect
from typing import Any

import keras

from tlsearch.plugin_api import KerasBackbone

LEAST_SIZES = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}
"""The least side in pixels where it is not 32."""

SCALE_INSIDE = ("ConvNeXt", "EfficientNet", "MobileNetV3")

FAMILIES = (
    "ConvNeXtTiny",
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "InceptionResNetV2",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "NASNetMobile",
    "ResNet50",
    "ResNet50V2",
    "VGG16",
    "Xception",
)
"""The smallest member of each family."""

MEMBERS = tuple(name for name in dir(keras.applications) if inspect.isfunction(getattr(keras.applications, name)))


class Application(KerasBackbone):
    """A network of keras.applications by its name there."""

    def __init__(self, member: str) -> None:
        self.member = member
        self.name = member.lower()
        self.min_image_size = LEAST_SIZES.get(member, 32)
        self.pixels = "inside" if member.startswith(SCALE_INSIDE) else "-1..1"

    def network(self, image_size: int) -> Any:
        """See ``KerasBackbone``."""
        build = getattr(keras.applications, self.member)
        return build(include_top=False, weights=None, input_shape=(image_size, image_size, 3))
