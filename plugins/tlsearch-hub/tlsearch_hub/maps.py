"""Backbones of KerasHub that give feature maps: residual networks, MobileNet, EfficientNet and others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tlsearch.plugin_api import KerasBackbone
from tlsearch_hub.blocks import new_backbone
from tlsearch_hub.presets import Preset
from tlsearch_hub.tokens import scaled, weights_of

if TYPE_CHECKING:
    import keras


class MapBackbone(KerasBackbone):
    """Any backbone of KerasHub that is a functional model of one image and one feature map.

    It is built for the size that is asked for, and its cut points are found in its graph. Its saved models are loaded
    where KerasHub is installed.
    """

    def __init__(self, name: str, preset: Preset) -> None:
        """Describe the network of a preset."""
        self.name, self.preset = name, preset
        self._family, self._arguments = preset.class_name, preset.arguments
        side = _side(self._arguments)
        self.default_image_size = max(self.min_image_size, side or 224)
        self.weights = weights_of(preset, {})
        self.settings_id = preset.settings_id(self._arguments)

    def network(self, image_size: int) -> keras.Model:
        """See ``KerasBackbone``. Raises ``PluginFailedError`` where the backbone is not what it must be."""
        try:
            return new_backbone(self._family, self._arguments, image_shape=(image_size, image_size, 3))
        except ValueError as error:
            raise self._fault(f"{self._family} at {image_size} px: {error}") from error

    def preprocess(self, images: Any) -> Any:
        """See ``Backbone``."""
        return scaled(images, self.preset, self._family)


def _side(arguments: Mapping[str, Any]) -> int:
    """The side for which it was made; 0 where it does not say."""
    shape = arguments.get("image_shape") or (None,)
    return int(shape[0] or 0)
