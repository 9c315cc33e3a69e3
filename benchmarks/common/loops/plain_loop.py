"""One trial as tutorials write it: augmentation layers, a network with frozen layers, a head, one ``fit``.

float32, a ``tf.data`` pipeline over decoded images in memory, validation after each epoch. The augmentation goes as
far as the policy "standard" of tlsearch at the same strength, in mirroring, turning, zooming, moving, brightness and
contrast; what tlsearch does beyond that (saturation, hue) is left out, and costs the plain loop nothing. The learning
rates follow the same schedule, so that both learn the same; it takes no time.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.common.loops.images import Images
from benchmarks.common.loops.keras_model import add_head, build_network, compile_model, load_backbone, pool
from benchmarks.common.loops.timing import Stopwatch, Timed
from benchmarks.common.loops.trial_kinds import BATCH
from tlsearch.training.batches import steps_per_epoch
from tlsearch.types import Candidate, TrialSpec

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class PlainTrial:
    """What came of it: its time and the validation accuracy after each epoch."""

    timed: Timed
    val_accuracy: tuple[float, ...]


def augmentation(strength: float) -> list[Any]:
    """Keras' layers for it, for pixels in 0..255."""
    from keras import layers

    from tlsearch_plugins.augmentations.color import BRIGHTNESS, CONTRAST
    from tlsearch_plugins.augmentations.crop import ZOOM
    from tlsearch_plugins.augmentations.rotate import TURN
    from tlsearch_plugins.augmentations.shift import SHIFT

    return [
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(TURN * strength),
        layers.RandomZoom((-ZOOM * strength, 0.0)),
        layers.RandomTranslation(SHIFT * strength, SHIFT * strength),
        layers.RandomBrightness(BRIGHTNESS * strength),
        layers.RandomContrast(CONTRAST * strength),
    ]


def build_model(
    candidate: Candidate, frozen: Collection[str], spec: TrialSpec, classes: int
) -> tuple[keras.Model, list[Any]]:
    """The whole model, pixels 0..255 to logits, and the variables of the network that it trains."""
    import keras

    size = candidate.image_size
    network = build_network(candidate, frozen)
    inputs = keras.Input((size, size, 3))
    x = inputs
    for layer in augmentation(spec.strength) if spec.strength else []:
        x = layer(x)
    x = network(load_backbone(candidate).preprocess(x))
    # As in Keras' guide to EfficientNet: features are brought to one scale before the head.
    x = keras.layers.BatchNormalization(momentum=0.9)(pool(x, spec.pooling))
    return keras.Model(inputs, add_head(x, spec, classes)), list(network.trainable_variables)


def run_plain(
    candidate: Candidate, frozen: Collection[str], spec: TrialSpec, images: Images, epochs: int, measured: int
) -> PlainTrial:
    """Train a trial of ``epochs`` epochs for the first ``measured`` of them.

    ``frozen`` names the layers that are not trained. Reading the weights, building and compiling count; decoding the
    images does not.
    """
    import keras
    import tensorflow as tf

    started = time.perf_counter()
    keras.backend.clear_session()
    keras.utils.set_random_seed(spec.seed)
    model, suffix = build_model(candidate, frozen, spec, len(images.classes))
    compile_model(model, spec, suffix, epochs * steps_per_epoch(len(images.train), BATCH))
    train, val = (
        tf.data.Dataset.from_tensor_slices((images.pixels[rows], images.one_hot[rows]))
        for rows in (images.train, images.val)
    )
    watch = Stopwatch()
    history = model.fit(
        train.shuffle(len(images.train), seed=spec.seed).batch(BATCH).prefetch(tf.data.AUTOTUNE),
        validation_data=val.batch(BATCH).prefetch(tf.data.AUTOTUNE),
        epochs=measured,
        shuffle=False,  # the pipeline does
        callbacks=[watch.callback()],
        verbose=0,
    )
    seconds = time.perf_counter() - started
    accuracy = tuple(float(value) for value in history.history["val_accuracy"])
    return PlainTrial(Timed(seconds, measured, watch.epoch_seconds()), accuracy)
