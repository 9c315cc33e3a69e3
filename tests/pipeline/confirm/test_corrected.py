"""The best figure of a search, corrected for its selection: of which trials, and where a metric fails on the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers.pipeline.contexts import Heard, make_context, make_data, make_plan, search_of
from tests.helpers.pipeline.made_up import LITE, VGG, make_space
from tlsearch.pipeline.confirm import confirm
from tlsearch.pipeline.context import Data
from tlsearch.pipeline.search import SearchLog
from tlsearch.plugins.kinds.metric import GuardedMetric
from tlsearch.search.reach import Choice
from tlsearch.search.trial_record import TrialRecord
from tlsearch.training.trial import Outcome
from tlsearch.types import TrialResult, TrialSpec

SPACE = make_space()
RARE = 1
"""Validation images of the second class."""

LABELS = tuple([0, 1] * 20 + [0] * (20 - RARE) + [1] * RARE)
HELD = np.arange(40, 60)


class Recall:
    """The mean recall of the classes, by somebody who thinks that every class has images."""

    api_version, name, greater_is_better, uses_class_weights = 1, "recall", True, False

    def score(self, labels: Any, probabilities: Any) -> float:
        right = probabilities.argmax(axis=1) == labels
        return sum(int((right & (labels == c)).sum()) / int((labels == c).sum()) for c in (0, 1)) / 2


def trial(number: int, spec: TrialSpec, wrong: int) -> tuple[TrialRecord, Outcome]:
    """A trial that is right on all validation images but the first few."""
    labels = np.asarray(LABELS)[HELD]
    said = np.where(np.arange(20) < wrong, 1 - labels, labels)
    value = float((said == labels).mean())
    result = TrialResult(spec=spec, state="complete", value=value, seconds=1.0, metrics={"val_loss": 0.5})
    outcome = Outcome(result, HELD, np.eye(2, dtype=np.float32)[said])
    return TrialRecord.of(number, spec, result, ()), outcome


def searched(*found: tuple[TrialRecord, Outcome]) -> SearchLog:
    records, outcomes = zip(*found, strict=True)
    return SearchLog(search=search_of(SPACE, *records), outcomes={o.result.spec: o for o in outcomes})


def corrected_of(folder: Path, log: SearchLog, heard: Heard, data: Data) -> float | None:
    context, plan = make_context(folder, heard=heard, limit=1.0), make_plan(SPACE, data=data, folds=data.folds)
    probe = log.search.finished[0]
    found = confirm(context, plan, log.contenders, probe, (), log.selected_from)
    return None if found.corrected is None else found.corrected.value


PLAIN, JOINED = SPACE.spec(SPACE.params(LITE)), SPACE.spec(SPACE.params(LITE, pooling="avgmax"))
LARGE = SPACE.spec(SPACE.params(VGG))
DATA = make_data(LABELS, val=HELD.tolist())


def test_what_may_not_be_used_was_not_selected(tmp_path: Path) -> None:
    log = searched(trial(1, PLAIN, 5), trial(2, JOINED, 5), trial(3, LARGE, 0))
    assert corrected_of(tmp_path, log, Heard(), DATA) == 1.0
    log.search.choice = Choice(lambda spec: spec.backbone == LITE.backbone)
    assert set(log.selected_from) == {PLAIN, JOINED}
    assert corrected_of(tmp_path, log, Heard(), DATA) == 0.75


def test_a_metric_that_fails_on_a_part_of_the_images_costs_the_correction_alone(tmp_path: Path) -> None:
    """The image of the rare class is in one of the four parts, and the three others have none."""
    log, heard = searched(trial(1, PLAIN, 5), trial(2, JOINED, 4)), Heard()
    data = replace(DATA, metric=GuardedMetric(Recall()))
    assert corrected_of(tmp_path, log, heard, data) is None
    (warning,) = heard.warnings
    assert warning.startswith("the best validation score is not corrected for its selection: The metric plugin ")
    assert "'recall' raised ZeroDivisionError" in warning
