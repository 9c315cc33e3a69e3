"""Is the network that tlsearch trains from scratch a fair opponent?

    sudo apt-get install dataset-fashion-mnist
    python -m benchmarks.quality.from_scratch

On Fashion-MNIST, the small residual CNN is trained as the baseline of a run is: the worker's successive halving of
three learning rates, on the first 5,000 training images, 15 % of which validate; the saved model then reads the 10,000
test images as files.

It is compared with "Simple convolutional neural network" of Fashion-MNIST's own list of benchmarks
(https://github.com/zalandoresearch/fashion-mnist/issues/94, https://github.com/cmasch/zalando-fashion-mnist): a tuned
network of nearly the same size (493,772 parameters) whose settings are all published, .9343 on test, the mean of five
models, from 48,000 training images. That is a harder bar than any figure from 5,000 images could be. ``--recipe``
trains that network with its published settings on the same 5,000 images, for a comparison of like with like.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks.common.fashion_mnist import FOLDER, NAMES, Data, Labels, Pixels, make_data, read_data, write_files
from benchmarks.common.results import make_parser, parse_options, publish, say
from tlsearch.pipeline.baseline import RATES
from tlsearch.pipeline.scratch_time import UNLIMITED_EPOCHS
from tlsearch.training.batches import steps_per_epoch
from tlsearch.types import Candidate, Decision, TrialSpec
from tlsearch.worker.events import Event, RateEpochEnd
from tlsearch.worker.models.requests import SaveModel
from tlsearch.worker.protocol import MeasureCandidate, OpenPool, RunSuccessiveHalving

BENCHMARK = "quality.from_scratch"
QUICK = {"images": 120, "tests": 40, "image_size": 32, "epochs": 2}

PUBLISHED = 0.9343
WANTED = 0.85
"""The share of the published accuracy that an honest baseline reaches."""


def baseline_specs(depth: int, image_size: int, steps: int, seed: int) -> list[TrialSpec]:
    """What the baseline of a run tries: one spec for each learning rate."""
    return [
        TrialSpec(
            backbone="small_cnn",
            weights=None,
            image_size=image_size,
            depth=depth,
            freeze_depth=0,
            dropout=0.2,
            policy="standard",
            strength=0.5,
            views=0,
            steps=steps,
            lr_suffix=rate,
            lr_head=rate,
            weight_decay=1e-3,
            seed=seed,
        )
        for rate in RATES
    ]


def train_baseline(data: Data, image_size: int, epochs: int, seed: int, work: Path) -> dict[str, Any]:
    """Race, save and test the small CNN; gives its figures."""
    from tlsearch.data.images.decode import read_square
    from tlsearch.predictor import load
    from tlsearch.worker.dispatch import handle
    from tlsearch.worker.state import WorkerState

    files = write_files(data.train_pixels, work / "train")
    tests = write_files(data.test_pixels, work / "test")
    pixels = work / "pixels.npy"
    np.save(pixels, np.stack([read_square(file, image_size) for file in files]))
    steps = epochs * steps_per_epoch(len(data.fold.train), 32)
    state = WorkerState(lambda event: _show(event, started))
    handle(
        state,
        OpenPool(
            pixels={image_size: pixels},
            labels=tuple(data.train_labels.tolist()),
            groups=tuple(range(len(data.train_labels))),
            classes=tuple(NAMES),
            digest="",
            cache_dir=work / "store",
            cache_limit=0,
            metric="accuracy",
        ),
    )
    candidate = Candidate(
        backbone="small_cnn", weights=None, weights_file=None, weights_id="", image_size=image_size, depth=0
    )
    measured = handle(state, MeasureCandidate(candidate=candidate, train_at=0.0))
    candidate = measured.candidate
    specs = tuple(baseline_specs(len(measured.cuts), image_size, steps, seed))
    started = time.monotonic()
    outcomes = handle(state, RunSuccessiveHalving(candidate=candidate, specs=specs, fold=data.fold))
    seconds = time.monotonic() - started
    best = next(o.result for o in outcomes if o.result.state == "complete")
    handle(state, SaveModel(spec=best.spec, candidate=candidate, folder=work / "model", decode_size=image_size))
    probabilities = load(work / "model").probabilities(tests)
    return {
        "test": _accuracy(probabilities, data.test_labels),
        "validation": best.value,
        "learning_rate": best.spec.lr_suffix,
        "parameters": int(best.metrics["trainable_params"]),
        "seconds": round(seconds),
    }


def probe_pixels(data: Data) -> dict[str, Any]:
    """Multinomial logistic regression on the raw pixels, its C chosen on the validation images."""
    from sklearn.linear_model import LogisticRegression

    x = data.train_pixels.reshape(len(data.train_pixels), -1) / 255.0
    train, val = list(data.fold.train), list(data.fold.val)
    best: tuple[float, Any] = (-1.0, None)
    for c in (0.003, 0.01, 0.03, 0.1, 0.3, 1.0):
        model = LogisticRegression(C=c, max_iter=2000).fit(x[train], data.train_labels[train])
        best = max(best, (float(model.score(x[val], data.train_labels[val])), model), key=lambda pair: pair[0])
    tests = data.test_pixels.reshape(len(data.test_pixels), -1) / 255.0
    return {"test": float(best[1].score(tests, data.test_labels)), "validation": best[0], "C": best[1].C}


def train_recipe(data: Data, epochs: int, seed: int) -> dict[str, Any]:
    """The published network with its published settings (see above) on the same images.

    Every training image and two altered copies of it (turned by up to 10 degrees, mirrored or not), batches of 250,
    Adam at its defaults, 80 epochs, and the weights of the epoch with the lowest validation loss.
    """
    import keras

    keras.utils.set_random_seed(seed)
    train, val = list(data.fold.train), list(data.fold.val)
    x, y = _with_copies(data.train_pixels[train], seed), np.tile(data.train_labels[train], 3)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.BatchNormalization(),
            *[layers.Conv2D(64, 4, padding="same", activation="relu"), layers.MaxPooling2D(), layers.Dropout(0.1)],
            *[layers.Conv2D(64, 4, activation="relu"), layers.MaxPooling2D(), layers.Dropout(0.3)],
            *[layers.Flatten(), layers.Dense(256, activation="relu"), layers.Dropout(0.5)],
            *[layers.Dense(64, activation="relu"), layers.BatchNormalization(), layers.Dense(10, activation="softmax")],
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    keep = keras.callbacks.EarlyStopping("val_loss", patience=epochs, restore_best_weights=True)
    check = _as_input(data.train_pixels[val]), data.train_labels[val]
    history = model.fit(
        x, y, batch_size=250, epochs=epochs, validation_data=check, callbacks=[keep], verbose=0
    )  # restores the best weights at the end
    if keep.best_weights is not None:
        model.set_weights(keep.best_weights)
    probabilities = model.predict(_as_input(data.test_pixels), verbose=0)
    return {
        "test": _accuracy(probabilities, data.test_labels),
        "validation": max(history.history["val_accuracy"]),
        "parameters": int(sum(np.prod(w.shape) for w in model.trainable_weights)),
        "epochs": epochs,
    }


def _with_copies(pixels: Pixels, seed: int) -> npt.NDArray[np.float32]:
    """The images, then two altered copies of each, (3 N, 28, 28, 1)."""
    from scipy.ndimage import rotate

    rng = np.random.default_rng(seed)
    parts = [pixels]
    for _ in range(2):
        turned = [rotate(p, rng.uniform(-10, 10), reshape=False, order=1, mode="nearest") for p in pixels]
        parts.append(np.stack([t[:, ::-1] if rng.random() < 0.5 else t for t in turned]))
    return _as_input(np.concatenate(parts))


def _as_input(pixels: Pixels) -> npt.NDArray[np.float32]:
    return pixels[..., None].astype(np.float32) / np.float32(255)


def _accuracy(probabilities: npt.NDArray[Any], labels: Labels) -> float:
    return float((probabilities.argmax(axis=1) == labels).mean())


def _show(event: Event, started: float) -> Decision:
    """Print how validation goes."""
    if isinstance(event, RateEpochEnd):
        rate, numbers = RATES[event.number], event.numbers
        text = f"lr {rate:g}, epoch {numbers['epoch']:.0f}: validation {numbers['val_accuracy']:.3f}"
        say(f"{time.monotonic() - started:6.0f} s  {text}")
    return Decision.CONTINUE


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where the baseline falls short of the bar."""
    parser = make_parser(__doc__)
    parser.add_argument("--data", type=Path, help=f"folder of the four idx files (default {FOLDER})")
    parser.add_argument("--images", type=int, default=5000, help="training images (default 5000)")
    parser.add_argument("--tests", type=int, default=10_000, help="test images (default all 10,000)")
    parser.add_argument("--image-size", type=int, default=64, help="side in pixels (default 64, the baseline's)")
    parser.add_argument("--epochs", type=int, default=UNLIMITED_EPOCHS, help="as without a time limit (default 60)")
    parser.add_argument("--recipe", action="store_true", help="train the published recipe on the same images too")
    parser.add_argument("--recipe-epochs", type=int, default=80, help="its epochs (default 80, as published)")
    options = parse_options(parser, arguments, QUICK)
    if options.quick and options.data is None:
        data = make_data(options.images, options.tests, options.seed)
    else:
        data = read_data(options.data or FOLDER, options.images, options.tests, options.seed)
    majority = float(np.bincount(data.test_labels).max() / len(data.test_labels))
    found: dict[str, dict[str, Any]] = {"majority class": {"test": majority}}
    found["linear probe on pixels"] = probe_pixels(data)
    with tempfile.TemporaryDirectory(prefix="tlsearch-scratch-") as folder:
        found["small CNN, as the baseline"] = train_baseline(
            data, options.image_size, options.epochs, options.seed, Path(folder)
        )
    if options.recipe:
        found["published recipe, same images"] = train_recipe(data, options.recipe_epochs, options.seed)
    found["published recipe, 48,000 images"] = {"test": PUBLISHED, "parameters": 493_772}
    reached = found["small CNN, as the baseline"]["test"] / PUBLISHED
    print_table(found, reached)
    asked = {"images": options.images, "tests": options.tests}
    publish(BENCHMARK, options, {**asked, "models": found, "reached": reached, "wanted": WANTED})
    return 0 if reached >= WANTED or options.quick else 1


def print_table(found: dict[str, dict[str, Any]], reached: float) -> None:
    """For people."""
    table = Table("model", "test accuracy", "more")
    for name, figures in found.items():
        more = ", ".join(f"{key} {value}" for key, value in figures.items() if key != "test")
        table.add_row(name, f"{figures['test']:.4f}", more)
    Console().print(table)
    print(f"The small CNN reaches {reached:.3f} of the published {PUBLISHED} (wanted: {WANTED}).")


if __name__ == "__main__":
    sys.exit(main())
