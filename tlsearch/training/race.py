"""The baseline's own training: several learning rates start, after a third of the steps the best goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tlsearch.data.split import Fold
from tlsearch.errors import TrialError
from tlsearch.features.network import Network
from tlsearch.records import TrialResult, TrialSpec
from tlsearch.training.compiled import CompiledModel, State
from tlsearch.training.fit import COUNTING_ROUNDS, Trainer
from tlsearch.training.trial import Fitted, Outcome, TrialRunner

HEAT = 1 / 3
"""Share of the steps after which only the best learning rate goes on."""

OnRound = Callable[[int, dict[str, float]], None]


@dataclass
class _Runner:
    """A learning rate in the race. ``state`` is where the model was when it last stopped: all share one model."""

    spec: TrialSpec
    trainer: Trainer
    compiled: CompiledModel
    state: State = field(default_factory=list)
    seconds: float = 0.0
    failure: TrialError | None = None

    def score(self) -> tuple[float, float]:
        """Higher is better: the metric, then the log loss, over the last three rounds."""
        if self.failure is not None:
            return (-np.inf, -np.inf)
        final = self.trainer.final()
        return final["objective"], -final["val_loss"]


def race(
    runner: TrialRunner, network: Network, specs: Sequence[TrialSpec], fold: Fold, on_round: OnRound
) -> list[Outcome]:
    """Train ``specs``, which differ in their learning rates, from scratch on one fold.

    Gives an outcome for each, in order: complete for the best, pruned for the others. ``on_round`` gets the
    number of the spec and the round's numbers. ``runner.fitted`` is the best one's model. A learning rate at which
    training diverges is out, with the state failed; raises ``TrialError`` when that happens to all of them. They share
    one model; the seconds of compiling it are the best one's, which would take them alone.
    """
    runners = []
    with runner.shelf.over(keep=False, several=len(specs) > 1):
        for number, spec in enumerate(specs):
            started = time.monotonic()
            one = _Runner(spec, *runner.prepare(network, spec, fold))
            heat = one.trainer.rounds if len(specs) == 1 else max(1, round(HEAT * one.trainer.rounds))
            _run(one, heat, number, on_round)
            one.seconds = time.monotonic() - started
            one.state = one.compiled.state()
            runners.append(one)
        compiling = max(0.0, runners[0].seconds - min(one.seconds for one in runners))
        best = _finish(runners, on_round)
        runners[0].seconds -= compiling
        best.seconds += compiling
    runner.fitted = Fitted.of(best.spec, best.compiled)
    return [_outcome(one, one is best) for one in runners]


def _finish(runners: Sequence[_Runner], on_round: OnRound) -> _Runner:
    """Train the best one to the end; where it diverges after all, the next best."""
    while True:
        best = max(runners, key=_Runner.score)
        if best.failure is not None:
            raise best.failure
        started = time.monotonic()
        best.compiled.restore(best.state)
        _run(best, best.trainer.rounds, runners.index(best), on_round)
        best.seconds += time.monotonic() - started
        if best.failure is None:
            return best


def _run(one: _Runner, until: int, number: int, on_round: OnRound) -> None:
    rounds = one.trainer.rounds
    while len(one.trainer.history) < until:
        done = len(one.trainer.history) + 1
        try:
            # BatchNorm's statistics matter where the numbers are compared: at the end of the heat and of the race.
            numbers = one.trainer.run_round(renew_norm=done > until - COUNTING_ROUNDS)
        except TrialError as error:
            one.failure = error
            return
        on_round(number, {**numbers, "fraction": done / rounds})


def _outcome(one: _Runner, best: bool) -> Outcome:
    trainer = one.trainer
    metrics = trainer.final() if trainer.history else {}
    metrics["trainable_params"] = float(sum(np.prod(v.shape) for v in trainer.model.trainable_variables))
    passed = f"{trainer.epochs(len(trainer.history)):.3g} of {trainer.epochs(trainer.rounds):.3g}"
    result = TrialResult(
        one.spec,
        "complete" if best else "failed" if one.failure else "pruned",
        metrics["objective"] if best else None,
        one.seconds,
        metrics,
        tuple(trainer.history),
        "" if best else str(one.failure or f"another learning rate was better after {passed} epochs"),
    )
    said = trainer.probabilities(trainer.task.plain(), trainer.task.val) if best else np.zeros((0, 0), np.float32)
    return Outcome(result, trainer.task.val, said)
