"""The saved models of networks from scratch: trained once more on the images of all folds, where there is time."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tlsearch.errors import OutOfTimeError
from tlsearch.pipeline.baseline import BaselineResult, scratch_of
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.limits.contention import note_contention
from tlsearch.pipeline.saved_models import asked_model, fetch_model, fit_model, fold_model_folder


def fetch_from_scratch(
    context: RunContext, data: Data, baseline: BaselineResult | None, folders: Sequence[Path]
) -> BaselineResult | None:
    """Put the models of all networks from scratch into ``folders``, and give the networks as they were made.

    With folds a network is trained once more, on the images of all folds, as the winner is. On a machine that has
    become slow there may be no time left for that. Then its model of the first fold is tested, a warning says so, and
    no gain over it is claimed: it has seen fewer images than the winner.
    """
    made = [
        _fetch(context, data, network, folder) for network, folder in zip(scratch_of(baseline), folders, strict=True)
    ]
    return replace(made[0], others=tuple(made[1:])) if made else None


def _fetch(context: RunContext, data: Data, network: BaselineResult, folder: Path) -> BaselineResult:
    spec = network.result.spec
    of_fold = fold_model_folder(context.work, spec)
    if not data.uses_folds or not of_fold.exists():
        fetch_model(context, data, spec, network.candidate, folder)
        return network
    note_contention(context, "trained again", spec)
    left = context.budget.left_before_test()
    has_time = left is None or left > context.budget.price(network.estimated_seconds)
    if context.checkpoint.get_or_compute(("trained again", spec), bool, lambda: has_time):
        with suppress(OutOfTimeError):
            fit_model(context, data, asked_model(data, spec, network.candidate, whole_pool=True, seconds=left), folder)
            return network
    shutil.copytree(of_fold, folder, dirs_exist_ok=True)
    seen = (
        f"the time limit left no time to train it on all {len(data.pool):,} images, as the winner was: it has seen "
        f"{len(data.fold.train):,}"
    )
    context.callbacks.on_warning(f"{network.architecture} from scratch is tested as it is: {seen}")
    return replace(network, of_fold=True, no_claim=network.no_claim or seen)
