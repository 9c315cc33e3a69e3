"""One trial from the parent's side: its MLflow run from start to end, its events, its failure if it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tlsearch.data.split import Fold
from tlsearch.errors import PluginError, RunError, TrialError, WeightsError
from tlsearch.records import Candidate, Role, TrialResult, TrialSpec
from tlsearch.search.session import Session
from tlsearch.tracking.describe import STATUS_OF, params_of, tags_of
from tlsearch.training.trial import Outcome

OnRound = Callable[[int, Mapping[str, float]], str]
"""Gets the number of the round (from 1) and its numbers; answers "continue" or "prune"."""


def execute(
    session: Session,
    spec: TrialSpec,
    candidate: Candidate,
    folds: Sequence[Fold],
    role: Role,
    name: str,
    on_round: OnRound,
    seconds: float | None,
    step: str,
    extra: Callable[[TrialResult], Mapping[str, float]] | None = None,
) -> tuple[TrialResult, Outcome | None, str]:
    """Run a trial in the worker and record it; gives its result, its outcome and its MLflow run.

    Whatever goes wrong in the trial ends this trial only: the result then says "failed", with the reason. ``extra``
    gives metrics to be recorded beside those of the result.
    """
    run_id = start_run(session, spec, candidate, role, name)
    rounds = 0
    show = session.progress(step)

    def on_event(event: tuple[str, Any]) -> str:
        nonlocal rounds
        if event[0] != "epoch":
            show(event)
            return "continue"
        rounds += 1
        session.tracker.log_epoch(run_id, rounds, shown_metrics(event[1]))
        return on_round(rounds, event[1])

    outcome: Outcome | None = None
    try:
        outcome = session.worker.trial("trial", on_event, candidate=candidate, spec=spec, folds=folds, seconds=seconds)
        result = outcome.result
    except (TrialError, RunError, PluginError, WeightsError) as error:
        result = TrialResult(
            spec, "failed", None, 0.0, reason=str(error), traceback=error.traceback, plugin=error.plugin
        )
    except KeyboardInterrupt:
        session.tracker.finish(run_id, "KILLED", reason="interrupted")
        raise
    finish_run(session, run_id, result, rounds, extra(result) if extra else None)
    return result, outcome, run_id


def start_run(session: Session, spec: TrialSpec, candidate: Candidate, role: Role, name: str) -> str:
    """Open the MLflow run of a trial with its params, tags and the names of its frozen layers."""
    facts = session.facts.get(candidate)
    depth = spec.freeze_depth
    cut = facts.cuts[depth - 1] if facts and depth else None
    layers = cut.frozen_layers if cut else ()
    plugins = session.plugin_versions((spec.backbone, spec.policy, f"{spec.backbone}@{spec.weights}"))
    tags = tags_of(role, spec, plugins=plugins, fingerprint=session.data.index.fingerprint, seed=session.config.seed)
    params = params_of(spec, cut.name if cut else "", len(layers))
    run_id = session.tracker.start_child(session.parent_run, name, params, tags)
    if layers:
        session.tracker.log_dict(run_id, {"frozen_layers": list(layers)}, "frozen_layers.json")
    return run_id


def finish_run(
    session: Session, run_id: str, result: TrialResult, rounds: int, extra: Mapping[str, float] | None = None
) -> None:
    """Close the MLflow run of a trial with its final metrics and the status that its state means."""
    final = {**shown_metrics(result.metrics), "seconds": result.seconds, **(extra or {})}
    if result.value is not None:
        final["objective"] = result.value
    # One step beyond the last epoch, so that MLflow takes these, not the last epoch's, for the latest values.
    session.tracker.log_epoch(run_id, rounds + 1, final)
    status = STATUS_OF[result.state]
    session.tracker.finish(
        run_id,
        status,
        tags={"state": result.state},
        reason=result.reason,
        traceback=result.traceback,
    )


def shown_metrics(numbers: Mapping[str, float]) -> dict[str, float]:
    """The metrics of a round or a result without what only counts rounds."""
    return {name: value for name, value in numbers.items() if name not in ("epoch", "fraction")}
