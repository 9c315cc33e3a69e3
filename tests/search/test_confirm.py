"""Who wins when the best few are trained anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from made_up import LITE, VGG, make_costs, make_space

from tlsearch.data.split import Fold
from tlsearch.progress import SilentReporter
from tlsearch.records import Candidate, TrialResult, TrialSpec
from tlsearch.search import confirm as module
from tlsearch.search.baseline import BaselineResult
from tlsearch.search.clock import Clock
from tlsearch.search.confirm import Confirmation, confirm
from tlsearch.search.plan import Plan
from tlsearch.search.session import Session
from tlsearch.search.study import Finished

SPACE = make_space()
TRAIN, VAL = 80, 20


def contender(candidate: Candidate, value: float, **chosen: object) -> Finished:
    return Finished(1, SPACE.spec(SPACE.params(candidate, **chosen)), "complete", value, 0.5, 1.0, ())


LIGHT = contender(LITE, 0.90)
JOINED = contender(LITE, 0.91, pooling="avgmax")
HEAVY = contender(VGG, 0.92)


class Confirming:
    """Confirms with made-up scores by spec and fold; keeps the folds that it was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, limit: float | None = None) -> None:
        self.folds: dict[TrialSpec, list[Fold]] = {}
        self.scores: Mapping[TrialSpec, Sequence[float | None]] = {}
        self.clock = Clock(limit)
        monkeypatch.setattr(module, "execute", self._execute)

    def _execute(
        self, session: Any, spec: TrialSpec, candidate: Candidate, folds: Sequence[Fold], role: str, *_: Any
    ) -> tuple[TrialResult, None, str]:
        assert role == "confirmation"
        assert (candidate.backbone, candidate.weights) == (spec.backbone, spec.weights)
        seen = self.folds.setdefault(spec, [])
        value = self.scores[spec][len(seen)]
        seen.extend(folds)
        state = "complete" if value is not None else "failed"
        return TrialResult(spec, cast("Any", state), value, 1.0, {}), None, f"run{len(seen)}"

    def __call__(
        self,
        *scores: tuple[Finished, Sequence[float | None]],
        baseline: BaselineResult | None = None,
        baseline_scores: Sequence[float] = (),
    ) -> Confirmation:
        self.scores = {c.spec: s for c, s in scores}
        if baseline is not None:
            self.scores = {**self.scores, baseline.result.spec: baseline_scores}
        labels = tuple(n % 2 for n in range(TRAIN + VAL))
        data = SimpleNamespace(
            fold=Fold(tuple(range(TRAIN)), tuple(range(TRAIN, TRAIN + VAL))),
            pool=tuple(range(TRAIN + VAL)),
            labels=labels,
            groups=tuple(range(TRAIN + VAL)),
        )
        session = SimpleNamespace(
            data=data, config=SimpleNamespace(seed=0), clock=self.clock, reporter=SilentReporter()
        )
        plan = Plan(SPACE, make_costs(SPACE), (), None)
        return confirm(cast("Session", session), plan, [c for c, _ in scores], baseline)


@pytest.fixture
def confirming(monkeypatch: pytest.MonkeyPatch) -> Confirming:
    return Confirming(monkeypatch)


def test_the_best_mean_wins_where_it_is_clearly_ahead(confirming: Confirming) -> None:
    found = confirming((LIGHT, [0.70, 0.71, 0.70]), (HEAVY, [0.90, 0.92, 0.91]))
    assert found.winner is HEAVY
    assert found.confirmed is not None
    assert found.confirmed.mean == pytest.approx(0.91)
    assert found.confirmed.folds == 3
    assert found.confirmed.sampling_error == pytest.approx(0.01 / np.sqrt(3))


def test_within_one_standard_error_the_cheapest_at_inference_wins(confirming: Confirming) -> None:
    # Differences .02, -.01, .02: their mean .01 lies within their standard error .01.
    found = confirming((HEAVY, [0.90, 0.90, 0.90]), (LIGHT, [0.88, 0.91, 0.88]))
    assert found.winner is LIGHT


