"""The shortest limit of time within which a run comes to an end at all, by what the plan has measured."""

from __future__ import annotations

import math

from tlsearch.config import RunConfig
from tlsearch.pipeline.plan import Plan
from tlsearch.search.cost import FIXED_SECONDS, WHOLE_COMPILE_SECONDS

BEYOND_SHARE, BEYOND_SECONDS = 0.05, 10.0
"""How far a run may end beyond its limit: this share of it, or so many seconds where that is more."""

LAST_SECONDS = 10.0
"""Seconds for the end of the shortest run: loading and testing its models, insights and the report, as they were seen
on two cores that did nothing else. Where it is more, a run ends late rather than being refused."""

MODEL_SECONDS = 2.0
"""Seconds to make and save one model, seen likewise."""


def may_take(limit: float) -> float:
    """Give the seconds after which a run of ``limit`` seconds is to be over, at the latest."""
    return limit + max(BEYOND_SHARE * limit, BEYOND_SECONDS)


def least_seconds(plan: Plan, config: RunConfig, spent: float) -> float:
    """Give the seconds from start to end of the shortest run: a linear probe, and a moment from scratch.

    Args:
        plan: What was measured.
        config: What was asked for.
        spent: Seconds that have passed until now.
    """
    forward = sum(facts.forward_seconds for facts in plan.measured.values())
    dearest = max(facts.forward_seconds for facts in plan.measured.values())
    profile = forward * len(plan.data.pool) + FIXED_SECONDS * len(plan.measured)
    models = 1 + (config.baseline != "none") + config.refit
    test = dearest * len(plan.data.split.test)
    scratch = WHOLE_COMPILE_SECONDS if config.baseline != "none" else 0.0
    return spent + profile + FIXED_SECONDS + scratch + models * MODEL_SECONDS + test + LAST_SECONDS


def named_limit(seconds: float) -> float:
    """Round a limit up as people say it: to ten seconds, above two minutes to half minutes."""
    unit = 10.0 if seconds <= 120 else 30.0
    return unit * math.ceil(seconds / unit)
