"""The models that are compared on the test split are made, and the winner is trained once more where that is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tlsearch.errors import OutOfTimeError
from tlsearch.pipeline.at_use.settle import settle_use
from tlsearch.pipeline.baseline import BaselineResult, scratch_of
from tlsearch.pipeline.confirm import Confirmation
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.evaluate.calibrate import share_calibration
from tlsearch.pipeline.evaluate.from_scratch import fetch_from_scratch
from tlsearch.pipeline.evaluate.reference import share_reference
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.saved_models import asked_model, fetch_model, fit_model, output_folders
from tlsearch.runs.budget import TimeBudget
from tlsearch.search.trial_record import TrialRecord
from tlsearch.types import TrialSpec


@dataclass(frozen=True, kw_only=True)
class Models:
    """The models that are compared, and what is known of them before the test.

    Attributes:
        confirmation: What came of the contenders, and which model is to be used.
        folders: The folders of "winner", "linear_probe", where there is one "baseline", and "scratch ARCHITECTURE" for
            what else was trained from scratch.
        baseline: The networks from scratch as they were made in the end; None where there are none.
        is_probe: Whether the winner is the linear probe.
    """

    confirmation: Confirmation
    folders: Mapping[str, Path]
    baseline: BaselineResult | None = None
    is_probe: bool = False


def make_models(
    context: RunContext, plan: Plan, confirmation: Confirmation, probe: TrialRecord, baseline: BaselineResult | None
) -> Models:
    """Make every model that is compared, and settle which is to be used where something was asked of it."""
    with context.budget.measure("models"):
        folders = output_folders(context.output, [network.architecture for network in scratch_of(baseline)])
        winner, linear_probe, *from_scratch = folders.values()
        for spec, folder in ((confirmation.winner.spec, winner), (probe.spec, linear_probe)):
            fetch_model(context, plan.data, spec, plan.space.of(spec), folder)
        baseline = fetch_from_scratch(context, plan.data, baseline, from_scratch)
        confirmation = settle_use(context, plan, confirmation, folders, scratch_of(baseline))
    is_probe = confirmation.winner.spec == probe.spec
    return Models(confirmation=confirmation, folders=folders, baseline=baseline, is_probe=is_probe)


NO_REFIT = (
    "--refit is left out, for the time limit left no time for it; a longer --time-limit, with another --output, has it"
)


def refit(context: RunContext, plan: Plan, models: Models) -> bool:
    """Train the model to use once more, on training and validation images together, into a folder of its own.

    The model that was tested stays what it is. Where the limit of time has left no time for it, a warning says so, and
    False is given.
    """
    data, spec, shipped = plan.data, models.confirmation.winner.spec, models.confirmation.shipped
    if shipped is not None and any(n.of_fold and n.result.spec == shipped.spec for n in scratch_of(models.baseline)):
        context.callbacks.on_warning(NO_REFIT)
        return False
    if data.uses_folds:
        context.callbacks.on_step("refit", "not needed: the tested model has been trained on all but the test images")
        return False
    if shipped is not None:
        spec = shipped.spec
    with context.budget.measure("refit"):
        folder, candidate = context.output / "refit", shipped.candidate if shipped is not None else plan.space.of(spec)
        left = context.budget.left_before_report()
        try:
            if left is not None and left < _refit_seconds(context.budget, plan, spec):
                raise OutOfTimeError
            fit_model(context, data, asked_model(data, spec, candidate, whole_pool=True, seconds=left), folder)
        except OutOfTimeError:
            context.callbacks.on_warning(NO_REFIT)
            return False
        source = context.output / (shipped.folder if shipped is not None else "model")
        share_calibration(source, folder)
        if spec.freeze_depth:
            share_reference(source, folder)
    context.callbacks.on_step("refit", f"{spec.label} on {len(data.pool):,} images, not tested")
    return True


def _refit_seconds(budget: TimeBudget, plan: Plan, spec: TrialSpec) -> float:
    """Seconds in which a model is trained once more, about; 0 for a network from scratch, of which it is not known."""
    return 0.0 if spec.weights is None else budget.price(plan.costs.fold_seconds(spec))