def test_the_error_is_that_of_the_paired_differences(confirming: Confirming) -> None:
    # The folds differ by .1, but HEAVY is .02 ahead on each: that is no accident.
    found = confirming((HEAVY, [0.80, 0.90, 0.85]), (LIGHT, [0.78, 0.88, 0.83]))
    assert found.winner is HEAVY


def test_of_equally_cheap_ones_the_better_mean_wins(confirming: Confirming) -> None:
    assert confirming((LIGHT, [0.90, 0.90, 0.90]), (JOINED, [0.93, 0.88, 0.92])).winner is JOINED


def test_of_equals_the_better_on_validation_wins(confirming: Confirming) -> None:
    assert confirming((LIGHT, [0.9, 0.9, 0.9]), (JOINED, [0.9, 0.9, 0.9])).winner is JOINED


def test_a_failed_fold_counts_as_nothing_right(confirming: Confirming) -> None:
    found = confirming((LIGHT, [0.9, None, 0.9]), (JOINED, [0.8, 0.8, 0.8]))
    assert found.winner in (LIGHT, JOINED)
    assert [row.state for row in found.rows].count("failed") == 1
    assert len(found.rows) == 6


def test_everyone_meets_the_same_folds(confirming: Confirming) -> None:
    confirming((LIGHT, [0.9] * 3), (JOINED, [0.9] * 3), (HEAVY, [0.9] * 3))
    met = list(confirming.folds.values())
    assert len(met) == 3
    assert met[0] == met[1] == met[2]
    assert len({fold.val for fold in met[0]}) == 3
    for fold in met[0]:
        assert len(fold.val) == VAL
        assert sorted((*fold.train, *fold.val)) == list(range(TRAIN + VAL))


def test_without_time_for_one_fold_the_first_wins_and_nothing_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    confirming = Confirming(monkeypatch, limit=1e-6)
    found = confirming((JOINED, [0.1] * 3), (LIGHT, [0.9] * 3))
    assert found.winner is JOINED
    assert found.confirmed is None
    assert found.rows == ()
    assert found.needed > 0
    assert confirming.folds == {}


def test_as_many_folds_as_there_is_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    confirming = Confirming(monkeypatch)
    left = iter([True, True, False])
    monkeypatch.setattr(confirming.clock, "fits", lambda seconds, *later: next(left))
    found = confirming((LIGHT, [0.9, 0.8]), (HEAVY, [0.7, 0.7]))
    assert found.confirmed is not None
    assert found.confirmed.folds == 2
    assert len(found.rows) == 4


def test_one_fold_has_a_binomial_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_one() -> Callable[..., bool]:
        left = iter([True, False])
        return lambda seconds, *later: next(left)

    confirming = Confirming(monkeypatch)
    monkeypatch.setattr(confirming.clock, "fits", only_one())
    found = confirming((HEAVY, [0.90]), (LIGHT, [0.84]))  # the standard error at .9 on 20 images is .067
    assert found.winner is LIGHT
    assert found.confirmed is not None
    assert found.confirmed.sampling_error is None
    monkeypatch.setattr(confirming.clock, "fits", only_one())
    confirming.folds.clear()
    assert confirming((HEAVY, [0.90]), (LIGHT, [0.83])).winner is HEAVY


def test_the_baseline_is_confirmed_beside_but_never_wins(confirming: Confirming) -> None:
    scratch = Candidate("small_cnn", None, None, "", 64, 5)
    spec = replace(LIGHT.spec, backbone="small_cnn", weights=None, image_size=64, depth=5, freeze_depth=0, steps=10)
    result = TrialResult(spec, "complete", 0.5, 12.0, {})
    baseline = BaselineResult(scratch, result, (), Path(), 12.0, "schedule", False, ())
    found = confirming((LIGHT, [0.6, 0.7, 0.8]), baseline=baseline, baseline_scores=[0.9, 0.9, 0.99])
    assert found.winner is LIGHT
    assert found.baseline is not None
    assert found.baseline.mean == pytest.approx(0.93)
    assert confirming.folds[spec] == confirming.folds[LIGHT.spec]
    assert found.needed == pytest.approx(12.0 + make_costs(SPACE).seconds(LIGHT.spec))
