"""The plugin ``hub_preset``: any preset, named by an environment variable."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlsearch.plugin_api import API_VERSION, CutPoint, WeightSource
from tlsearch_hub.architecture import FAMILIES
from tlsearch_hub.maps import MapBackbone
from tlsearch_hub.presets import FOLDER_VARIABLE, Preset, presets_folder
from tlsearch_hub.tokens import TokenBackbone

if TYPE_CHECKING:
    import keras

PRESET_VARIABLE = "TLSEARCH_HUB_PRESET"
"""Names the folder of a preset, or the name of one in the folder of presets."""

NAME = "hub_preset"


class HubPreset:
    """The backbone of the preset that ``TLSEARCH_HUB_PRESET`` names; without the variable it takes part in nothing."""

    api_version = API_VERSION
    name = NAME
    default_image_size = 224
    min_image_size = 32
    weights: Mapping[str, WeightSource]
    weights_hint = f"set {PRESET_VARIABLE} to the folder of a KerasHub preset"

    def __init__(self) -> None:
        """Read the variable. Raises ``ValueError`` where there is no preset that it could mean."""
        self.weights = {}
        self._network: TokenBackbone | MapBackbone | None = None
        named = os.environ.get(PRESET_VARIABLE)
        if not named:
            return
        self._network = network = _network_of(_preset(named))
        self.title = network.preset.folder.name
        self.default_image_size, self.min_image_size = network.default_image_size, network.min_image_size
        self.weights, self.hints, self.settings_id = network.weights, network.hints, network.settings_id

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """See ``Backbone``."""
        return self._known().build(image_size, weights)

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """See ``Backbone``."""
        return self._known().cut_points(model)

    def preprocess(self, images: Any) -> Any:
        """See ``Backbone``."""
        return self._known().preprocess(images)

    def _known(self) -> TokenBackbone | MapBackbone:
        if self._network is None:
            raise ValueError(f"no preset is named: set {PRESET_VARIABLE} to the folder of a KerasHub preset")
        return self._network


def _preset(named: str) -> Preset:
    """The preset of that folder or name."""
    for folder in (Path(named), presets_folder() / named):
        if (preset := Preset(folder)).is_here:
            return preset
    raise ValueError(
        f"{PRESET_VARIABLE} is {named!r}, and there is no preset in that folder, nor in {presets_folder() / named}: "
        f"give the folder of a KerasHub preset, or fetch it with `tlsearch-hub fetch {named}` "
        f"({FOLDER_VARIABLE} names the folder of presets)"
    )


def _network_of(preset: Preset) -> TokenBackbone | MapBackbone:
    for family in FAMILIES:
        if preset.class_name == family:
            return TokenBackbone(NAME, family, preset, preset.arguments)
    return MapBackbone(NAME, preset)
