"""The backbone plugin of a vision transformer, of a configuration of KerasHub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch.plugin_api import API_VERSION, CutPoint, KerasBackbone, TrainingHints, WeightSource
from tlsearch_hub.architecture import PIXELS, Architecture, Family, architecture_of
from tlsearch_hub.presets import Preset
from tlsearch_hub.transformer import build_transformer, cuts_of

if TYPE_CHECKING:
    import keras


class TokenBackbone:
    """A transformer that gives tokens; its positions are interpolated for images of any size from two patches on.

    Attributes:
        name: The name of the plugin.
        title: The name as people write it.
        preset: Where its preset is; its configuration is taken where it is there, else ``arguments``.
        weights: Those of the preset, where it is on this machine.
        weights_hint: How the preset comes to this machine.
        settings_id: Changes with what the files of the preset say besides its weights.
    """

    api_version = API_VERSION

    def __init__(
        self,
        name: str,
        family: Family,
        preset: Preset,
        arguments: Mapping[str, Any],
        *,
        title: str = "",
        source: Mapping[str, str] | None = None,
    ) -> None:
        """Describe a network; ``source`` says of its weights what they were ``trained_on`` and their ``licence``."""
        self.name, self.title, self.preset = name, title, preset
        self._arguments: Mapping[str, Any] = preset.arguments if preset.is_here else arguments
        self.architecture: Architecture = architecture_of(family, self._arguments)
        self.min_image_size = 2 * self.architecture.patch
        self.default_image_size = max(self.min_image_size, min(self.architecture.side, 16 * self.architecture.patch))
        self.weights: Mapping[str, WeightSource] = weights_of(preset, source or {})
        self.weights_hint = f"fetch them with `tlsearch-hub fetch {preset.folder.name}`"
        self.settings_id = preset.settings_id(self._arguments)
        cuts = len(cuts_of(self.architecture))
        # With Adam, transformers are usually fine-tuned with rates of 1e-5 to 1e-4.
        self.hints = TrainingHints(
            freeze_middle=max(1, cuts // 2),
            freeze_late=max(1, 3 * cuts // 4),
            lr_middle=5e-5,
            lr_late=1e-4,
            lr_early=3e-5,
        )

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """See ``Backbone``; tokens (N, T, C)."""
        from tlsearch_hub.load import load_weights

        model = build_transformer(self.architecture, image_size)
        if weights is not None:
            load_weights(model, self.architecture, self._arguments, weights)
        return model

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """See ``Backbone``."""
        return cuts_of(self.architecture)

    def preprocess(self, images: Any) -> Any:
        """See ``Backbone``."""
        return scaled(images, self.preset, self.architecture.family)


class _Pixels(KerasBackbone):
    """For the scales that tlsearch knows."""


def scaled(images: Any, preset: Preset, family: str) -> Any:
    """Give RGB 0..255 as the preset wants it, else as its family does, else as most networks for ImageNet do."""
    from keras import ops

    if preset.pixels is None:
        known = _Pixels()
        known.pixels = PIXELS.get(family, "imagenet")
        return known.preprocess(images)
    scale, offset = (np.asarray(values, "float32") for values in preset.pixels)
    return ops.cast(images, "float32") * scale + offset


def weights_of(preset: Preset, source: Mapping[str, str]) -> dict[str, WeightSource]:
    """Give the weights of a preset, under the name "hub"; none where it is not on this machine."""
    if not preset.is_here:
        return {}
    trained_on = source.get("trained_on", f"KerasHub preset {preset.folder.name}")
    licence = source.get("licence", "see the page of the preset")
    filename = f"{preset.folder.name}.weights.h5"  # as it is called in TLSEARCH_WEIGHTS_DIR
    return {"hub": WeightSource(trained_on=trained_on, licence=licence, path=preset.weights, filename=filename)}
