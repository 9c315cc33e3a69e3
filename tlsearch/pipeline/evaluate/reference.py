"""The features of the training images that lie beside a model, for new pictures to be compared with."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlsearch.errors import TlsearchError
from tlsearch.pipeline.baseline import BaselineResult, scratch_of
from tlsearch.pipeline.confirm import Confirmation
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.report.verdict.answer import answer_of
from tlsearch.stats.claims import Gain
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, TrialSpec
from tlsearch.uncertainty.reference import REFERENCE_FILE
from tlsearch.worker.models.requests import SaveReference


@dataclass(frozen=True, kw_only=True)
class SavedModel:
    """A model of a run: what it computes, its folder below the output folder, and what came of its trial, if known."""

    spec: TrialSpec
    candidate: Candidate
    folder: str
    outcome: Outcome | None


def keep_references(
    context: RunContext,
    plan: Plan,
    confirmation: Confirmation,
    outcomes: Mapping[TrialSpec, Outcome],
    baseline: BaselineResult | None,
    gain: Gain | None = None,
) -> None:
    """Write ``reference.npz`` beside the winner, and beside the model to use where that is a network from scratch.

    It is one that was chosen before the test, or may be the baseline where test shows that reuse brings nothing.

    Args:
        context: The run.
        plan: The plan.
        confirmation: Has the winner, and the model that was chosen before the test.
        outcomes: Those of the search.
        baseline: The networks from scratch; None where there are none.
        gain: What the winner gains over the baseline on test; None where that is not known.
    """
    winner, shipped = confirmation.winner.spec, confirmation.shipped
    models = [SavedModel(spec=winner, candidate=plan.space.of(winner), folder="model", outcome=outcomes.get(winner))]
    for number, network in enumerate(scratch_of(baseline)):
        spec, folder = network.result.spec, ""
        if shipped is not None and spec == shipped.spec:
            folder = shipped.folder
        elif number == 0 and _brings_nothing(gain, fractions=plan.data.metric.counts is not None):
            folder = "baseline"
        if folder:
            models.append(SavedModel(spec=spec, candidate=network.candidate, folder=folder, outcome=network.outcome))
    for model in models:
        keep_reference(context, plan, model)


def _brings_nothing(gain: Gain | None, *, fractions: bool) -> bool:
    """Whether the verdict may offer the baseline in the place of the winner."""
    if gain is None or gain.ci95 is None:
        return False
    return answer_of(gain.ci95, gain.p_value, fractions=fractions) == "no"


def keep_reference(context: RunContext, plan: Plan, model: SavedModel) -> None:
    """Write ``reference.npz`` into the folder of a model, where it can be had.

    The file changes nothing of the answer, so that whatever goes wrong here is only told.
    """
    data, classes, outcome = plan.data, len(plan.data.index.classes), model.outcome
    predicted = np.zeros(classes, np.int64)
    if outcome is not None and len(outcome.val_rows):
        predicted = np.bincount(outcome.val_probabilities.argmax(axis=1), minlength=classes)
    request = SaveReference(
        spec=model.spec,
        candidate=model.candidate,
        folder=context.output / model.folder,
        held_out=() if data.uses_folds else tuple(data.fold.val),
        predicted=tuple(int(count) for count in predicted),
        seed=context.config.seed,
        seconds=context.budget.left_before_report(),
    )
    try:
        context.worker.send(request, context.progress("report"))
    except TlsearchError as error:
        context.callbacks.on_warning(f"predict cannot tell which pictures are unlike the training images: {error}")


def share_reference(source: Path, target: Path) -> None:
    """Give the model in ``target`` the reference of that in ``source``, which has the same frozen layers."""
    if (source / REFERENCE_FILE).is_file():
        shutil.copy(source / REFERENCE_FILE, target)
