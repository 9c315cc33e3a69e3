"""What a run says besides its answer: more data, wrong labels, true probabilities, and what is left to a person."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tlsearch.errors import TlsearchError
from tlsearch.models.temperature import Temperature, divide_by_temperature
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.evaluate import Evaluation
from tlsearch.pipeline.evaluate.calibrate import fit_on_validation
from tlsearch.predictor import has_config, read_config
from tlsearch.results.schema import Calibration, Insights, LabelErrors, PredictionSets, Suspect
from tlsearch.stats.calibration import calibrate
from tlsearch.stats.label_errors import count_errors, rank_suspects
from tlsearch.stats.prediction_sets import measure_sets
from tlsearch.training.insight import Insight
from tlsearch.training.trial import Outcome
from tlsearch.types import BoolArray, Candidate, Float64Array, IntArray
from tlsearch.uncertainty.prediction_sets import ConformalScores
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
        more_data=insight.more_data if insight is not None else None,
        label_errors=_label_errors(data, insight, outcome) if insight is not None else None,
        calibration=_calibration(data, outcome, evaluation),
        prediction_sets=_prediction_sets(context.output, data, evaluation),
    )


def _ask_worker(context: RunContext, candidate: Candidate) -> Insight | None:
    """Probes on the stored features; None where there is no time to compute features that are no longer stored."""
    try:
        seconds = context.budget.left_before_report()
        request = ExamineLabels(candidate=candidate, seed=context.config.seed, seconds=seconds)
        return context.pool.worker_for(request).send(request, context.progress("report"))
    except TlsearchError as error:
        context.callbacks.on_warning(f"no insight into labels and into more data: {error}")
        return None


def _label_errors(data: Data, insight: Insight, outcome: Outcome | None) -> LabelErrors:
    """The images of the pool whose labels look wrong; test images are not in the pool.

    Each is judged by the strongest model that has not seen it: the winner where it was validated on the image, else a
    linear probe that was fitted without it.
    """
    index, pool = data.index, data.pool
    labels = np.asarray(data.labels)[insight.rows]
    strongest, by_winner = _strongest(insight, outcome)
    ranked = rank_suspects(strongest, labels)
    suspects = tuple(
        Suspect(
            path=index.images[pool[int(insight.rows[item.position])]].path,
            given=index.classes[item.given],
            suggested=index.classes[item.suggested],
            given_probability=float(strongest[item.position, item.given]),
            suggested_probability=float(strongest[item.position, item.suggested]),
            models=2 if by_winner[item.position] else 1,
            agree=1 + int(by_winner[item.position] and insight.probabilities[item.position].argmax() != item.given),
        )
        for item in ranked[:MOST_SUSPECTS]
    )
    # The winner may be surer than a probe, so each is counted by its own usual confidence.
    counted = sum(count_errors(strongest[part], labels[part]) for part in (by_winner, ~by_winner) if np.any(part))
    return LabelErrors(
        examined=len(labels),
        estimated=counted,
        suspects=suspects,
        by_winner=int(by_winner.sum()),
        suspected=len(ranked),
    )


def _strongest(insight: Insight, outcome: Outcome | None) -> tuple[Float64Array, BoolArray]:
    """Probabilities (N, classes) by the strongest model that has not seen each image, and which are the winner's."""
    probabilities = np.array(insight.probabilities, np.float64)
    by_winner = np.zeros(len(probabilities), np.bool_)
    if outcome is not None and len(outcome.val_rows):
        place = {int(row): position for position, row in enumerate(insight.rows)}
        for row, predicted in zip(outcome.val_rows, outcome.val_probabilities, strict=True):
            if (position := place.get(int(row))) is not None:
                probabilities[position], by_winner[position] = predicted, True
    return probabilities, by_winner


def _calibration(data: Data, outcome: Outcome | None, evaluation: Evaluation) -> Calibration | None:
    """The winner's calibration on test, its temperature from validation; None where it has no validation figures."""
    if (fitted := fit_on_validation(data, outcome)) is None:
        return None
    return calibrate(fitted, evaluation.probabilities, evaluation.labels, _test_groups(data))


def _prediction_sets(output: Path, data: Data, evaluation: Evaluation) -> PredictionSets | None:
    """The winner's prediction sets on test, made as ``predict`` makes them; None where its folder has no scores."""
    folder = output / "model"
    config = read_config(folder) if has_config(folder) else {}
    scores, temperature = ConformalScores.of(config), Temperature.of(config)
    if scores is None:
        return None
    shown = evaluation.probabilities
    if temperature is not None and temperature.by_default:
        shown = divide_by_temperature(shown, temperature.value)
    return measure_sets(scores, shown, evaluation.labels, _test_groups(data))


def _test_groups(data: Data) -> IntArray:
    return np.asarray([data.split.groups[row] for row in data.split.test], np.int64)
