"""A network of four cut points and an augmentation, small enough to be trained in a test, and pools of pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tlsearch.data.split import Fold
from tlsearch.features.extractor import Extractor, Pool
from tlsearch.features.prefix import Network
from tlsearch.features.store import FeatureStore
from tlsearch.plugins.api import Augmentation, Backbone, CutPoint, Images, WeightSource
from tlsearch.types import Candidate, Decision, TrialSpec

SIZE = 16


class Tiny:
    """Four cut points, a residual sum, three BatchNorms with statistics of their own; always the same weights.

    ``spread`` multiplies what the network gives. ``builds`` counts how often it was built.
    """

    api_version = 1
    name = "tiny"
    default_image_size = SIZE
    min_image_size = 8
    weights: Mapping[str, WeightSource] = {}

    def __init__(self, spread: float = 1.0) -> None:
        self.spread = spread
        self.builds = 0

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """(N, S, S, 3) to (N, S / 4, S / 4, 12)."""
        self.builds += 1
        inputs = keras.Input((image_size, image_size, 3))
        x = keras.layers.Conv2D(6, 3, 2, "same", activation="relu", kernel_initializer=_he(1), name="stem")(inputs)
        y = keras.layers.Conv2D(8, 3, padding="same", use_bias=False, kernel_initializer=_he(2), name="wide")(x)
        x = keras.layers.ReLU(name="wide_out")(keras.layers.BatchNormalization(name="wide_bn")(y))
        y = keras.layers.DepthwiseConv2D(3, padding="same", depthwise_initializer=_he(3), name="deep")(x)
        y = keras.layers.BatchNormalization(name="deep_bn")(y)
        x = keras.layers.Add(name="sum")([x, y])
        y = keras.layers.Conv2D(12, 3, 2, "same", use_bias=False, kernel_initializer=_he(4), name="last")(x)
        x = keras.layers.ReLU(name="last_out")(keras.layers.BatchNormalization(name="last_bn")(y))
        model = keras.Model(inputs, x, name="tiny")
        rng = np.random.default_rng(5)
        for name in ("wide_bn", "deep_bn", "last_bn"):
            norm = model.get_layer(name)
            width = norm.gamma.shape[0]
            spread = self.spread if name == "last_bn" else 1.0
            values = [rng.uniform(0.5, 1.5, width) * spread, rng.normal(0, 0.3, width) * spread]
            norm.set_weights([*values, rng.normal(0, 0.3, width), rng.uniform(0.5, 1.5, width)])
        if weights is not None:
            model.load_weights(str(weights))
        return model

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """After the stem, each convolution and the sum; stages end where the resolution drops."""
        return [
            CutPoint("stem", "stem", stage_end=True),
            CutPoint("wide", "wide_out"),
            CutPoint("sum", "sum", stage_end=True),
            CutPoint("last", "last_out", stage_end=True),
        ]

    def preprocess(self, images: Any) -> Any:
        """0..255 to -2..2."""
        return (keras.ops.cast(images, "float32") - 127.5) / 64.0


class Speckle:
    """Adds noise of 40 * strength to every value; ``calls`` counts renderings of a chunk."""

    api_version = 1

    def __init__(self, name: str = "speckle") -> None:
        self.name = name
        self.calls = 0

    def render(self, images: Images, strength: float, rng: np.random.Generator) -> Images:
        """The pictures with noise."""
        self.calls += 1
        noise = rng.normal(0, 40 * strength, images.shape)
        return np.asarray((images + noise).clip(0, 255), np.uint8)


def _he(seed: int) -> keras.initializers.Initializer:
    return keras.initializers.HeNormal(seed=seed)


def make_pool(count: int = 60, size: int = SIZE, classes: int = 3, noise: float = 25.0, seed: int = 0) -> Pool:
    """Pictures of stripes whose colour and width tell the class, which goes 0, 1, 2, 0, 1, 2, ..."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    x = np.arange(size) / size
    phase = rng.uniform(0, 6, (count, 1, 1, 1))
    waves = np.sin(2 * np.pi * (2 + labels[:, None, None, None]) * x[None, None, :, None] + phase)
    colours = 40 * np.cos(labels[:, None] + np.array([0, 2, 4]))[:, None, None, :]
    values = 128 + 50 * waves + colours + rng.normal(0, noise, (count, size, size, 3))
    pixels = np.asarray(values.clip(0, 255), np.uint8)
    digest = f"digest of {count} at {size}, seed {seed}"
    names = tuple("abcdefgh"[:classes])
    return Pool(pixels={size: pixels}, labels=labels, groups=np.arange(count), classes=names, digest=digest)


def make_network(plugin: Backbone | None = None, size: int = SIZE, **changes: Any) -> Network:
    """A candidate ready for extraction in float32; ``changes`` are fields of its ``Candidate``."""
    plugin = plugin or Tiny()
    fields = {"weights": "w", "weights_file": None, "weights_id": "id", "image_size": size, "depth": 4, **changes}
    network = Network(plugin, Candidate(backbone=plugin.name, **fields), None, "float32")
    network.inspect(make_pool(4, size).pixels[size].astype(np.float32))
    return network


def make_extractor(
    folder: Path,
    pool: Pool | None = None,
    limit: int = 10**9,
    augmentation: Augmentation | None = None,
    augmentations: Callable[[str], Augmentation] | None = None,
) -> Extractor:
    """An extractor with a store of ``limit`` bytes in ``folder``; every policy is ``augmentation``."""
    one = augmentation or Speckle()
    store = FeatureStore(folder, limit)
    return Extractor(
        store=store,
        pool=pool or make_pool(),
        augmentations=augmentations or (lambda name: one),
        provenance=lambda kind, name: f"{name} 1.0",
    )


def make_spec(**changes: Any) -> TrialSpec:
    """A trial of Tiny that trains what follows cut 2, without augmentation, for 10 steps of 16 images."""
    fields: dict[str, Any] = {
        "backbone": "tiny",
        "weights": "w",
        "image_size": SIZE,
        "depth": 4,
        "freeze_depth": 2,
        "steps": 10,
        "batch_size": 16,
        "lr_suffix": 1e-3,
        "lr_head": 1e-2,
    }
    return TrialSpec(**{**fields, **changes})


def make_fold(count: int = 60) -> Fold:
    """Every fifth image validates."""
    return Fold(tuple(i for i in range(count) if i % 5), tuple(range(0, count, 5)))


class Patience:
    """A judge that lets every trial go on and keeps the numbers that it gets; prunes after ``until`` epochs."""

    def __init__(self, until: int | None = None) -> None:
        self.epochs: list[dict[str, float]] = []
        self.until = until

    def __call__(self, numbers: Mapping[str, float]) -> Decision:
        self.epochs.append(dict(numbers))
        enough = self.until is not None and len(self.epochs) >= self.until
        return Decision.PRUNE if enough else Decision.CONTINUE
