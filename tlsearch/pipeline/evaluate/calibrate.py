"""calibrate: every model that a run leaves behind gets a temperature from images that it has not seen.

Validation images alone decide the temperature, and whether it is applied unless somebody asks otherwise. Test images
are not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tlsearch.models.temperature import CONFIG_KEY, Temperature
from tlsearch.pipeline.baseline import BaselineResult, scratch_of
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.saved_models import output_folders
from tlsearch.predictor import CONFIG_FILE
from tlsearch.report.text import temperature_reason
from tlsearch.stats.calibration import FittedTemperature, judge_temperature
from tlsearch.training.trial import Outcome
from tlsearch.types import TrialSpec
from tlsearch.utils.files import write_atomically


def calibrate(
    context: RunContext,
    data: Data,
    outcomes: Mapping[TrialSpec, Outcome],
    winner: TrialSpec,
    probe: TrialSpec,
    baseline: BaselineResult | None,
) -> None:
    """Write a temperature into ``config.json`` of every model in the output folder, from what came of its trial.

    A model without predictions for validation images gets none.
    """
    networks = scratch_of(baseline)
    folders = output_folders(context.output, [network.architecture for network in networks])
    answers = [outcomes.get(winner), outcomes.get(probe), *(network.outcome for network in networks)]
    for folder, outcome in zip(folders.values(), answers, strict=True):
        if (fitted := fit_on_validation(data, outcome)) is not None:
            temperature = Temperature(
                value=fitted.value,
                fitted_on=fitted.images,
                by_default=fitted.helps,
                reason=temperature_reason(fitted),
            )
            _write(folder, temperature.in_config())


def share_temperature(source: Path, target: Path) -> None:
    """Give the model in ``target`` the temperature of that in ``source``, which has the same configuration."""
    kept = json.loads((source / CONFIG_FILE).read_text(encoding="utf-8"))
    if CONFIG_KEY in kept:
        _write(target, {CONFIG_KEY: kept[CONFIG_KEY]})


def fit_on_validation(data: Data, outcome: Outcome | None) -> FittedTemperature | None:
    """The temperature by the validation images of a trial; None where there are none."""
    if outcome is None or not len(outcome.val_rows):
        return None
    rows = outcome.val_rows
    groups = np.asarray([data.groups[int(row)] for row in rows])
    return judge_temperature(outcome.val_probabilities, np.asarray(data.labels)[rows], groups)


def _write(folder: Path, entry: Mapping[str, object]) -> None:
    file = folder / CONFIG_FILE
    config = {**json.loads(file.read_text(encoding="utf-8")), **entry}
    write_atomically(file, json.dumps(config, indent=1))
