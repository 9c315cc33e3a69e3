"""calibrate: every model that a run leaves behind gets a temperature, and the scores that its prediction sets need.

Both come from images that the model has not seen, which are validation images. They alone decide, and test images are
not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tlsearch.errors import PluginFailedError
from tlsearch.models import temperature
from tlsearch.models.temperature import Temperature
from tlsearch.pipeline.baseline import BaselineResult, scratch_of
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.evaluate.conformal import conformal_scores_of
from tlsearch.pipeline.saved_models import output_folders
from tlsearch.predictor import read_config, update_config
from tlsearch.report.insights import temperature_reason
from tlsearch.stats.calibration import FittedTemperature, judge_temperature
from tlsearch.training.trial import Outcome
from tlsearch.types import TrialSpec
from tlsearch.uncertainty import prediction_sets
from tlsearch.uncertainty.prediction_sets import ConformalScores


def calibrate(
    context: RunContext,
    data: Data,
    outcomes: Mapping[TrialSpec, Outcome],
    winner: TrialSpec,
    probe: TrialSpec,
    baseline: BaselineResult | None,
) -> None:
    """Write temperature and conformal scores into ``config.json`` of every model, from what came of its trial.

    A model without predictions for validation images gets none.
    """
    networks = scratch_of(baseline)
    folders = output_folders(context.output, [network.architecture for network in networks])
    of_models = [outcomes.get(winner), outcomes.get(probe), *(network.outcome for network in networks)]
    for folder, outcome in zip(folders.values(), of_models, strict=True):
        if outcome is None or (fitted := fit_on_validation(data, outcome)) is None:
            continue
        found = Temperature(
            value=fitted.value,
            fitted_on=fitted.images,
            by_default=fitted.helps,
            reason=temperature_reason(fitted),
        )
        # Only the winner was selected from the trials of the search.
        selected_from = outcomes if folder == folders["winner"] else {}
        scores = _conformal_scores(context, data, outcome, selected_from)
        update_config(folder, {**found.in_config(), **scores.in_config()})


def _conformal_scores(
    context: RunContext, data: Data, outcome: Outcome, selected_from: Mapping[TrialSpec, Outcome]
) -> ConformalScores:
    """The scores of a model; a warning says so where a metric plugin fails when its selection is repeated."""
    try:
        return conformal_scores_of(data, outcome, selected_from, context.config.seed)
    except PluginFailedError as error:
        context.callbacks.on_warning(f"prediction sets may cover a little too little, for a selection fails: {error}")
        return conformal_scores_of(data, outcome, {}, context.config.seed)


def share_calibration(source: Path, target: Path) -> None:
    """Give the model in ``target`` what ``calibrate`` gave that in ``source``, which has the same configuration."""
    kept = read_config(source)
    keys = temperature.CONFIG_KEY, prediction_sets.CONFIG_KEY
    update_config(target, {key: kept[key] for key in keys if key in kept})


def fit_on_validation(data: Data, outcome: Outcome | None) -> FittedTemperature | None:
    """The temperature by the validation images of a trial; None where there are none."""
    if outcome is None or not len(outcome.val_rows):
        return None
    rows = outcome.val_rows
    groups = np.asarray([data.groups[int(row)] for row in rows])
    return judge_temperature(outcome.val_probabilities, np.asarray(data.labels)[rows], groups)
