"""The frame that all contestants share: a process with a number of seconds, and the score of what it predicts.

A contestant is a module of this package, run as ``python -m benchmarks.common.contestants.NAME TASK``. TASK is a file
of JSON with the fields of ``Contest``. It prints one line of JSON: the fields of ``Attempt``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Contest:
    """What a contestant is asked for.

    Attributes:
        images: A folder with "train" and "test", each of class folders.
        work: An empty folder to write to.
        seconds: How long it may take from its start until its model is made. Testing does not count.
        seed: Of whatever is random.
        image_size: The side in pixels of what a loop trains on.
        arguments: More arguments for ``tlsearch run``.
    """

    images: str
    work: str
    seconds: float
    seed: int
    image_size: int
    arguments: tuple[str, ...] = ()

    @property
    def train(self) -> Path:
        """The folder to train on."""
        return Path(self.images) / "train"

    @property
    def test(self) -> Path:
        """The folder to be tested on."""
        return Path(self.images) / "test"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What came of it: seconds until the model was made, accuracies on the test images, and what was chosen."""

    seconds: float
    accuracy: float
    balanced: float
    chosen: str


Predict = Callable[[Sequence[Path]], Sequence[str]]
"""Gives the name of a class for each picture file."""

Train = Callable[[Contest], tuple[Predict, str]]
"""Trains; gives what predicts, and a few words about what was chosen."""


def run_contestant(train: Train) -> None:
    """Train as the file named on the command line asks, predict the test images, and print the score."""
    started = time.monotonic()
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    contest = Contest(**{**asked, "arguments": tuple(asked["arguments"])})
    predict, chosen = train(contest)
    seconds = time.monotonic() - started
    files = sorted(path for path in contest.test.rglob("*") if path.is_file())
    truth = np.asarray([path.parent.name for path in files])
    right = np.asarray(predict(files)) == truth
    balanced = float(np.mean([right[truth == name].mean() for name in np.unique(truth)]))
    attempt = Attempt(seconds=round(seconds, 1), accuracy=float(right.mean()), balanced=balanced, chosen=chosen)
    print(json.dumps(asdict(attempt)), flush=True)
