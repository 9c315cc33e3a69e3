"""The features of the training images that lie beside the winner, for new pictures to be compared with."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from tlsearch.errors import TlsearchError
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.training.trial import Outcome
from tlsearch.types import TrialSpec
from tlsearch.uncertainty.reference import REFERENCE_FILE
from tlsearch.worker.models.requests import SaveReference


def keep_reference(context: RunContext, plan: Plan, winner: TrialSpec, outcome: Outcome | None) -> None:
    """Write ``reference.npz`` into the winner's folder, where it can be had.

    ``outcome`` is that of the winner's trial. The file changes nothing of the answer, so that whatever goes wrong here
    is only told.
    """
    data, classes = plan.data, len(plan.data.index.classes)
    predicted = np.zeros(classes, np.int64)
    if outcome is not None and len(outcome.val_rows):
        predicted = np.bincount(outcome.val_probabilities.argmax(axis=1), minlength=classes)
    request = SaveReference(
        spec=winner,
        candidate=plan.space.of(winner),
        folder=context.output / "model",
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
