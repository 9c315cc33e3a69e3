"""The conformal scores of a model, from what its trial said of images that it had not seen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tlsearch.pipeline.context import Data
from tlsearch.stats.prediction_sets import CalibrationImages, Selection, scores_of
from tlsearch.stats.scoring import score_by
from tlsearch.training.trial import Outcome
from tlsearch.types import AnyArray, TrialSpec
from tlsearch.uncertainty.prediction_sets import ConformalScores
from tlsearch.utils.units import counted


def conformal_scores_of(
    data: Data, outcome: Outcome, selected_from: Mapping[TrialSpec, Outcome], seed: int
) -> ConformalScores:
    """Make the scores of a model from its answers for validation images, of which there is at least one.

    With folds these are answers of the models of the folds, which saw fewer images than the model that ships.

    Args:
        data: The images.
        outcome: What came of the trial of the model.
        selected_from: What came of all trials of the search that it is the best of; empty for a model that was not
            selected.
        seed: Decides how the selection is repeated.
    """
    rows = np.asarray(outcome.val_rows, np.intp)
    images = CalibrationImages(
        labels=np.asarray(data.labels, np.intp)[rows], groups=np.asarray(data.groups, np.int64)[rows]
    )
    what = "out-of-fold" if data.uses_folds else "validation"
    selection = _selection(data, rows, selected_from)
    reason = f"from {counted(len(rows), f'{what} image')}"
    return scores_of(images, outcome.val_probabilities, selection, seed, reason)


def _selection(data: Data, rows: AnyArray, outcomes: Mapping[TrialSpec, Outcome]) -> Selection | None:
    """The trials on the images that all of them were validated on; None where there are not two."""
    validated = [outcome for outcome in outcomes.values() if len(outcome.val_rows)]
    if len(validated) < 2:
        return None
    common = min(validated, key=lambda outcome: len(outcome.val_rows)).val_rows
    place = {int(row): number for number, row in enumerate(rows)}
    shared = np.array([place[int(row)] for row in common if int(row) in place], np.intp)
    labels, wanted = np.asarray(data.labels, np.intp)[rows[shared]], rows[shared]
    found = [probabilities for outcome in validated if (probabilities := outcome.probabilities_of(wanted)) is not None]
    if len(found) < 2 or not len(shared):
        return None
    values = [data.metric.sign * score_by(data.metric, labels, probabilities) for probabilities in found]
    order = np.argsort(-np.asarray(values), kind="stable")
    return Selection(metric=data.metric, trials=[found[number] for number in order], shared=shared)
