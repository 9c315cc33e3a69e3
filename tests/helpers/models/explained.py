"""Model folders whose maps are known, and predictors of networks as a run exports them."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers.networks.tiny import SIZE, make_network, make_pool, make_spec
from tests.helpers.networks.tiny_tokens import TinyTokens
from tlsearch.features.prefix import Network
from tlsearch.models.build import export
from tlsearch.models.heads import Head, HeadWeights
from tlsearch.plugins.api import Images
from tlsearch.predictor import Predictor, load
from tlsearch.types import LabelArray

CLASSES = 3


def pictures(count: int = 5) -> Images:
    """Pictures of stripes (count, 16, 16, 3)."""
    return make_pool(count).pixels[SIZE]


def about(count: int = 5) -> LabelArray:
    """A class for each, in turn."""
    return np.arange(count) % CLASSES


def random_head(width: int, units: int = 0, seed: int = 3) -> Head:
    """A head of random numbers, which standardises by random means and scales."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> Any:
        return rng.normal(size=shape).astype(np.float32)

    hidden = (normal(width, units) * 0.3, normal(units) * 0.3) if units else None
    return Head.of(
        HeadWeights(
            mean=normal(width) * 0.3,
            scale=rng.uniform(0.5, 2.0, width).astype(np.float32),
            hidden=hidden,
            linear=(normal(units or width, CLASSES), normal(CLASSES)),
        ),
        CLASSES,
    )


def exported(folder: Path, width: int, *, units: int = 0, network: Network | None = None, **spec: Any) -> Predictor:
    """The predictor of a network as a run exports it, with a random head on vectors of ``width``."""
    network = network or make_network()
    whole = make_spec(backbone=network.plugin.name, freeze_depth=4, units=units, **spec)
    head = random_head(width, units)
    return saved(folder, export(network.plugin, network.candidate, network.cuts, whole, head, None), whole.backbone)


def tokens(leading: int) -> Network:
    """A transformer of two blocks."""
    return make_network(TinyTokens(leading))


def saved(folder: Path, model: Any, backbone: str = "tiny", labels: tuple[str, ...] = ("a", "b", "c")) -> Predictor:
    """Write a model folder and load it."""
    folder.mkdir(parents=True, exist_ok=True)
    side = model.input_shape[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(folder / "model.keras")
    (folder / "labels.json").write_text(json.dumps(labels))
    (folder / "config.json").write_text(json.dumps({"image_size": side, "decode_size": side, "backbone": backbone}))
    return load(folder)


def bias_of(predictor: Predictor) -> Any:
    """The biases of the layer that gives the logits."""
    return np.asarray(predictor.model.get_layer("logits").get_weights()[1])


def logits_of(predictor: Predictor, images: Images) -> Any:
    """The logits that the model's own layer gives."""
    import keras

    whole = keras.Model(predictor.model.input, predictor.model.layers[-1].input)
    return np.asarray(whole.predict_on_batch(images.astype(np.float32)))
