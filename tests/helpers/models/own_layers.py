"""A model with a layer of another package, which imports it when it builds its network and no sooner."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

PLUGIN = """
class LazyNet:
    api_version, name, default_image_size, min_image_size, weights = 1, "lazy_net", 8, 8, {}
    def build(self, image_size, weights):
        import keras
        from lazy_layers import Twice
        x = keras.Input((image_size, image_size, 3))
        return keras.Model(x, Twice(name="twice")(x), name="lazy_net")
    def cut_points(self, model):
        from tlsearch.plugin_api import CutPoint
        return [CutPoint("twice", "twice", True)]
    def preprocess(self, images):
        return images
"""

LAYERS = """
import keras
@keras.saving.register_keras_serializable(package="lazy")
class Twice(keras.layers.Layer):
    def call(self, x):
        return x * 2.0
"""


def write_lazy_model(folder: Path, site: Path, install: Callable[..., None]) -> None:
    """Install the package into ``site``, which is on the path, and write a model folder of its network."""
    import keras

    install("lazy-net", PLUGIN, "tlsearch.backbones", lazy_net="LazyNet")
    (site / "lazy_layers.py").write_text(LAYERS, encoding="utf-8")
    backbone: Any = importlib.import_module("lazy_net").LazyNet().build(8, None)
    image = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(backbone(image))
    folder.mkdir()
    keras.Model(image, keras.layers.Softmax()(pooled)).save(folder / "model.keras")
    (folder / "labels.json").write_text(json.dumps(["red", "green", "blue"]), encoding="utf-8")
    config = {"image_size": 8, "decode_size": 8, "backbone": "lazy_net"}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
