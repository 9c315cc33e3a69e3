"""The seconds of the shortest run that comes to its end, what its end costs, and how late a run may end.

The shortest run fits a linear probe and trains from scratch for a moment.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlsearch.config import RunConfig
from tlsearch.errors import PluginError, PluginFailedError
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.runs.budget import EndPrice
from tlsearch.search.cost import FIXED_SECONDS, WHOLE_COMPILE_SECONDS
from tlsearch.stats.scoring import calls_of_claims
from tlsearch.training.timing import median_seconds
from tlsearch.utils import machine

BEYOND_SHARE, BEYOND_SECONDS = 0.05, 10.0
"""How far a run may end beyond its limit: this share of it, or so many seconds where that is more."""

CONTENTION = ("contention",)
"""The question by which the checkpoint knows how busy the machine was in the plan."""

MODEL_SECONDS = 2.0
"""Seconds to make and save one model, as they were seen on two cores that did nothing else."""

LOAD_SECONDS = 1.5
"""Seconds to load a saved model, seen likewise."""

ALONE = 22
"""How often a model sees one image alone, to be timed."""

REPORT_SECONDS = 6.0
"""Seconds to write the report and the record, and to end all processes, seen likewise."""


def may_take(limit: float) -> float:
    """Give the seconds after which a run of ``limit`` seconds is to be over, at the latest."""
    return limit + max(BEYOND_SHARE * limit, BEYOND_SECONDS)


@dataclass(frozen=True, kw_only=True)
class EndCosts:
    """What the end of a run depends on besides its networks.

    Attributes:
        test_images: The number of test images, which every model sees.
        decode_seconds: The seconds to decode one of them.
        from_scratch: The number of networks that are trained from scratch, at least.
        contention: How many times longer than on a machine that does nothing else a thread takes.
        score_seconds: The seconds in which a metric without formulas scores the test images once; 0 for any other.
        computed_images: The number of images that a model is fitted on and whose features are not stored, so that they
            go through the network once more for it.
    """

    test_images: int
    decode_seconds: float
    from_scratch: int
    contention: float = 1.0
    computed_images: int = 0
    score_seconds: float = 0.0

    @classmethod
    def of(cls, context: RunContext, data: Data) -> EndCosts:
        """Take them from what is known, once in a run: decoding was timed when the images were read."""
        images = max(1, len(data.index.images))
        decode: float = context.checkpoint.get_or_compute(
            ("decode seconds",), float, lambda: context.budget.timings.get("scan", 0.0) / images
        )
        busy: float = context.checkpoint.get_or_compute(CONTENTION, float, machine.contention)
        scratch = int(context.config.baseline != "none")
        return cls(
            test_images=len(data.split.test),
            decode_seconds=decode,
            from_scratch=scratch,
            contention=busy,
            computed_images=0 if context.config.cache_limit else len(data.pool),
            score_seconds=context.checkpoint.get_or_compute(("score seconds",), float, lambda: _score_seconds(data)),
        )

    def price(self, forward_seconds: Sequence[float]) -> EndPrice:
        """Give what the end takes where the winner and the linear probe take so many seconds an image."""
        models = len(forward_seconds) + self.from_scratch
        seeing = (self.test_images + ALONE) * sum(forward_seconds) + models * self.test_images * self.decode_seconds
        # What was measured on this machine has taken as long as it does beside everything else.
        made, loaded = models * MODEL_SECONDS, models * LOAD_SECONDS
        computing = self.computed_images * sum(forward_seconds)
        scoring = self.score_seconds * calls_of_claims(models)
        return EndPrice(
            models=self.contention * made + computing,
            test=self.contention * loaded + seeing + scoring,
            report=self.contention * REPORT_SECONDS,
            alone=made + computing + loaded + seeing + scoring + REPORT_SECONDS,
        )


def _score_seconds(data: Data) -> float:
    """The seconds in which the metric scores the test images once; 0 for one whose intervals have formulas.

    Raises ``PluginError`` where it fails on them: without it nothing is tested.
    """
    metric, index = data.metric, data.index
    if metric.counts is not None or not data.split.test:
        return 0.0
    labels = np.asarray([index.images[row].label for row in data.split.test], np.intp)
    probabilities = np.random.default_rng(0).dirichlet(np.ones(len(index.classes)), len(labels))
    try:
        return median_seconds(lambda: metric.score(labels, probabilities))
    except PluginFailedError as error:
        raise PluginError(str(error)) from error


NO_END_COSTS = EndCosts(test_images=0, decode_seconds=0.0, from_scratch=0)
"""Those of a run of which nothing is known."""


def least_seconds(
    facts: Sequence[MeasuredCandidate], data: Data, config: RunConfig, end: EndCosts, spent: float
) -> float:
    """Give the seconds from start to end of the shortest run: a linear probe, and a moment from scratch.

    Args:
        facts: What was measured of every candidate.
        data: The images.
        config: What was asked for.
        end: What the end of the run depends on.
        spent: Seconds that have passed until now.
    """
    forward = [candidate.forward_seconds for candidate in facts]
    profile = sum(forward) * len(data.pool)
    fixed = FIXED_SECONDS * (len(facts) + 1)
    fixed += WHOLE_COMPILE_SECONDS if config.baseline != "none" else 0.0
    fixed += FIXED_SECONDS + MODEL_SECONDS if config.refit else 0.0
    last = end.price(2 * [max(forward, default=0.0)]).seconds
    return spent + profile + end.contention * fixed + last


def named_limit(seconds: float) -> float:
    """Round a limit up as people say it: to ten seconds, above two minutes to half minutes."""
    unit = 10.0 if seconds <= 120 else 30.0
    return unit * math.ceil(seconds / unit)
