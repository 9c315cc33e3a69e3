"""Fine-tuning as the guides of Keras and TensorFlow write it: head first, then layers of the network with a small rate.

Keras' guide "Transfer learning & fine-tuning" trains a new head on the frozen network with Adam (1e-3) and then the
whole network with Adam (1e-5), BatchNorm in inference mode throughout. TensorFlow's tutorial of that name opens the
last third only, with a tenth of the head's rate (1e-4). Both flip and turn the training images. A fifth of the
training images validate, as ``image_dataset_from_directory`` has it in the guides; the weights of the best epoch are
kept. The network and its weights are those that tlsearch bundles.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.common.contestants.contestant import Contest, Predict
from tlsearch.plugins.api import Backbone
from tlsearch.plugins.registry import load_plugin
from tlsearch.types import Float32Array

if TYPE_CHECKING:
    import keras

BACKBONE = "efficientnet_lite0"
BATCH = 32
VALIDATION = 0.2
HEAD_SHARE = 0.4
"""The share of the time that the head is trained alone: in the tutorial both phases have as many epochs, and an epoch
of the second takes longer."""


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """One way to fine-tune: the share of layers that stay frozen, the rates, dropout, and the turn of images."""

    frozen: float
    head_rate: float = 1e-3
    rate: float
    dropout: float = 0.2
    rotation: float = 0.1

    @property
    def label(self) -> str:
        """What it is, in a few words."""
        return f"{self.frozen:.0%} of the layers frozen, rate {self.rate:.1e}"


class Images:
    """The training folder, read once, a fifth of it for validation."""

    def __init__(self, contest: Contest) -> None:
        """Read the images into memory."""
        import keras

        self.size = contest.image_size
        train, val = keras.utils.image_dataset_from_directory(
            contest.train,
            validation_split=VALIDATION,
            subset="both",
            seed=contest.seed,
            image_size=(self.size, self.size),
            batch_size=BATCH,
            verbose=False,
        )
        self.classes: list[str] = train.class_names
        self.train = train.cache().shuffle(50, seed=contest.seed).prefetch(2)
        self.val = val.cache().prefetch(2)


@dataclass(frozen=True)
class Tuned:
    """A model that was fine-tuned, its best accuracy on the validation images, and how it was made."""

    model: keras.Model
    val_accuracy: float
    tuning: Tuning


def fine_tune(images: Images, tuning: Tuning, seconds: float, seed: int) -> Tuned:
    """Train for so many seconds; the clock is looked at after every step."""
    import keras

    keras.utils.set_random_seed(seed)
    started = time.monotonic()
    network = _network(images.size)
    model = _model(network, tuning, images)
    network.trainable = False
    best = _Best(model)
    _fit(model, images, tuning.head_rate, started + HEAD_SHARE * seconds, best)
    network.trainable = True
    for layer in network.layers[: round(tuning.frozen * len(network.layers))]:
        layer.trainable = False
    _fit(model, images, tuning.rate, started + seconds, best)
    model.set_weights(best.weights)
    return Tuned(model, best.accuracy, tuning)


def predictor(tuned: Tuned, images: Images) -> Predict:
    """Give what predicts picture files, read as the training images were."""
    import keras

    def predict(files: Sequence[Path]) -> list[str]:
        size = (images.size, images.size)
        pixels = [np.asarray(keras.utils.img_to_array(keras.utils.load_img(f))) for f in files]
        resized = [np.asarray(keras.ops.image.resize(p, size, interpolation="bilinear")) for p in pixels]
        logits: Float32Array = np.concatenate(
            [tuned.model.predict_on_batch(np.stack(resized[i : i + BATCH])) for i in range(0, len(resized), BATCH)]
        )
        return [images.classes[int(row.argmax())] for row in logits]

    return predict


def _network(size: int) -> keras.Model:
    plugin: Backbone = load_plugin("backbone", BACKBONE)
    network: keras.Model = plugin.build(size, plugin.weights["imagenet"].path)
    return network


def _model(network: keras.Model, tuning: Tuning, images: Images) -> keras.Model:
    import keras
    from keras import layers

    inputs = keras.Input((images.size, images.size, 3))
    x = layers.RandomRotation(tuning.rotation)(layers.RandomFlip("horizontal")(inputs))
    x = load_plugin("backbone", BACKBONE).preprocess(x)
    x = layers.GlobalAveragePooling2D()(network(x, training=False))
    outputs = layers.Dense(len(images.classes))(layers.Dropout(tuning.dropout)(x))
    return keras.Model(inputs, outputs)


class _Best:
    """The weights of the epoch that was best on the validation images."""

    def __init__(self, model: keras.Model) -> None:
        self.model, self.accuracy, self.weights = model, -1.0, model.get_weights()

    def look(self, accuracy: float) -> None:
        if accuracy > self.accuracy:
            self.accuracy, self.weights = accuracy, self.model.get_weights()


def _fit(model: keras.Model, images: Images, rate: float, until: float, best: _Best) -> None:
    """Train until the clock says so; what the last epoch has learned by then is validated too."""
    import keras

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]  # keras has no types
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if time.monotonic() > until:
                self.model.stop_training = True

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            best.look(float(logs["val_accuracy"]))

    model.compile(
        keras.optimizers.Adam(rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,  # convolutions are slower with it on a CPU
    )
    model.fit(
        images.train,
        validation_data=images.val,
        epochs=10_000,
        callbacks=[Clock()],
        shuffle=False,  # the pipeline does
        verbose=0,
    )
