"""Trials in the worker: what they tell, what they leave behind, and training from scratch."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.workers.handling import FOLD, SIZE, opened, solved
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.training import trial as trial_module
from tlsearch.training.compiled import compile_model
from tlsearch.types import Candidate, TrialSpec
from tlsearch.worker.events import EpochEnd
from tlsearch.worker.models.requests import EvaluateModel, SaveModel
from tlsearch.worker.protocol import RunSuccessiveHalving

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_a_renewed_worker_that_knows_the_facts_gives_the_same_trial(folder: Path, facts: MeasuredCandidate) -> None:
    one, other = (opened(folder, facts) for _ in range(2))
    first = one.trial(facts.candidate, solved())
    again = other.trial(facts.candidate, solved())
    assert first.result.value == again.result.value
    assert other.images_computed() == 0
    np.testing.assert_array_equal(first.val_probabilities, again.val_probabilities)


def test_trials_leave_nothing_behind(folder: Path, facts: MeasuredCandidate) -> None:
    func_graph = pytest.importorskip("tensorflow.python.framework.func_graph")
    worker = opened(folder, facts)

    def graphs_after(**changes: Any) -> int:
        spec = replace(solved(units=8, steps=2, batch_size=16, **changes))
        assert worker.trial(facts.candidate, spec).result.state == "complete"
        return sum(isinstance(thing, func_graph.FuncGraph) for thing in gc.get_objects())

    first = graphs_after(freeze_depth=3)
    assert first > 0  # of the trial itself, whose head is kept to be saved
    assert [graphs_after(freeze_depth=3, seed=seed) for seed in (1, 2)] == [first, first]
    assert graphs_after(freeze_depth=4) <= first


def test_a_compiled_model_stays_until_a_trial_without_or_a_test(
    folder: Path, facts: MeasuredCandidate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    worker, spec = opened(folder, facts), solved(units=8, steps=2, batch_size=16)
    compiled: list[TrialSpec] = []

    def spy(model: Any, spec: TrialSpec, *rest: Any) -> Any:
        compiled.append(spec)
        return compile_model(model, spec, *rest)

    monkeypatch.setattr(trial_module, "compile_model", spy)

    def compilations(keep: bool) -> int:
        before = len(compiled)
        assert worker.trial(facts.candidate, spec, keep=keep).result.state == "complete"
        return len(compiled) - before

    assert [compilations(keep) for keep in (True, True, False, True, True)] == [1, 0, 1, 1, 0]
    worker.send(SaveModel(spec=spec, candidate=facts.candidate, folder=tmp_path, decode_size=SIZE))
    assert compilations(keep=True) == 0
    worker.send(EvaluateModel(folder=tmp_path, files=()))
    assert compilations(keep=True) == 1


def test_epochs_are_events_that_the_parent_decides_about(folder: Path, facts: MeasuredCandidate) -> None:
    worker, spec = opened(folder, facts), solved(units=8, steps=9, batch_size=16, lr_head=1e-2)
    outcome = worker.trial(facts.candidate, spec)
    epochs = [event.numbers for event in worker.events if isinstance(event, EpochEnd)]
    assert [n["objective"] for n in epochs] == [h["objective"] for h in outcome.result.history]
    assert epochs[-1]["fraction"] == 1.0


def test_the_small_network_is_trained_from_scratch_and_saved(folder: Path, tmp_path: Path) -> None:
    worker, small = (
        opened(folder),
        Candidate(backbone="small_cnn", weights=None, weights_file=None, weights_id="", image_size=SIZE, depth=4),
    )
    spec = TrialSpec(
        backbone="small_cnn",
        weights=None,
        image_size=SIZE,
        depth=4,
        freeze_depth=0,
        steps=6,
        batch_size=16,
        lr_suffix=3e-3,
        lr_head=3e-3,
    )
    (outcome,) = worker.send(RunSuccessiveHalving(candidate=small, specs=(spec,), fold=FOLD))
    assert outcome.result.state == "complete"
    worker.send(SaveModel(spec=outcome.result.spec, candidate=small, folder=tmp_path / "model", decode_size=SIZE))
    assert (tmp_path / "model" / "model.keras").stat().st_size > 10_000
