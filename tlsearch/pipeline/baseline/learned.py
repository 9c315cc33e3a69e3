"""What the curve of a network from scratch says: what more training would gain, and whether it carries a claim."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tlsearch.pipeline.baseline.result import not_learned
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.scratch_time import fair_epochs
from tlsearch.stats.trend import AGAIN, FEWEST_EXTRAPOLATED, Rise, extrapolate
from tlsearch.training.schedule import amount_trained
from tlsearch.training.trial import Outcome
from tlsearch.types import AVERAGED


def scores_by_epoch(data: Data, history: Sequence[Mapping[str, float]]) -> list[float]:
    """The validation score of each epoch; the greater the better."""
    return [data.metric.sign * epoch["objective"] for epoch in history]


def averaged_curve(data: Data, history: Sequence[Mapping[str, float]]) -> tuple[list[float], list[float]]:
    """The epochs after which the average of the weights was validated, and its scores; the greater the better.

    Where there are too few to extrapolate, all epochs with the scores of the weights themselves.
    """
    found = [epoch for epoch in history if AVERAGED in epoch]
    if len(found) < FEWEST_EXTRAPOLATED:
        return [epoch["epoch"] for epoch in history], scores_by_epoch(data, history)
    return [epoch["epoch"] for epoch in found], [data.metric.sign * epoch[AVERAGED] for epoch in found]


def expected_rise(data: Data, history: Sequence[Mapping[str, float]], last: int, whole: int) -> Rise | None:
    """What the score would gain in the rest of the whole schedule, or in twice its training where nothing is left.

    A score that is made of counts ends at 1. The schedule of ``last`` epochs was a complete one: its learning rate has
    fallen to 0. Averages of the weights show least of what only the falling of the learning rate brings.
    """
    epochs, scores = averaged_curve(data, history)
    trained = amount_trained(epochs, last)
    (until,) = amount_trained([whole], whole)
    until = until if last < whole else AGAIN * trained[-1]
    most = 1.0 if data.metric.counts is not None else math.inf
    return extrapolate(trained, scores, until, most)


def why_no_claim(context: RunContext, data: Data, outcome: Outcome, epochs: int, whole: int) -> str:
    """Why a network from scratch carries no claim, whatever test will say.

    It has not learned, or there was no time for a fair comparison: the plan knew it, or the machine became slower.
    """
    trained = f"{epochs} of {whole} epochs"
    slower = bool(outcome.result.reason) or context.budget.pace.factor > 1
    too_few = slower and epochs < fair_epochs(context.config, len(data.fold.train))
    cut_short = f"its time was over after {trained}" if too_few or not context.budget.compares else ""
    return not_learned(data, outcome, trained) or cut_short
