"""Handlers of requests about trials, and about the models that they leave behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tlsearch import backend
from tlsearch.explain.records import MapStudy
from tlsearch.models.build import export
from tlsearch.models.heads import Head, HeadWeights
from tlsearch.models.use_cost import UseCost
from tlsearch.stats.localisation import Localisation
from tlsearch.training.batches import with_batches_of
from tlsearch.training.from_scratch import successive_halving
from tlsearch.training.kept_states import KeptStates
from tlsearch.training.trial import Outcome
from tlsearch.types import Decision, TrialSpec
from tlsearch.worker import protocol
from tlsearch.worker.dispatch import handles
from tlsearch.worker.events import EpochEnd, RateEpochEnd
from tlsearch.worker.models import requests
from tlsearch.worker.state import WorkerState, backbone_plugin


@handles(protocol.RunTrial)
def run_trial(state: WorkerState, request: protocol.RunTrial) -> Outcome:
    """Run a trial. The parent decides after every epoch whether it goes on."""
    runner, spec, size = state.runner, request.spec, request.batch_size
    network = state.network(request.candidate)

    def judge(numbers: Mapping[str, float]) -> Decision:
        return state.emit(EpochEnd(numbers))

    with state.counting(), backend.one_model():
        used = with_batches_of(spec, size, len(request.folds[0].train)) if size else spec
        outcome = runner.run(network, used, request.folds, judge, request.seconds, keep=request.keep_compiled)
    if runner.fitted is not None:
        runner.fitted = replace(runner.fitted, spec=spec)
    return replace(outcome, result=replace(outcome.result, spec=spec))


@handles(protocol.RunSuccessiveHalving)
def run_successive_halving(state: WorkerState, request: protocol.RunSuccessiveHalving) -> tuple[Outcome, ...]:
    """Train a whole network with several learning rates."""
    runner, network = state.runner, state.network(request.candidate)
    kept = None if request.states is None else KeptStates(request.states)

    def on_epoch_end(number: int, numbers: Mapping[str, float]) -> None:
        state.emit(RateEpochEnd(number, numbers))

    with backend.one_model():
        return tuple(successive_halving(runner, network, request.specs, request.fold, on_epoch_end, kept))


@handles(requests.EvaluateModel)
def evaluate_model(state: WorkerState, request: requests.EvaluateModel) -> requests.ModelProbabilities:
    """Predict original files with the predictor of a saved model."""
    from tlsearch.predictor import load, measure_latency

    state.forget_compiled()
    predictor = load(request.folder)
    # Scores of test are those of the network as it is, as those of validation are.
    probabilities = predictor.probabilities(request.files, calibrated=False)
    if not request.latency:
        return requests.ModelProbabilities(probabilities)
    return requests.ModelProbabilities(probabilities, measure_latency(predictor), predictor.parameters)


@handles(requests.StudyMaps)
def study_maps(state: WorkerState, request: requests.StudyMaps) -> MapStudy:
    """Study the heat maps of a saved model. Raises ``UsageError`` where it has none."""
    from tlsearch.explain.study import study

    state.forget_compiled()
    with backend.one_model():
        return study(request.study)


@handles(requests.ScoreBoxes)
def score_boxes(state: WorkerState, request: requests.ScoreBoxes) -> Localisation:
    """Score the boxes of a saved model. Raises ``UsageError`` where it has no heat maps."""
    from tlsearch.explain.localise import localise

    state.forget_compiled()
    with backend.one_model():
        return localise(request.boxes)


@handles(requests.MeasureNetworkUse)
def measure_network_use(state: WorkerState, request: requests.MeasureNetworkUse) -> UseCost:
    """Export a network with the plainest head, and time its file; the numbers of the head do not matter."""
    from tlsearch.export.use import cost_of_model

    candidate, cuts, width = request.candidate, request.cuts, request.cuts[-1].channels
    spec = TrialSpec(
        backbone=candidate.backbone,
        weights=candidate.weights,
        image_size=candidate.image_size,
        depth=len(cuts),
        freeze_depth=len(cuts),
    )
    kernel = np.random.default_rng(0).normal(0, 0.01, (width, request.classes)).astype(np.float32)
    numbers = HeadWeights(
        mean=np.zeros(width, np.float32),
        scale=np.ones(width, np.float32),
        hidden=None,
        linear=(kernel, np.zeros(request.classes, np.float32)),
    )
    with backend.one_model():
        head = Head.of(numbers, request.classes)
        return cost_of_model(export(backbone_plugin(candidate.backbone), candidate, cuts, spec, head, None))


@handles(requests.MeasureModelUse)
def measure_model_use(state: WorkerState, request: requests.MeasureModelUse) -> UseCost:
    """Export a saved model, and time its file."""
    from tlsearch.export.use import cost_of_folder

    with backend.one_model():
        return cost_of_folder(request.folder)
