"""A confirmation whose scores are made up, and the clock by which it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from tests.helpers.pipeline.contexts import make_context, make_data, make_plan
from tests.helpers.pipeline.made_up import LITE, VGG, make_costs, make_space
from tlsearch.data.split import Fold, folds_of
from tlsearch.listeners.running_trial import CompletedTrial, RunningTrial
from tlsearch.pipeline import trials as module
from tlsearch.pipeline.baseline import BaselineResult
from tlsearch.pipeline.confirm import Confirmation, confirm
from tlsearch.pipeline.context import RunContext
from tlsearch.runs.budget import TimeBudget
from tlsearch.search.trial_record import TrialRecord
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, State, TrialResult, TrialSpec

SPACE = make_space()
TRAIN, VAL = 80, 20
LABELS = tuple(n % 2 for n in range(TRAIN + VAL))


def contender(candidate: Candidate, value: float, **chosen: object) -> TrialRecord:
    spec = SPACE.spec(SPACE.params(candidate, **chosen))
    return TrialRecord(number=1, spec=spec, state="complete", value=value, val_loss=0.5, seconds=1.0)


LIGHT = contender(LITE, 0.90)
JOINED = contender(LITE, 0.91, pooling="avgmax")
TUNED = contender(LITE, 0.93, train_suffix=True, freeze_depth=6, policy="standard")
HEAVY = contender(VGG, 0.92)
PROBE = contender(VGG, 0.60, pooling="avgmax")


SCRATCH = replace(LIGHT.spec, backbone="small_cnn", weights=None, image_size=64, depth=5, freeze_depth=0, steps=10)


def scratch(seconds: float = 12.0) -> BaselineResult:
    candidate = Candidate(backbone="small_cnn", weights=None, weights_file=None, weights_id="", image_size=64, depth=5)
    result = TrialResult(spec=SCRATCH, state="complete", value=0.5, seconds=seconds, metrics={})
    return BaselineResult(
        candidate=candidate,
        result=result,
        rows=(),
        seconds=seconds,
        stopped_by="schedule",
        still_improving=False,
        not_affordable=(),
        epochs=5,
    )


def answers(fold: Fold, value: float) -> np.ndarray[Any, Any]:
    """Probabilities (n, 2) by which about ``value`` of a fold's images are right, always the same ones first."""
    right = np.arange(len(fold.val)) < round(value * len(fold.val))
    label = np.where(right, 0, 1) ^ np.asarray([LABELS[row] for row in fold.val])
    return np.asarray(np.eye(2)[label])


class Confirming:
    """Confirms with made-up scores by spec and fold; keeps what was run: (spec of the search, fold, repeat)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, limit: float | None = None) -> None:
        self.runs: list[tuple[TrialSpec, Fold, int]] = []
        self.views: dict[TrialSpec, int] = {}
        self.seconds: list[float | None] = []
        self.without_value = "failed"
        self.scores: Mapping[TrialSpec, Sequence[float | None]] = {}
        self.budget = TimeBudget(limit=limit)
        self.costs = make_costs(SPACE)
        monkeypatch.setattr(module, "run_trial", self._run_trial)

    def _run_trial(self, context: RunContext, trial: RunningTrial, *_: object) -> CompletedTrial:
        spec, candidate, folds = trial.spec, trial.candidate, trial.folds
        assert trial.role == "confirmation"
        assert (candidate.backbone, candidate.weights) == (spec.backbone, spec.weights)
        (searched,) = [s for s in self.scores if replace(s, views=spec.views, repeat=spec.repeat) == spec]
        self.views[searched] = spec.views
        self.seconds.append(trial.seconds)
        value = self.scores[searched][sum(s == searched for s, _, _ in self.runs)]
        self.runs.append((searched, folds[0], spec.repeat))
        state = "complete" if value is not None else self.without_value
        result = TrialResult(spec=spec, state=cast("State", state), value=value, seconds=1.0, metrics={})
        outcome = None if value is None else Outcome(result, np.asarray(folds[0].val), answers(folds[0], value))
        return CompletedTrial(result=result, outcome=outcome, run_id=f"run{len(self.runs)}", epochs=())

    def folds(self, spec: TrialSpec) -> list[Fold]:
        return [fold for s, fold, repeat in self.runs if s == spec and not repeat]

    def __call__(
        self,
        *scores: tuple[TrialRecord, Sequence[float | None]],
        probe: tuple[TrialRecord, Sequence[float | None]] = (PROBE, [0.5] * 5),
        baseline: Sequence[float] = (),
        seconds: float = 12.0,
        validated: bool = True,
        own_folds: int = 0,
    ) -> Confirmation:
        self.scores = {probe[0].spec: probe[1], **{c.spec: s for c, s in scores}}
        if baseline:
            self.scores = {**self.scores, SCRATCH: baseline}
        data = make_data(LABELS, val=range(TRAIN, TRAIN + VAL), groups=[n // 4 * 4 for n in range(TRAIN + VAL)])
        if not validated:  # the same first fold, but of a pool without a validation part
            split = replace(data.split, train=data.pool, val=())
            data = replace(data, split=split)
        if own_folds:
            images = tuple(
                replace(image, fold=f"fold{row // 2 % own_folds}") for row, image in enumerate(data.index.images)
            )
            data = replace(data, index=replace(data.index, images=images))
            hands = data.own_folds
            assert hands is not None
            data = replace(data, folds=tuple(folds_of(hands, len(data.pool))))
        context = replace(make_context(Path("images")), budget=self.budget)
        plan = make_plan(SPACE, self.costs, data=data)
        from_scratch = [scratch(seconds)] if baseline else []
        return confirm(context, plan, [c for c, _ in scores], probe[0], from_scratch, {})


def seconds_of(confirming: Confirming, *contenders: TrialRecord) -> float:
    return sum(confirming.costs.seconds(c.spec) for c in contenders)


def comparing(confirming: Confirming, *contenders: TrialRecord) -> float:
    """Seconds for three folds."""
    return seconds_of(confirming, *contenders) + 2 * training_of(confirming, *contenders)


def training_of(confirming: Confirming, *contenders: TrialRecord) -> float:
    return sum(confirming.costs.fold_seconds(c.spec) for c in contenders)


def clock_with(monkeypatch: pytest.MonkeyPatch, confirming: Confirming, seconds: float, later: float = 1.0) -> None:
    """A budget with ``seconds`` left, of which every run takes its estimate, ``later`` times as much on every
    fold but the first."""
    spent = 0.0
    run_trial = confirming._run_trial

    def run(context: RunContext, trial: RunningTrial, *_: object) -> CompletedTrial:
        nonlocal spent
        spec = trial.spec
        takes = 12.0 if spec.weights is None else confirming.costs.seconds(spec)
        completed = run_trial(context, trial)
        first = sum(replace(s, views=spec.views) == spec for s, _, _ in confirming.runs) == 1
        takes *= 1.0 if first or spec.repeat else later
        spent += takes
        return replace(completed, result=replace(completed.result, seconds=takes))

    monkeypatch.setattr(module, "run_trial", run)
    monkeypatch.setattr(confirming.budget, "left_before_end", lambda: seconds - spent + 1e-6)
