"""What is known of weights that ``tlsearch pretrain`` made: on what, from what, by what, and how good they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tlsearch.config_values import MOST_LETTERS
from tlsearch.plugins.api import WeightSource
from tlsearch.types import Interval
from tlsearch.utils.units import counted

RANDOM = "random values"
"""What weights begin with that begin with no others."""

NO_LICENCE = "not stated"
"""What stands for a licence that nobody gave."""


@dataclass(frozen=True, kw_only=True)
class TrainedWeights:
    """The provenance of trained weights.

    Attributes:
        backbone: The name of the network.
        name: The name of the weights.
        dataset: What the images are called: the name of their folder.
        fingerprint: That of the data set.
        classes: The names of its classes.
        images: The number of images that were trained on.
        held_out: The number of test images, which had no part in training or choosing.
        accuracy: The share of the test images that the network with its classes got right, 0 to 1.
        accuracy_ci95: The interval of 95 % of that.
        image_size: The side of the images in pixels.
        epochs: How often each image was trained on.
        learning_rate: The one that was best on validation images.
        started_from: What training began with: ``random values``, or other weights, ``vgg16@imagenet``.
        seed: The seed of the training.
        licence: As given by whoever trained them, or ``not stated``.
        trained_by: The version of tlsearch, "tlsearch 0.1.0".
        plugin: The distribution of the backbone and its version.
        trained_at: When, in ISO 8601.
        sha256: That of the file of weights, hexadecimal.
    """

    backbone: str
    name: str
    dataset: str
    fingerprint: str
    classes: tuple[str, ...]
    images: int
    held_out: int
    accuracy: float
    accuracy_ci95: Interval
    image_size: int
    epochs: float
    learning_rate: float
    started_from: str
    seed: int
    licence: str
    trained_by: str
    plugin: str
    trained_at: str
    sha256: str

    @property
    def label(self) -> str:
        """What a run calls them: ``vgg16@fashion``."""
        return f"{self.backbone}@{self.name}"

    @property
    def trained_on(self) -> str:
        """The images in a few words, for lists and reports."""
        begun = "" if self.started_from == RANDOM else f", from {self.started_from}"
        images = f"{counted(self.images, 'image')} of {counted(len(self.classes), 'class', 'classes')}"
        return f"{self.dataset}: {images} by {self.trained_by}{begun}"

    @property
    def oddity(self) -> str:
        """What it says that no training writes, for a file from elsewhere may say anything; empty where all is well."""
        for name in ("images", "held_out", "image_size", "epochs"):
            if getattr(self, name) < 0:
                return f"its {name} is {getattr(self, name)}"
        for name in ("dataset", "started_from", "licence", "trained_by", "plugin"):
            if len(getattr(self, name)) > MOST_LETTERS:
                return f"its {name} is longer than {MOST_LETTERS} letters"
        return "" if 0 <= self.accuracy <= 1 else f"its accuracy is {self.accuracy}"

    def source(self, file: Path) -> WeightSource:
        """The weights as a backbone's own are described; ``file`` is where they are."""
        return WeightSource(trained_on=self.trained_on, licence=self.licence, path=file, file_hash=self.sha256)
