"""How long it takes to train networks from scratch, and whether there is time for a fair comparison with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tlsearch.config import RunConfig
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.context import Data
from tlsearch.runs.budget import SHARES, SHARES_WITHOUT_COMPARISON
from tlsearch.search.cost import HALVING_WORK, FromScratchCosts
from tlsearch.search.space import schedule
from tlsearch.training.batches import steps_per_epoch

ENOUGH_EPOCHS = 30
"""Epochs below which a large network from scratch would be a strawman."""

UNLIMITED_EPOCHS = 60
"""Epochs of the schedule where nothing limits the time."""


@dataclass(frozen=True)
class ScratchTime:
    """Training from scratch: the seconds that it takes, and whether they are enough for a fair comparison."""

    seconds: float
    is_fair: bool

    def total_seconds(self, data: Data) -> float:
        """Give the seconds with those of training what ships once more on the whole pool, where trials have folds."""
        return self.seconds * (1 + 1 / HALVING_WORK) if data.uses_folds else self.seconds


def costs_of(data: Data, render_seconds: float) -> FromScratchCosts:
    """What it costs to train networks from scratch on these images; ``render_seconds`` are those for a pixel."""
    return FromScratchCosts(len(data.fold.train), len(data.pool), render_seconds)


def share_of(data: Data, share: float) -> float:
    """The seconds of the baseline's ``share`` for its learning rates.

    With folds it is less, because what ships of a network from scratch is trained once more, on the whole pool.
    """
    return share * HALVING_WORK / (HALVING_WORK + 1) if data.uses_folds else share


def sized_for(
    networks: Sequence[MeasuredCandidate], costs: FromScratchCosts, budget: float | None
) -> MeasuredCandidate:
    """The first of ``networks`` that gets 30 epochs in ``budget`` seconds, or the last; the largest comes first."""
    fitting = (n for n in networks if budget is None or costs.halving_seconds(n, ENOUGH_EPOCHS) <= budget)
    return next(fitting, networks[-1])


def fair_epochs(config: RunConfig, images: int) -> int:
    """Give the epochs of a fair comparison on so many training images: 30, or those of a trial where they are fewer."""
    a_trial, wanted = _epochs(config, images)
    return round(min(ENOUGH_EPOCHS, wanted, a_trial))


def _epochs(config: RunConfig, images: int) -> tuple[float, int]:
    """The epochs of a trial, and those of a network from scratch where nothing limits the time."""
    a_trial = schedule(images, config.batch_size, None) / steps_per_epoch(images, config.batch_size)
    return a_trial, config.epochs or round(max(UNLIMITED_EPOCHS, a_trial))


def scratch_time(
    config: RunConfig,
    data: Data,
    costs: FromScratchCosts,
    small: Sequence[MeasuredCandidate],
    large: Iterable[MeasuredCandidate],
    limit: float,
) -> ScratchTime:
    """Give what the step ``baseline`` takes in a run of ``limit`` seconds.

    A comparison is fair with 30 epochs, or with as many steps as a trial has where those are fewer.

    Args:
        config: What was asked for.
        data: The images.
        costs: What it costs to train from scratch.
        small: The small network at its sizes, the largest first.
        large: The candidates, of which the best one is trained too where 30 epochs fit.
        limit: The seconds of the run.
    """
    images, share = len(data.fold.train), share_of(data, SHARES["baseline"] * limit)
    _, wanted = _epochs(config, images)
    one, other = sized_for(small, costs, share), min(costs.halving_seconds(n, ENOUGH_EPOCHS) for n in large)
    both = other <= share / 2
    budget = share / 2 if both else share
    seconds = min(budget, costs.halving_seconds(one, wanted)) + (
        min(budget, other / ENOUGH_EPOCHS * wanted) if both else 0
    )
    if costs.halving_seconds(one, fair_epochs(config, images)) <= budget:
        return ScratchTime(seconds, is_fair=True)
    return ScratchTime(share_of(data, SHARES_WITHOUT_COMPARISON["baseline"] * limit), is_fair=False)
