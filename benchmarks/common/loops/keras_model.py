"""What every Keras user writes: a network with some layers frozen, a head, an optimizer. None of it is tlsearch's own.

The plain loop and the lower bound are built from these; only the networks themselves, with their preprocessing, are the
plugins'.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlsearch.plugins.api import Backbone
from tlsearch.plugins.registry import load_plugin
from tlsearch.types import Candidate, TrialSpec

if TYPE_CHECKING:
    import keras

LINEAR_RATE = 1e-3
"""The learning rate of a linear head on frozen features, which tlsearch solves and a plain loop trains."""

WARM_UP = 0.1
CLIP_NORM = 1.0


def load_backbone(candidate: Candidate) -> Backbone:
    """The plugin of a network."""
    plugin: Backbone = load_plugin("backbone", candidate.backbone)
    return plugin


def build_network(candidate: Candidate, frozen: Collection[str] = ()) -> keras.Model:
    """The network with its weights; the layers named in ``frozen`` are not trained.

    Nor is BatchNorm anywhere, as Keras' guides to fine-tuning say: it then stays in inference mode.
    """
    import keras

    file = Path(candidate.weights_file) if candidate.weights_file else None
    model = load_backbone(candidate).build(candidate.image_size, file)
    for layer in model.layers:
        layer.trainable = layer.name not in frozen and not isinstance(layer, keras.layers.BatchNormalization)
    return model


def pool(features: Any, pooling: str) -> Any:
    """Feature maps to vectors in float32: averages, with "avgmax" joined with maxima."""
    from keras import layers

    average = layers.GlobalAveragePooling2D(dtype="float32")(features)
    if pooling == "avg":
        return average
    return layers.Concatenate(dtype="float32")([average, layers.GlobalMaxPooling2D(dtype="float32")(features)])


def add_head(pooled: Any, spec: TrialSpec, classes: int) -> Any:
    """Dropout, a hidden layer where the trial has one, and logits."""
    from keras import layers

    x = layers.Dropout(spec.dropout)(pooled)
    if spec.units:
        x = layers.Dense(spec.units, activation="relu", kernel_initializer="he_normal", dtype="float32")(x)
        x = layers.Dropout(spec.dropout)(x)
    return layers.Dense(classes, dtype="float32")(x)


def compile_model(model: keras.Model, spec: TrialSpec, suffix: Sequence[Any], steps: int) -> None:
    """AdamW with warm-up and cosine over ``steps`` steps; ``suffix`` are variables that take ``lr_suffix``.

    Without XLA on a CPU, where Keras' own choice would use it: convolutions are slower with it.
    """
    import keras

    from tlsearch.backend import has_gpu

    head = _adamw(spec.lr_head or LINEAR_RATE, spec.weight_decay, steps)
    optimizer = head
    if suffix:
        tail, ours = _adamw(spec.lr_suffix, spec.weight_decay, steps), {id(v) for v in suffix}
        optimizer = keras.optimizers.MultiOptimizer(lambda v: tail if id(v) in ours else head)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=spec.label_smoothing)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=has_gpu())


def _adamw(peak: float, decay: float, steps: int) -> keras.optimizers.Optimizer:
    import keras

    warm_up = max(1, round(WARM_UP * steps))
    rate = keras.optimizers.schedules.CosineDecay(
        peak / warm_up, max(1, steps - warm_up), warmup_target=peak, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=decay, global_clipnorm=CLIP_NORM)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
