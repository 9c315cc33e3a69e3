"""Fine-tuning with fastai: its learning-rate finder, its augmentations, its one-cycle schedule, a network of timm's.

The network is timm's EfficientNet-Lite0 with the weights that tlsearch bundles: both keep the same arrays in the same
order under other names. As fastai's course does it, images are made small on disk first, a fifth of them validate, the
head is trained alone, and then all layers with discriminative rates (``fine_tune``). BatchNorm learns throughout, which
is fastai's default.

fastai's schedules count epochs. Here the second phase follows the clock instead: it uses up the time, and its cycle is
complete when the time is over.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.common.contestants.contestant import Contest, Predict
from benchmarks.common.contestants.keras_model import BACKBONE, BATCH, VALIDATION
from tlsearch.plugins.registry import load_plugin

if TYPE_CHECKING:
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from torch import nn

ARCHITECTURE = "tf_efficientnet_lite0"
"""timm's name of the network."""

PIXELS = (127.0 / 255, 128.0 / 255)
"""Mean and standard deviation of pixels in 0..1 that make them what the network was trained on."""

PRESIZE = 1.25
"""Images are made this much larger than what is cropped from them in training."""

MOST_WORKERS = 4
"""Processes that decode, at most; two cores are left to training."""

FROZEN_SHARE = 0.5
"""Share of the time after which the head is no longer trained alone, whatever the number of its epochs."""

WITHOUT_END = 10_000
"""Epochs of a phase that the clock ends."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """One way to call ``fine_tune``: epochs for the head alone, and the rate; None for the one that fastai finds."""

    frozen_epochs: int
    rate: float | None = None


@dataclass(frozen=True)
class FastaiTuned:
    """A learner that was trained, its accuracy on the validation images at the end, and how it was made."""

    learner: Learner
    val_accuracy: float
    label: str


def read_images(contest: Contest) -> DataLoaders:
    """Make the training images small, and give what loads them."""
    from fastai.data.transforms import Normalize
    from fastai.vision.augment import Resize, aug_transforms
    from fastai.vision.data import ImageDataLoaders
    from fastai.vision.utils import resize_images

    folder, size = Path(contest.work) / "small", contest.image_size
    presize = round(PRESIZE * size)
    workers = min(MOST_WORKERS, max(0, (os.cpu_count() or 1) - 2))
    resize_images(contest.train, max_workers=workers, max_size=2 * presize, recurse=True, dest=folder)
    mean, deviation = PIXELS
    normalize = Normalize.from_stats([mean] * 3, [deviation] * 3, cuda=False)
    return ImageDataLoaders.from_folder(
        folder,
        valid_pct=VALIDATION,
        seed=contest.seed,
        item_tfms=Resize(presize),
        batch_tfms=[*aug_transforms(size=size, min_scale=0.75), normalize],
        bs=BATCH,
        num_workers=workers,
    )


def fine_tune(loaders: DataLoaders, schedule: Schedule, seconds: float, seed: int) -> FastaiTuned:
    """Train for so many seconds; the clock is looked at after every step."""
    import fastai.callback.all  # noqa: F401 - gives learners fine_tune, lr_find, no_bar
    from fastai.torch_core import set_seed

    set_seed(seed, reproducible=True)
    started = time.monotonic()
    learner = _learner(loaders)
    with learner.no_bar(), learner.no_logging():
        rate = learner.lr_find(show_plot=False).valley if schedule.rate is None else schedule.rate
        clock = _clock(started + FROZEN_SHARE * seconds, started + seconds)
        learner.fine_tune(WITHOUT_END, rate, freeze_epochs=schedule.frozen_epochs, cbs=clock)
        _, accuracy = learner.validate()
    found = "rate found" if schedule.rate is None else "rate"
    return FastaiTuned(learner, float(accuracy), f"{found} {rate:.1e}, {schedule.frozen_epochs} epochs of the head")


def predictor(learner: Learner) -> Predict:
    """Give what predicts picture files, read as the validation images were."""

    def predict(files: Sequence[Path]) -> list[str]:
        with learner.no_bar(), learner.no_logging():
            probabilities, _ = learner.get_preds(dl=learner.dls.test_dl(list(files)))
        return [str(learner.dls.vocab[int(row.argmax())]) for row in probabilities]

    return predict


def load_bundled(network: nn.Module) -> None:
    """Fill timm's network with the weights that tlsearch bundles.

    Raises ``ValueError`` where an array has another shape, or there are more or fewer.
    """
    import torch

    own = [name for name in network.state_dict() if not name.endswith("num_batches_tracked")]
    with np.load(load_plugin("backbone", BACKBONE).weights["imagenet"].path, allow_pickle=False) as arrays:
        theirs = dict(zip(own, (torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays), strict=True))
    for name, value in network.state_dict().items():
        if name in theirs and theirs[name].shape != value.shape:
            raise ValueError(f"{name} of timm's network is {tuple(value.shape)}, not {tuple(theirs[name].shape)}")
    network.load_state_dict(theirs, strict=False)


def _learner(loaders: DataLoaders) -> Learner:
    from fastai.learner import Learner
    from fastai.metrics import accuracy
    from fastai.vision.learner import create_timm_model, default_split

    model, _ = create_timm_model(ARCHITECTURE, loaders.c, pretrained=False)
    load_bundled(model[0].model)
    learner = Learner(loaders, model, splitter=default_split, metrics=accuracy)
    learner.freeze()
    return learner


def _clock(frozen_until: float, until: float) -> Any:
    """A callback that ends the first phase at one time, and has the cycle of the second end at the other."""
    from fastai.callback.core import Callback, CancelFitException

    class Clock(Callback):  # type: ignore[misc]  # fastai has no types
        def before_fit(self) -> None:
            self.started, self.cycle = time.monotonic(), self.learn.n_epoch == WITHOUT_END
            self.ends = until if self.cycle else frozen_until

        def before_batch(self) -> None:
            if self.training and self.cycle:
                passed, whole = time.monotonic() - self.started, max(self.ends - self.started, 1e-3)
                self.learn.pct_train = min(1.0, passed / whole)

        def after_batch(self) -> None:
            if self.training and time.monotonic() > self.ends:
                raise CancelFitException

    return Clock()
