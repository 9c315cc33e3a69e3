"""The baseline's own training: several learning rates start, after a third of the steps the best goes on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tlsearch.data.split import Fold
from tlsearch.errors import TrialError
from tlsearch.features.prefix import Network
from tlsearch.training.compiled import State
from tlsearch.training.trainer import COUNTING_ROUNDS, Trainer
from tlsearch.training.trial import Fitted, Outcome, TrialRunner
from tlsearch.types import RateListener, TrialResult, TrialSpec

RUNG = 1 / 3
"""Share of the steps after which only the best learning rate goes on."""


@dataclass
class _Runner:
    """A learning rate in the race. ``state`` is where the model was when it last stopped: all share one model.
    ``prepared`` is the seconds in which it was made ready, ``rounds`` those of each round."""

    spec: TrialSpec
    trainer: Trainer
    prepared: float
    state: State = field(default_factory=list)
    rounds: list[float] = field(default_factory=list)
    failure: TrialError | None = None

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self.prepared + sum(self.rounds)

    def score(self) -> tuple[float, float]:
        """Higher is better: the metric with its sign, then the log loss, over the last three rounds."""
        if self.failure is not None:
            return (-np.inf, -np.inf)
        final = self.trainer.final()
        return self.trainer.task.metric.sign * final["objective"], -final["val_loss"]


def race(
    runner: TrialRunner, network: Network, specs: Sequence[TrialSpec], fold: Fold, on_round: RateListener
) -> list[Outcome]:
    """Train ``specs``, which differ in their learning rates, from scratch on one fold.

    Gives an outcome for each, in order: complete for the best, pruned for the others. ``on_round`` gets the
    number of the spec and the round's numbers. ``runner.fitted`` is the best one's model. A learning rate at which
    training diverges is out, with the state failed; raises ``TrialError`` when that happens to all of them. They share
    one model. The seconds in which it is compiled count for the best one, because alone it would take as long.
    """
    runners: list[_Runner] = []
    with runner.models.during(reuse=len(specs) > 1, keep=False):
        for number, spec in enumerate(specs):
            started = time.monotonic()
            trainer = runner.prepare(network, spec, fold)
            one = _Runner(spec, trainer, time.monotonic() - started)
            heat = trainer.rounds if len(specs) == 1 else max(1, round(RUNG * trainer.rounds))
            _run(one, heat, number, on_round)
            one.state = trainer.compiled.state()
            runners.append(one)
        best = _finish(runners, on_round)
    runner.fitted = Fitted.of(best.spec, best.trainer.compiled)
    compiling = _compiling(runners)
    moved = {id(runners[0]): -compiling, id(best): compiling} if best is not runners[0] else {}
    return [_outcome(one, one is best, one.seconds + moved.get(id(one), 0.0)) for one in runners]


def _compiling(runners: Sequence[_Runner]) -> float:
    """Seconds in which the first one's model was built and compiled: its start, and what its rounds took longer than
    the same rounds of the others, which found it compiled."""
    first, *others = runners
    longer = 0.0
    for number, seconds in enumerate(first.rounds):
        same = [one.rounds[number] for one in others if number < len(one.rounds)]
        longer += seconds - float(np.mean(same)) if same else 0.0
    return first.prepared + max(0.0, longer)


def _finish(runners: Sequence[_Runner], on_round: RateListener) -> _Runner:
    """Train the best one to the end; where it diverges after all, the next best."""
    while True:
        best = max(runners, key=_Runner.score)
        if best.failure is not None:
            raise best.failure
        best.trainer.compiled.restore(best.state)
        _run(best, best.trainer.rounds, runners.index(best), on_round)
        if best.failure is None:
            return best


def _run(one: _Runner, until: int, number: int, on_round: RateListener) -> None:
    rounds = one.trainer.rounds
    while len(one.trainer.history) < until:
        done = len(one.trainer.history) + 1
        started = time.monotonic()
        try:
            # BatchNorm's statistics matter where the numbers are compared: at the end of the heat and of the race.
            numbers = one.trainer.run_round(renew_norm=done > until - COUNTING_ROUNDS)
        except TrialError as error:
            one.failure = error
            return
        finally:
            one.rounds.append(time.monotonic() - started)
        on_round(number, {**numbers, "fraction": done / rounds})


def _outcome(one: _Runner, best: bool, seconds: float) -> Outcome:
    trainer = one.trainer
    metrics = trainer.final() if trainer.history else {}
    metrics["trainable_params"] = float(sum(np.prod(v.shape) for v in trainer.model.trainable_variables))
    passed = f"{trainer.epochs(len(trainer.history)):.3g} of {trainer.epochs(trainer.rounds):.3g}"
    result = TrialResult(
        one.spec,
        "complete" if best else "failed" if one.failure else "pruned",
        metrics["objective"] if best else None,
        seconds,
        metrics,
        tuple(trainer.history),
        "" if best else str(one.failure or f"another learning rate was better after {passed} epochs"),
    )
    said = trainer.probabilities(trainer.task.plain(), trainer.task.val) if best else np.zeros((0, 0), np.float32)
    return Outcome(result, trainer.task.val, said)
