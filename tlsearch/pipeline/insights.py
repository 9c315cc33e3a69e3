"""What a run says besides its answer: would more data help, which labels look wrong, how true are the probabilities."""

from __future__ import annotations

import numpy as np

from tlsearch.errors import TlsearchError
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.evaluate import Evaluation
from tlsearch.results.schema import Calibration, Insights, LabelErrors, Suspect
from tlsearch.stats.calibration import calibrate
from tlsearch.stats.label_errors import count_errors, rank_suspects
from tlsearch.training.insight import Insight
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate
from tlsearch.worker.protocol import ExamineLabels

MOST_SUSPECTS = 24
"""Suspects that the report shows."""


def find_insights(
    context: RunContext, data: Data, candidate: Candidate, outcome: Outcome | None, evaluation: Evaluation
) -> Insights:
    """All insights. ``candidate`` is the winner's, ``outcome`` that of its trial.

    They come after the answer and change nothing of it, so that whatever goes wrong here is only told.
    """
    insight = _ask_worker(context, candidate)
    return Insights(
        insight.more_data if insight is not None else None,
        _label_errors(data, insight) if insight is not None else None,
        _calibration(data, outcome, evaluation),
    )


def _ask_worker(context: RunContext, candidate: Candidate) -> Insight | None:
    """Probes on the stored features; None where there is no time to compute features that are no longer stored."""
    try:
        request = ExamineLabels(candidate=candidate, seed=context.config.seed, seconds=context.budget.left_for())
        return context.worker.send(request, context.progress("report"))
    except TlsearchError as error:
        context.callbacks.on_warning(f"no insight into labels and into more data: {error}")
        return None


def _label_errors(data: Data, insight: Insight) -> LabelErrors:
    """The images of the pool whose labels look wrong; test images are not in the pool."""
    index, pool = data.index, data.pool
    labels = np.asarray(data.labels)[insight.rows]
    first = rank_suspects(insight.probabilities, labels)[:MOST_SUSPECTS]
    suspects = tuple(
        Suspect(
            path=index.images[pool[int(insight.rows[item.position])]].path,
            given=index.classes[item.given],
            suggested=index.classes[item.suggested],
            given_probability=float(insight.probabilities[item.position, item.given]),
            suggested_probability=float(insight.probabilities[item.position, item.suggested]),
        )
        for item in first
    )
    return LabelErrors(len(labels), count_errors(insight.probabilities, labels), suspects)


def _calibration(data: Data, outcome: Outcome | None, evaluation: Evaluation) -> Calibration | None:
    """The winner's calibration on test, its temperature from validation; None where it has no validation figures."""
    if outcome is None or not len(outcome.val_rows):
        return None
    held = np.asarray(data.labels)[outcome.val_rows]
    return calibrate(outcome.val_probabilities, held, evaluation.probabilities, evaluation.labels)
