"""Random search with the tutorials' loop: eight trials of equal length, the best on the validation images.

Building and compiling may take longer than a trial's length where the time is short; then there are fewer trials.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.common.contestants.contestant import Contest, Predict, run_contestant
from benchmarks.common.contestants.keras_model import Images, Tuned, Tuning, fine_tune, predictor

TRIALS = 8


def draw(rng: np.random.Generator) -> Tuning:
    """Give a way to fine-tune, each of its settings drawn from what tutorials use."""
    return Tuning(
        frozen=float(rng.uniform(0, 1)),
        head_rate=float(10 ** rng.uniform(-4, -2)),
        rate=float(10 ** rng.uniform(-5, -3)),
        dropout=float(rng.uniform(0, 0.5)),
        rotation=float(rng.uniform(0, 0.2)),
    )


def train(contest: Contest) -> tuple[Predict, str]:
    """Train so many trials and keep the best."""
    started = time.monotonic()
    rng, images = np.random.default_rng(contest.seed), Images(contest)
    best: Tuned | None = None
    for number in range(TRIALS):
        left = contest.seconds - (time.monotonic() - started)
        if best is not None and left <= 0:
            break
        tuned = fine_tune(images, draw(rng), left / (TRIALS - number), contest.seed)
        if best is None or tuned.val_accuracy > best.val_accuracy:
            best = tuned
    assert best is not None
    return predictor(best, images), best.tuning.label


if __name__ == "__main__":
    run_contestant(train)
