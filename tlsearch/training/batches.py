"""The order in which a trial meets its images: every image once an epoch, from the epoch's own view."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tlsearch.types import IntArray, TrialSpec


def trial_seed(spec: TrialSpec, purpose: str) -> int:
    """Give a seed from the run's seed and the trial's spec, different for each purpose, below 2**31."""
    text = f"{spec.seed}/{spec.digest}/{purpose}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Batches in which every image comes once; the last may be smaller."""
    return -(-images // batch_size)


def with_batches_of(spec: TrialSpec, size: int, images: int) -> TrialSpec:
    """The same trial, as many epochs of ``images`` images long, in batches of ``size``."""
    epochs = spec.steps / steps_per_epoch(images, spec.batch_size)
    return replace(spec, batch_size=size, steps=round(epochs * steps_per_epoch(images, size)))


def epoch_batches(spec: TrialSpec, rows: IntArray, epoch: int) -> Iterator[IntArray]:
    """The batches of an epoch: a permutation of ``rows`` that depends on the trial's seed and the epoch."""
    order = np.random.default_rng([trial_seed(spec, "order"), epoch]).permutation(rows)
    for start in range(0, len(order), spec.batch_size):
        yield order[start : start + spec.batch_size]


def view_number(spec: TrialSpec, epoch: int) -> int:
    """Which view epoch ``epoch`` (from 0) trains on: the stored views take turns, fresh ones never repeat."""
    return epoch % spec.views if spec.views else epoch
