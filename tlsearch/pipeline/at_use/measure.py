"""Every network is exported and timed once in a run, before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tlsearch.errors import PluginError, TrialError, UsageError, WeightsError
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.models.use_cost import NetworkAtUse, UseCost
from tlsearch.pipeline.at_use.use_budget import UseBudget, is_asked, limits
from tlsearch.pipeline.at_use.words import impossible
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.measure import measure_small_network
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.types import Candidate, TrialSpec
from tlsearch.worker.client import WorkerDiedError
from tlsearch.worker.models.requests import MeasureModelUse, MeasureNetworkUse
from tlsearch.worker.pool import Worker

THREADS = 1
"""A phone and a busy server have one for an image; and times on several depend on what else the machine does."""


def measure_use(context: RunContext, data: Data, measured: Mapping[Candidate, MeasuredCandidate]) -> UseBudget | None:
    """Give what was asked of the model to use, with what every network costs; None where nothing was asked.

    Raises:
        UsageError: No network can meet the limits.
    """
    config = context.config
    if not is_asked(config):
        return None
    if not limits(config) and config.prefer == "accurate":  # costs do not matter
        return UseBudget.of(config, ())
    networks = list(measured.values())
    if config.baseline != "none":  # at its largest size: a smaller one costs no more
        networks += measure_small_network(context, data, None, 0.0)
    budget = UseBudget.of(config, _costs(context, data, networks))
    if len(budget.excluded) == len(networks):  # what could not be measured may be within them
        raise UsageError(impossible(budget))
    return budget


def measure_file(context: RunContext, spec: TrialSpec, folder: Path) -> UseCost:
    """Measure the exported file of the model of ``spec`` in ``folder``, once in a run."""

    def measure() -> UseCost:
        context.callbacks.on_progress("models", 0, 1, f"exporting and timing {folder.name}")
        with context.pool.aside(THREADS) as worker:
            return worker.send(MeasureModelUse(folder=folder))

    cost: UseCost = context.checkpoint.get_or_compute(("model at use", spec), UseCost, measure)
    return cost


def _costs(context: RunContext, data: Data, networks: Sequence[MeasuredCandidate]) -> list[NetworkAtUse]:
    """What each network costs; one that cannot be measured is missing, and a warning says so."""
    found = []
    with context.pool.aside(THREADS) as worker:
        for number, facts in enumerate(networks):
            label = facts.candidate.label
            context.callbacks.on_progress("plan", number, len(networks), f"exporting and timing {label}")
            try:
                found.append(_network(context.checkpoint, worker, facts, len(data.index.classes)))
            except (TrialError, PluginError, WeightsError, WorkerDiedError) as error:
                context.callbacks.on_warning(
                    f"what {label} costs at use cannot be measured, so it stays in the choice: {error}"
                )
    return found


def _network(checkpoint: Checkpoint, worker: Worker, facts: MeasuredCandidate, classes: int) -> NetworkAtUse:
    request = MeasureNetworkUse(candidate=facts.candidate, cuts=facts.cuts, classes=classes)
    cost: UseCost = checkpoint.get_or_compute(
        ("network at use", facts.candidate, classes), UseCost, lambda: worker.send(request)
    )
    return NetworkAtUse(candidate=facts.candidate, cuts=facts.cuts, classes=classes, cost=cost)
