"""How long a call takes, and how long a training step does as a trial makes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tlsearch.features.prefix import Network
from tlsearch.models.build import build_suffix
from tlsearch.models.cuts import maps
from tlsearch.models.heads import Head
from tlsearch.training.compiled import compile_model
from tlsearch.types import AnyArray, TrialSpec

TIMED_BATCHES = 3

LONG_ENOUGH = 1.0
"""Seconds of timed calls after which no more are made: what takes so long is not disturbed by little things."""


def median_seconds(call: Callable[[], object]) -> float:
    """Give the median time of a few calls after a first one, which compiles; of fewer where one takes seconds."""
    call()
    times: list[float] = []
    while len(times) < TIMED_BATCHES and sum(times) < LONG_ENOUGH:
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def training_step_seconds(network: Network, depth: int, sample: AnyArray, *, depthwise_frozen: bool) -> float:
    """Measure one training step of everything after ``depth`` on a batch, in seconds.

    It is the step of a trial, with clipping and two learning rates; ``depthwise_frozen`` is that of the trial.
    """
    candidate = network.candidate
    head = Head(0, 0.0, 2, 0)
    spec = TrialSpec(
        backbone=candidate.backbone,
        weights=candidate.weights,
        image_size=candidate.image_size,
        depth=len(network.cuts),
        freeze_depth=depth,
        depthwise_frozen=depthwise_frozen,
    )
    spec = replace(spec, weight_decay=1e-3)
    parts = build_suffix(network.plugin, candidate, network.cuts, spec, head, network.precision)
    model = parts.model
    optimizer = compile_model(model, spec, parts.suffix_variables, parts.head_variables)
    x = sample
    if depth:
        (feature,) = wanted = maps(depth)
        x = network.compute(0, wanted, sample)[feature].astype(np.float32)
    y = np.eye(2, dtype=np.float32)[np.arange(len(x)) % 2]

    def step() -> None:
        optimizer.set_rates(1e-4, 1e-4)
        model.train_on_batch(x, y)

    return median_seconds(step)
