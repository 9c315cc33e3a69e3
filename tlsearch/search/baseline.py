"""baseline: the same task from random initial values, trained as well as the time allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tlsearch.backbones.small_cnn import SmallCNN
from tlsearch.errors import OutOfMemoryError, PluginFailedError
from tlsearch.records import Candidate, TrialResult, TrialSpec
from tlsearch.results.parts import TrialRow
from tlsearch.search.cost import RENDER_SECONDS
from tlsearch.search.execute import Curves, finish_run, start_run
from tlsearch.search.models import model_folder, save_fitted
from tlsearch.search.plan import Plan, baseline_sizes, measure
from tlsearch.search.session import Session
from tlsearch.shield import shielded
from tlsearch.training.batches import steps_per_epoch
from tlsearch.training.jobs import CandidateFacts
from tlsearch.training.trial import Outcome
from tlsearch.worker_client import WorkerDiedError

RATES = (1e-3, 3e-3, 3e-4)
"""Learning rates that race; AdamW's usual one first."""

RACE_WORK = 1 + 2 / 3
"""The whole schedule once and a third of it for each of the two that drop out."""

ENOUGH_EPOCHS = 30
"""Epochs below which a large network from scratch would be a strawman."""

UNLIMITED_EPOCHS = 60
WHOLE_COMPILE_SECONDS = 8.0
"""Building and compiling a whole network with BatchNorm, about: the small one 4, EfficientNet-Lite0 16."""


LOCAL = (PluginFailedError, OutOfMemoryError, WorkerDiedError)
"""Failures that need not come again with another network, or without augmentation."""


@dataclass(frozen=True)
class BaselineResult:
    """A network from scratch: the best one, with the ``others`` that were trained beside it. ``not_affordable`` says
    which architectures would have taken too long. ``epochs`` is how often each training image was seen."""

    candidate: Candidate
    result: TrialResult
    rows: tuple[TrialRow, ...]
    seconds: float
    stopped_by: str
    still_improving: bool
    not_affordable: tuple[str, ...]
    epochs: int
    others: tuple[BaselineResult, ...] = ()

    @property
    def architecture(self) -> str:
        """The name of the network."""
        return self.candidate.backbone


@dataclass(frozen=True)
class Raced:
    """What came of one network's learning rates, as it is kept, and their MLflow runs."""

    outcomes: tuple[Outcome, ...]
    run_ids: tuple[str, ...]

    @property
    def best(self) -> TrialResult:
        """The one that was trained to the end."""
        return next(o.result for o in self.outcomes if o.result.state == "complete")


def run_baseline(session: Session, plan: Plan, best: Candidate) -> BaselineResult:
    """Train from scratch: a small residual network, and the architecture of ``best`` where that is affordable.

    The better of the two on validation is the baseline. Learning rates race on the first fold. Where there is a
    validation part, the models are kept.
    """
    share = session.clock.share("baseline")
    small = _small_network(session, share)
    large = _same_architecture(session, best)
    needed = _race_seconds(session, large, ENOUGH_EPOCHS)
    affordable = share is None or needed <= share / 2
    budget = share / 2 if share is not None and affordable else share
    runs = [_race(session, plan, small, _steps(session, plan, small, budget))]
    reasons: tuple[str, ...] = ()
    if affordable:
        try:
            runs.append(_race(session, plan, large, _steps(session, plan, large, budget)))
        except LOCAL as error:
            session.reporter.warn(f"{large.candidate.backbone} is not trained from scratch: {error}")
    else:
        reasons = (
            f"{large.candidate.backbone} ({ENOUGH_EPOCHS} epochs need {needed:.0f} s, "
            f"the baseline may take {share:.0f} s)",
        )
    chosen = max(runs, key=_rank)
    rows = tuple(row for run in runs for row in run.rows)
    others = tuple(run for run in runs if run is not chosen)
    return replace(chosen, not_affordable=reasons, rows=rows, others=others)


def scratch_of(baseline: BaselineResult | None) -> tuple[BaselineResult, ...]:
    """All networks that were trained from scratch, the baseline first."""
    return () if baseline is None else (baseline, *baseline.others)


def _small_network(session: Session, budget: float | None) -> CandidateFacts:
    """The small network, at the largest size at which it gets 30 epochs, or at the smallest."""
    largest, *smaller = baseline_sizes(session.data.base_size)
    candidate = Candidate(SmallCNN.name, None, None, "", largest, 0)
    facts = measure(session, candidate, 0.0)
    for size in smaller:
        if budget is None or _race_seconds(session, facts, ENOUGH_EPOCHS) <= budget:
            break
        # The work of a convolutional network is proportional to the number of pixels.
        seconds = facts.forward_seconds * (size / facts.candidate.image_size) ** 2
        facts = replace(facts, candidate=replace(facts.candidate, image_size=size), forward_seconds=seconds)
    return facts


def _race_seconds(session: Session, facts: CandidateFacts, epochs: int) -> float:
    """Seconds for the whole race over a schedule of ``epochs``."""
    return RACE_WORK * _epoch_seconds(session, facts) * epochs + WHOLE_COMPILE_SECONDS


def _rank(run: BaselineResult) -> tuple[float, float]:
    return (run.result.value or 0.0, -run.result.metrics["val_loss"])


def _same_architecture(session: Session, best: Candidate) -> CandidateFacts:
    """The winner's kind of network with random values; it takes the time that the pre-trained one was measured at."""
    facts = session.facts[best]
    return replace(facts, candidate=replace(best, weights=None, weights_file=None, weights_id=""))


