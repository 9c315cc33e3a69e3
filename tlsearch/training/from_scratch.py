"""Training a whole network: several learning rates start, and after a third of the steps the best goes on to the end.

That is successive halving (Jamieson & Talwalkar 2016) with one rung. Where the time that there is turns out to be too
short for the schedule, what follows the rung is shortened, so that the learning rate still falls to zero; no epoch is
begun that is not expected to end in time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tlsearch.data.split import Fold
from tlsearch.errors import OutOfTimeError, TrialError
from tlsearch.features.prefix import Network
from tlsearch.training.compiled import State
from tlsearch.training.kept_states import KeptState, KeptStates
from tlsearch.training.trainer import COUNTED_EPOCHS, Trainer
from tlsearch.training.trial import Fitted, Outcome, TrialRunner
from tlsearch.types import RateListener, TrialResult, TrialSpec
from tlsearch.utils.deadline import no_time_limit, seconds_left

RUNG = 1 / 3
"""Share of the steps after which only the best learning rate is trained on."""

AVERAGES = 16
"""How often in a whole schedule the average of the weights would be validated, if that began at once."""


@dataclass(kw_only=True)
class _Rate:
    """A learning rate in training.

    ``state`` is where the model was when it last stopped: all share one model. ``prepared`` is the seconds in which it
    was made ready, ``epoch_seconds`` those of each epoch. ``planned`` is the epochs of its schedule, and ``guessed``
    the seconds of an epoch before any was trained.
    """

    spec: TrialSpec
    trainer: Trainer
    prepared: float
    state: State = field(default_factory=list)
    epoch_seconds: list[float] = field(default_factory=list)
    failure: TrialError | None = None
    planned: int = 0
    guessed: float = 0.0

    @property
    def lasts(self) -> float:
        """Seconds of an epoch, by the later half of those that were trained: the first one compiles."""
        known = self.epoch_seconds[len(self.epoch_seconds) // 2 :]
        return float(np.median(known)) if known else self.guessed

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self.prepared + sum(self.epoch_seconds)

    def score(self, rung: int) -> tuple[float, float]:
        """Higher is better: the metric with its sign, then the log loss, over the last three epochs before the rung."""
        if self.failure is not None or not self.trainer.history:
            return (-np.inf, -np.inf)
        final = self.trainer.final(rung)
        return self.trainer.task.metric.sign * final["objective"], -final["val_loss"]


def successive_halving(
    runner: TrialRunner,
    network: Network,
    specs: Sequence[TrialSpec],
    fold: Fold,
    on_epoch_end: RateListener,
    kept: KeptStates | None = None,
) -> list[Outcome]:
    """Train ``specs``, which differ in their learning rates, as a whole on one fold.

    Within a ``time_limit`` it ends in time, with fewer epochs where it must. A learning rate at which training diverges
    is out, with the state failed. All share one model. The seconds in which it is compiled count for the best one,
    because alone it would take as long.

    Args:
        runner: Prepares the trainers; its ``fitted`` is the best one's model afterwards.
        network: The network, without pre-trained weights or with those of the specs.
        specs: The trials.
        fold: Where they train and validate.
        on_epoch_end: Gets the number of the spec and the numbers of its epoch.
        kept: Where each of them is kept now and then, and from where it goes on. None keeps nothing, but validates the
            average of the weights after the rung, by which ``pipeline.baseline`` foresees what more training brings.

    Returns:
        An outcome for each spec, in order: complete for the best, pruned for the others. The reason of the best says so
        where its schedule was shortened.

    Raises:
        TrialError: Training diverges at all learning rates.
        OutOfTimeError: The time was over before an epoch.
    """
    rates: list[_Rate] = []
    with runner.models.during(reuse=len(specs) > 1, keep=False):
        for number, spec in enumerate(specs):
            started = time.monotonic()
            trainer = runner.prepare(network, spec, fold)
            rate = _Rate(spec=spec, trainer=trainer, prepared=time.monotonic() - started, planned=trainer.epochs)
            rate.guessed = rates[-1].lasts if rates else 0.0
            rung = trainer.epochs if len(specs) == 1 else max(1, round(RUNG * trainer.epochs))
            if kept is not None:
                _go_on(rate, number, on_epoch_end, kept)
            _train(rate, rung, number, on_epoch_end, kept)
            rate.state = trainer.compiled.state()
            rates.append(rate)
        best = _finish(rates, rung, on_epoch_end, kept)
    runner.fitted = Fitted.of(best.spec, best.trainer.compiled)
    compiling = _compiling(rates)
    moved = {id(rates[0]): -compiling, id(best): compiling} if best is not rates[0] else {}
    return [_outcome(rate, rate is best, rate.seconds + moved.get(id(rate), 0.0)) for rate in rates]


def _shorten(rate: _Rate, left: float) -> None:
    """Shorten a schedule to the epochs that fit into what is left, once it is known what an epoch takes."""
    done = len(rate.trainer.history)
    if done > 1 and rate.lasts * (rate.trainer.epochs - done) > left:
        rate.trainer.shorten(done + max(0, math.floor(left / rate.lasts)))


def _compiling(rates: Sequence[_Rate]) -> float:
    """Seconds in which the model was built and compiled, which was for the first one.

    They are its start, and what its epochs took longer than the same epochs of the others, which found it compiled.
    """
    first, *others = rates
    longer = 0.0
    for number, seconds in enumerate(first.epoch_seconds):
        same = [rate.epoch_seconds[number] for rate in others if number < len(rate.epoch_seconds)]
        longer += seconds - float(np.mean(same)) if same else 0.0
    return first.prepared + max(0.0, longer)


def _go_on(rate: _Rate, number: int, on_epoch_end: RateListener, kept: KeptStates) -> None:
    """Put a rate to where an earlier attempt has kept it, and tell of its epochs once more."""
    found = kept.get(rate.spec, rate.trainer.compiled.state())
    if found is None:
        return
    rate.trainer.compiled.restore(found.state)
    rate.trainer.go_on(found.history)
    rate.epoch_seconds = list(found.epoch_seconds)
    for done, numbers in enumerate(found.history, 1):
        on_epoch_end(number, {**numbers, "fraction": done / rate.trainer.epochs})


def _finish(rates: Sequence[_Rate], rung: int, on_epoch_end: RateListener, kept: KeptStates | None) -> _Rate:
    """Train the best one at the rung to the end; where it diverges after all, the next best."""
    while True:
        best = max(rates, key=lambda rate: rate.score(rung))
        if best.failure is not None:
            raise best.failure
        if not best.trainer.history:
            raise OutOfTimeError("its time was over before an epoch was trained")
        best.trainer.compiled.restore(best.state)
        _train(best, best.trainer.epochs, rates.index(best), on_epoch_end, kept)
        if best.failure is None:
            return best


def _train(rate: _Rate, until: int, number: int, on_epoch_end: RateListener, kept: KeptStates | None) -> None:
    """Train up to an epoch, from where the trainer is; that epoch is always kept, others now and then.

    It ends earlier where the next epoch is not expected to end in time. Where that epoch is the last one, the schedule
    is shortened as soon as it is seen not to fit.
    """
    scratch = rate.spec.kind == "from_scratch"  # a pre-trained network keeps its statistics
    is_last = until == rate.trainer.epochs
    average_from = max(1, round(RUNG * rate.planned)) if scratch and kept is None else math.inf
    while len(rate.trainer.history) < until and rate.lasts <= seconds_left():
        if is_last:
            _shorten(rate, seconds_left())
            until = rate.trainer.epochs
        done = len(rate.trainer.history) + 1
        started = time.monotonic()
        if done > average_from:
            rate.trainer.begin_average()
        try:
            # BatchNorm's statistics matter where the numbers are compared: at the rung and at the end.
            with no_time_limit():  # what an epoch has trained is worth nothing before its end
                numbers = rate.trainer.run_epoch(renew_norm=scratch and done > until - COUNTED_EPOCHS)
                if (rate.trainer.epochs - done) % max(1, rate.trainer.epochs // AVERAGES) == 0:
                    rate.trainer.validate_average()
        except TrialError as error:
            rate.failure = error
            return
        finally:
            rate.epoch_seconds.append(time.monotonic() - started)
        if kept is not None and (done == until or kept.is_due()):
            state = rate.trainer.compiled.state()
            kept.put(rate.spec, KeptState(tuple(rate.trainer.history), tuple(rate.epoch_seconds), state))
        on_epoch_end(number, {**numbers, "fraction": done / rate.trainer.epochs})


def _outcome(rate: _Rate, best: bool, seconds: float) -> Outcome:
    trainer = rate.trainer
    metrics = trainer.final() if trainer.history else {}
    metrics["trainable_params"] = float(sum(np.prod(v.shape) for v in trainer.model.trainable_variables))
    passed = _passed(rate)
    result = TrialResult(
        spec=rate.spec,
        state="complete" if best else "failed" if rate.failure else "pruned",
        value=metrics["objective"] if best else None,
        seconds=seconds,
        metrics=metrics,
        history=tuple(trainer.history),
        reason=_ended_early(rate) if best else str(rate.failure or f"another learning rate was better after {passed}"),
    )
    probabilities = np.zeros((0, 0), np.float32)
    if best:
        with no_time_limit():
            probabilities = trainer.probabilities(trainer.task.plain(), trainer.task.val)
    return Outcome(result, trainer.task.val, probabilities)


def _passed(rate: _Rate) -> str:
    """``12 of 20 planned epochs``, which may be fewer than those of the whole schedule, by the time that there is."""
    done, whole = (rate.trainer.times_seen(epochs) for epochs in (len(rate.trainer.history), rate.planned))
    return f"{done:.3g} of {whole:.3g} planned epochs"


def _ended_early(rate: _Rate) -> str:
    """Why the schedule was shortened; empty where it was not."""
    return f"its time was over after {_passed(rate)}" if len(rate.trainer.history) < rate.planned else ""
