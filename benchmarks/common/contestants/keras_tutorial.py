"""The better of the two tutorials' schedules on the validation images; each has all the seconds."""

from __future__ import annotations

from benchmarks.common.contestants.contestant import Contest, Predict, run_contestant
from benchmarks.common.contestants.keras_model import Images, Tuning, fine_tune, predictor

SCHEDULES = (Tuning(frozen=0.0, rate=1e-5), Tuning(frozen=2 / 3, rate=1e-4))


def train(contest: Contest) -> tuple[Predict, str]:
    """Train by both schedules and keep the better one: an advantage, for nobody knows beforehand which it is."""
    images = Images(contest)
    tuned = [fine_tune(images, tuning, contest.seconds, contest.seed) for tuning in SCHEDULES]
    best = max(tuned, key=lambda each: each.val_accuracy)
    return predictor(best, images), best.tuning.label


if __name__ == "__main__":
    run_contestant(train)