def _epoch_seconds(session: Session, facts: CandidateFacts) -> float:
    """Seconds to render and train one epoch of the whole network."""
    images = len(session.data.fold.train)
    render = len(session.data.pool) * facts.candidate.image_size**2 * RENDER_SECONDS
    return images * facts.forward_seconds * facts.train_ratio * 1.1 + render


def _steps(session: Session, plan: Plan, facts: CandidateFacts, budget: float | None) -> int:
    """As many steps as fit the budget; 60 epochs, and no fewer steps than a trial has, without one."""
    per_epoch, wanted = _per_epoch(session), _wanted_steps(session, plan)
    if budget is None:
        return wanted
    epoch = _epoch_seconds(session, facts)
    epochs = (budget - WHOLE_COMPILE_SECONDS) / (RACE_WORK * epoch)
    return min(wanted, max(int(epochs * per_epoch), 10))


def _race(session: Session, plan: Plan, facts: CandidateFacts, steps: int) -> BaselineResult:
    """The race with augmentation; where its plugin fails, without."""
    policies = plan.space.policies
    policy = "standard" if "standard" in policies else policies[-1]
    try:
        return _race_with(policy, session, plan, facts, steps)
    except LOCAL as error:
        if policy == "none" or error.plugin not in ("", f"augmentation {policy}"):
            raise
        session.reporter.warn(f"the network from scratch is trained without augmentation: {error}")
        return _race_with("none", session, plan, facts, steps)


def _race_with(policy: str, session: Session, plan: Plan, facts: CandidateFacts, steps: int) -> BaselineResult:
    candidate = facts.candidate
    specs = tuple(_spec(session, policy, facts, steps, rate) for rate in RATES)
    question = ("race", specs, session.data.fold)
    raced: Raced | None = session.journal.recall(question, Raced)
    if raced is None:
        raced = _run_race(session, candidate, specs, question)
    for outcome, run_id in zip(raced.outcomes, raced.run_ids, strict=True):
        if run_id in session.unfinished:
            finish_run(session, run_id, outcome.result)
    best = raced.best
    return BaselineResult(
        candidate,
        best,
        tuple(TrialRow.of(0, "baseline", o.result, run) for o, run in zip(raced.outcomes, raced.run_ids, strict=True)),
        sum(o.result.seconds for o in raced.outcomes),
        "time" if steps < _wanted_steps(session, plan) else "schedule",
        _still_improving(best),
        (),
        round(best.spec.steps / _per_epoch(session)),
    )


def _run_race(session: Session, candidate: Candidate, specs: Sequence[TrialSpec], question: tuple[Any, ...]) -> Raced:
    """Train ``specs``, recorded as they go; what comes of it is kept as the answer to ``question``."""
    open_runs: list[str] = []

    def on_event(event: tuple[str, Any]) -> None:
        if event[0] != "race":
            session.progress("baseline")(event)
            return
        number, numbers = event[1]
        curves[number].add(numbers)
        _show(session, candidate, numbers)

    try:
        with shielded():
            for spec in specs:
                name = f"baseline {spec.label} lr {spec.lr_suffix:g}"
                open_runs.append(start_run(session, spec, candidate, "baseline", name))
        curves = [Curves(session, run_id) for run_id in open_runs]
        outcomes: list[Outcome] = session.worker.trial(
            "race", on_event, candidate=candidate, specs=list(specs), fold=session.data.fold
        )
        raced = Raced(tuple(outcomes), tuple(open_runs))
        if not session.data.uses_folds:
            save_fitted(session, raced.best.spec, candidate, model_folder(session, raced.best.spec))
        with shielded():
            session.journal.keep(question, raced)
            for outcome, run_id in zip(outcomes, raced.run_ids, strict=True):
                finish_run(session, run_id, outcome.result)
            open_runs.clear()
    except KeyboardInterrupt:
        session.unfinished.update(open_runs)
        session.close_unfinished()
        raise
    except BaseException as error:
        for run_id in open_runs:
            session.tracker.finish(run_id, "FAILED", reason=str(error))
        raise
    return raced


def _spec(session: Session, policy: str, facts: CandidateFacts, steps: int, rate: float) -> TrialSpec:
    return TrialSpec(
        facts.candidate.backbone,
        None,
        facts.candidate.image_size,
        len(facts.cuts),
        0,
        dropout=0.2,
        policy=policy,
        strength=0.5 if policy != "none" else 0.0,
        views=0,
        steps=steps,
        batch_size=session.config.batch_size,
        lr_suffix=rate,
        lr_head=rate,
        weight_decay=1e-3,
        seed=session.config.seed,
    )


def _wanted_steps(session: Session, plan: Plan) -> int:
    """The schedule without a limit of time: 60 epochs, and no fewer steps than a trial has; or what was asked for."""
    if session.config.epochs is not None:
        return plan.space.steps
    return max(UNLIMITED_EPOCHS * _per_epoch(session), plan.space.steps)


def _per_epoch(session: Session) -> int:
    return steps_per_epoch(len(session.data.fold.train), session.config.batch_size)


def _show(session: Session, candidate: Candidate, numbers: Mapping[str, float]) -> None:
    text = f"{candidate.label}, validation {numbers['objective']:.3f}"
    session.reporter.progress("baseline", numbers["fraction"], 1.0, text)


def _still_improving(result: TrialResult) -> bool:
    """Whether the last three epochs are better than the three before by more than their noise."""
    curve = [h["objective"] for h in result.history]
    if len(curve) < 6:
        return True
    before, last = np.asarray(curve[-6:-3]), np.asarray(curve[-3:])
    noise = float(np.hypot(before.std(ddof=1), last.std(ddof=1)) / np.sqrt(3))
    return bool(last.mean() - before.mean() > noise)
