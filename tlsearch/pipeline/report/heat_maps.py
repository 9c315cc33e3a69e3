"""Where the winner looks: heat maps for the report, on images that are not test images, within a little time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tlsearch.errors import TlsearchError
from tlsearch.explain.study import StudyRequest, ToShow
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.results.schema import Insights, Mistake
from tlsearch.runs.budget import TimeBudget
from tlsearch.training.trial import Outcome
from tlsearch.worker.models.requests import StudyMaps

SHARE = 0.03
"""The share of the run's time that heat maps may take."""

LEAST_SECONDS = 15.0
"""Seconds that they may take however short the run was, where the limit leaves them: two models are loaded."""

MOST_SECONDS = 60.0

SAMPLE = 64
"""Images on which shares and curves are measured."""

SHOWN = 8
"""Images that are shown of each kind: worst mistakes, and surest right answers."""


def with_heat_maps(
    context: RunContext, data: Data, insights: Insights, outcome: Outcome | None, mistakes: tuple[Mistake, ...]
) -> Insights:
    """Add heat maps of the winner, or why there are none.

    They come after the answer and change nothing of it, so that whatever goes wrong here is only told. The images are
    validation images; where trials are compared on folds, they are all but the test images.
    """
    seconds = allowed_seconds(context.budget)
    if seconds is None:
        return replace(insights, no_heat_maps="the time limit left no time for them")
    context.callbacks.on_progress("report", 0, 1, "heat maps")
    try:
        study = _request(context, data, outcome, mistakes, seconds)
        # Only where the run has a limit do they end whatever is done: else curves are left out, and maps are made.
        found = context.pool.near.send(StudyMaps(study=study, seconds=seconds if context.budget.limit else None))
    except TlsearchError as error:
        return replace(insights, no_heat_maps=f"they could not be made: {error}")
    return replace(insights, heat_maps=found)


def allowed_seconds(budget: TimeBudget) -> float | None:
    """How long heat maps may take: 3 % of the run's time, from 15 to 60 seconds; None where there is less."""
    wanted = min(max(SHARE * (budget.limit or budget.elapsed()), LEAST_SECONDS), MOST_SECONDS)
    left = budget.left_before_report()
    if left is None:
        return wanted
    return min(wanted, left) if left >= budget.price(LEAST_SECONDS) else None


def _request(
    context: RunContext, data: Data, outcome: Outcome | None, mistakes: tuple[Mistake, ...], seconds: float
) -> StudyRequest:
    rows = _examined(data)
    drawn = np.random.default_rng(context.config.seed).permutation(rows)[:SAMPLE]
    scratch = context.output / "baseline"
    return StudyRequest(
        winner=context.output / "model",
        from_scratch=scratch if scratch.is_dir() else None,
        output=context.output,
        shown=(*_mistakes(data, mistakes), *_surest(data, outcome)),
        sample=tuple(data.index.file(int(row)) for row in drawn),
        groups=tuple(int(data.split.groups[int(row)]) for row in drawn),
        seed=context.config.seed,
        seconds=seconds,
        seen=data.uses_folds,
    )


def _examined(data: Data) -> tuple[int, ...]:
    """Rows of the validation part; with folds, of the whole pool."""
    return data.pool if data.uses_folds else tuple(data.split.val)


def _mistakes(data: Data, mistakes: tuple[Mistake, ...]) -> list[ToShow]:
    """The worst mistakes, each with the class that it was taken for."""
    rows = {data.index.images[row].path: row for row in data.pool}
    return [
        ToShow(file=data.index.file(rows[item.path]), path=item.path, true=item.true, explained=item.predicted)
        for item in mistakes[:SHOWN]
    ]


def _surest(data: Data, outcome: Outcome | None) -> list[ToShow]:
    """The right answers with the highest probability, of as many classes as there are: the surest of each in turn."""
    if outcome is None:
        return []
    index, pool = data.index, data.pool
    right: list[tuple[float, int]] = []
    for position, probabilities in zip(outcome.val_rows, outcome.val_probabilities, strict=True):
        row = pool[int(position)]
        if int(probabilities.argmax()) == index.images[row].label:
            right.append((float(probabilities.max()), row))
    turn: dict[int, int] = {}
    ranked: list[tuple[int, float, int]] = []
    for probability, row in sorted(right, key=lambda item: -item[0]):
        label = index.images[row].label
        turn[label] = turn.get(label, 0) + 1
        ranked.append((turn[label], -probability, row))
    chosen = [row for _, _, row in sorted(ranked)[:SHOWN]]
    return [
        ToShow(file=index.file(row), path=index.images[row].path, true=name, explained=name)
        for row in chosen
        for name in [index.classes[index.images[row].label]]
    ]
