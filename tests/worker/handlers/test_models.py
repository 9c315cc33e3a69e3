"""Models that the worker saves, measures and makes references for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.helpers.workers.handling import FOLD, POOL, SIZE, Worker, opened, solved
from tlsearch.errors import RunError
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.models.use_cost import NetworkAtUse
from tlsearch.types import TrialSpec
from tlsearch.worker.models.requests import (
    EvaluateModel,
    LoadHead,
    MeasureModelUse,
    MeasureNetworkUse,
    SaveHead,
    SaveModel,
    SaveReference,
)

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_a_saved_model_predicts_files_as_the_trial_said(folder: Path, facts: MeasuredCandidate) -> None:
    worker = opened(folder, facts)
    outcome = worker.trial(facts.candidate, solved())
    target = folder / "model"
    worker.send(SaveModel(spec=solved(), candidate=facts.candidate, folder=target, decode_size=SIZE))
    assert {path.name for path in target.iterdir()} == {"model.keras", "labels.json", "config.json"}
    assert json.loads((target / "labels.json").read_text()) == list(POOL.classes)
    assert json.loads((target / "config.json").read_text())["image_size"] == SIZE
    files = []
    for row in outcome.val_rows:
        files.append(folder / f"{row}.png")
        Image.fromarray(POOL.pixels[SIZE][row]).save(files[-1])
    predictions = worker.send(EvaluateModel(folder=target, files=tuple(files), latency=True))
    np.testing.assert_allclose(predictions.probabilities, outcome.val_probabilities, atol=2e-2)
    assert predictions.ms_per_image is not None
    assert predictions.ms_per_image > 0
    assert worker.send(EvaluateModel(folder=target, files=(files[0],))).ms_per_image is None


def test_what_a_network_costs_at_use_tells_what_its_models_do(folder: Path, facts: MeasuredCandidate) -> None:
    classes = len(POOL.classes)
    request = MeasureNetworkUse(candidate=facts.candidate, cuts=facts.cuts, classes=classes)
    cost = opened(folder, facts).send(request)
    network = NetworkAtUse(candidate=facts.candidate, cuts=facts.cuts, classes=classes, cost=cost)
    assert cost.ms_per_image > 0
    assert cost.megabytes > 4e-6 * (facts.parameters or 0)
    hidden = {"units": 400, "pooling": "avgmax", "steps": 3, "lr_head": 1e-2}
    for number, changes in enumerate([{}, {"pooling": "avgmax", "skip_cut": 2}, hidden]):
        worker, spec, target = opened(folder, facts), solved(**changes), folder / f"used-{number}"
        worker.trial(facts.candidate, spec)
        worker.send(SaveModel(spec=spec, candidate=facts.candidate, folder=target, decode_size=SIZE))
        measured = worker.send(MeasureModelUse(folder=target))
        assert measured.megabytes == pytest.approx(network.cost_of(spec).megabytes, abs=4e-3)
        assert measured.runtime == cost.runtime


@pytest.mark.parametrize("changes", [{}, {"units": 8, "dropout": 0.3, "steps": 9, "lr_head": 1e-2}], ids=str)
def test_a_head_that_was_kept_ships_as_it_was_scored(
    folder: Path, facts: MeasuredCandidate, changes: dict[str, Any]
) -> None:
    worker, spec = opened(folder, facts), solved(**changes)
    outcome = worker.trial(facts.candidate, spec)
    worker.send(SaveHead(spec=spec, file=folder / "kept" / "head.npz"))
    later = opened(folder, facts)
    with pytest.raises(RunError, match="not the one that was fitted last"):
        later.send(SaveModel(spec=spec, candidate=facts.candidate, folder=folder / "shipped", decode_size=SIZE))
    later.send(LoadHead(spec=spec, file=folder / "kept" / "head.npz"))
    later.send(SaveModel(spec=spec, candidate=facts.candidate, folder=folder / "shipped", decode_size=SIZE))
    files = []
    for row in outcome.val_rows:
        files.append(folder / f"kept-{row}.png")
        Image.fromarray(POOL.pixels[SIZE][row]).save(files[-1])
    predictions = later.send(EvaluateModel(folder=folder / "shipped", files=tuple(files)))
    np.testing.assert_allclose(predictions.probabilities, outcome.val_probabilities, atol=2e-2)


def test_only_the_model_that_was_fitted_last_can_be_saved(folder: Path, facts: MeasuredCandidate) -> None:
    worker = opened(folder, facts)
    worker.trial(facts.candidate, solved())
    with pytest.raises(RunError, match="not the one that was fitted last"):
        worker.send(
            SaveModel(
                spec=solved(pooling="avgmax"), candidate=facts.candidate, folder=folder / "other", decode_size=SIZE
            )
        )
    assert not (folder / "other").exists()


def saved(worker: Worker, facts: MeasuredCandidate, spec: TrialSpec, target: Path) -> Path:
    """The folder of a model that was just fitted."""
    worker.trial(facts.candidate, spec)
    worker.send(SaveModel(spec=spec, candidate=facts.candidate, folder=target, decode_size=SIZE))
    return target


def reference_request(facts: MeasuredCandidate, spec: TrialSpec, target: Path, **changes: Any) -> SaveReference:
    return replace(
        SaveReference(
            spec=spec, candidate=facts.candidate, folder=target, held_out=FOLD.val, predicted=(5, 6, 7), seed=0
        ),
        **changes,
    )


@pytest.mark.parametrize("depth", [4, 2])
def test_frozen_features_of_every_image_are_held_out_in_their_turn(
    folder: Path, facts: MeasuredCandidate, tmp_path: Path, depth: int
) -> None:
    from tlsearch.predictor import load

    worker = opened(folder, facts)
    spec = solved() if depth == 4 else solved(freeze_depth=2, steps=2, lr_suffix=1e-3, lr_head=1e-2)
    target = saved(worker, facts, spec, tmp_path / "model")
    assert worker.send(reference_request(facts, spec, target)) == 60
    predictor = load(target)
    reference = predictor.reference
    assert reference is not None
    layers = [facts.cuts.point(number).layer for number in ((2, 4) if depth == 4 else (2,))]
    assert ([layer.name for layer in reference.layers], reference.frozen) == (layers, True)
    assert (len(reference.images), reference.predicted.tolist()) == (60, [5, 6, 7])
    # What predict computes of an image is what was kept of it: of the five nearest, it is one itself.
    for number in range(6):
        Image.fromarray(POOL.pixels[SIZE][number]).save(tmp_path / f"{number}.png")
    found = list(predictor.examine([tmp_path / f"{number}.png" for number in range(6)]))
    for number, (prediction, features) in enumerate(found):
        assert features is not None
        assert float(features @ reference.images[number]) == pytest.approx(len(layers), abs=5e-3)
        assert prediction.distance is not None
        assert prediction.distance <= reference.held_out[-1] + 1e-2


def test_where_nothing_is_frozen_validation_images_are_held_out(
    folder: Path, facts: MeasuredCandidate, tmp_path: Path
) -> None:
    from tlsearch.uncertainty.reference import TrainingReference

    worker = opened(folder, facts)
    spec = solved(freeze_depth=0, steps=2, lr_suffix=1e-3, lr_head=1e-2)
    target = saved(worker, facts, spec, tmp_path / "model")
    assert worker.send(reference_request(facts, spec, target, held_out=())) == 0
    assert not (target / "reference.npz").exists()
    assert worker.send(reference_request(facts, spec, target)) == len(FOLD.val)
    reference = TrainingReference.load(target)
    assert reference is not None
    assert [layer.name for layer in reference.layers] == [facts.cuts.point(number).layer for number in (2, 4)]
    assert not reference.frozen
    assert (len(reference.images), len(reference.sample)) == (60 - len(FOLD.val), len(FOLD.val))


def test_without_time_no_features_are_computed(facts: MeasuredCandidate, folder: Path, tmp_path: Path) -> None:
    worker = opened(folder, facts)
    spec = solved(freeze_depth=0, steps=2, lr_suffix=1e-3, lr_head=1e-2)
    assert worker.send(reference_request(facts, spec, tmp_path, seconds=0.0)) == 0
    assert list(tmp_path.iterdir()) == []
