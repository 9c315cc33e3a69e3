"""The better of two calls of fastai's ``fine_tune`` on the validation images; each has all the seconds.

One takes the rate that the learning-rate finder suggests and trains the head alone for an epoch, which is the default;
the other takes the default rate, and three epochs for the head.
"""

from __future__ import annotations

from benchmarks.common.contestants.contestant import Contest, Predict, run_contestant
from benchmarks.common.contestants.fastai_model import Schedule, fine_tune, predictor, read_images

SCHEDULES = (Schedule(frozen_epochs=1), Schedule(frozen_epochs=3, rate=2e-3))


def train(contest: Contest) -> tuple[Predict, str]:
    """Train by both schedules and keep the better one: an advantage, for nobody knows beforehand which it is."""
    loaders = read_images(contest)
    tuned = [fine_tune(loaders, schedule, contest.seconds, contest.seed) for schedule in SCHEDULES]
    best = max(tuned, key=lambda each: each.val_accuracy)
    return predictor(best.learner), best.label


if __name__ == "__main__":
    run_contestant(train)
