"""Handlers of requests that save what was fitted: models, heads and the weights of a backbone."""

from __future__ import annotations

import json

from tlsearch.errors import RunError
from tlsearch.models.backbone_weights import save_weights
from tlsearch.models.build import export
from tlsearch.models.heads import load_head, save_head
from tlsearch.predictor.folder import LABELS_FILE, MODEL_FILE, write_config
from tlsearch.predictor.versions import versions_here
from tlsearch.training.trial import Fitted
from tlsearch.worker.dispatch import handles
from tlsearch.worker.models import requests
from tlsearch.worker.state import WorkerState


@handles(requests.TrySaving)
def try_saving(state: WorkerState, request: requests.TrySaving) -> bool:
    """Write weights and read them back; raises ``WeightsError`` where the backbone does not load them."""
    network = state.network(request.candidate)
    save_weights(network.plugin, request.candidate.image_size, network.model.get_weights(), request.file)
    return True


@handles(requests.SaveBackbone)
def save_backbone(state: WorkerState, request: requests.SaveBackbone) -> None:
    """Write the weights of the backbone that was fitted last; raises ``WeightsError`` where it does not load them."""
    fitted = state.fitted(request.spec)
    if fitted.backbone_weights is None:
        raise RunError("The model that was fitted last has the weights of its backbone as they were.")
    plugin = state.network(request.candidate).plugin
    save_weights(plugin, request.spec.image_size, fitted.backbone_weights, request.file)


@handles(requests.SaveModel)
def save_model(state: WorkerState, request: requests.SaveModel) -> None:
    """Write the model that was fitted last as a model folder. Raises ``RunError`` where it is another one."""
    spec, candidate, pool = request.spec, request.candidate, state.extractor.pool
    fitted = state.fitted(spec)
    network = state.network(candidate)
    model = export(network.plugin, candidate, network.cuts, spec, fitted.head, fitted.backbone_weights)
    request.folder.mkdir(parents=True, exist_ok=True)
    model.save(request.folder / MODEL_FILE)
    config = {
        "backbone": spec.backbone,
        "weights": spec.weights,
        "image_size": spec.image_size,
        "decode_size": request.decode_size,
        "resize": request.decoding.resize,
        "window": request.decoding.window,
        "max_pixels": request.decoding.max_pixels,
        "spec": spec.to_dict(),
        **versions_here(),
    }
    labels = json.dumps(list(pool.classes), ensure_ascii=False, indent=1)
    (request.folder / LABELS_FILE).write_text(labels, encoding="utf-8")
    write_config(request.folder, config)


@handles(requests.SaveHead)
def save_fitted_head(state: WorkerState, request: requests.SaveHead) -> None:
    """Write the head that was fitted last. Raises ``RunError`` where it is another one.

    A whole model costs seconds, and few of those that are kept for a while ever ship.
    """
    save_head(request.file, state.fitted(request.spec).head)


@handles(requests.LoadHead)
def load_fitted_head(state: WorkerState, request: requests.LoadHead) -> None:
    """Take a saved head for the one that was fitted last."""
    head = load_head(request.file, len(state.extractor.pool.classes))
    state.runner.fitted = Fitted(request.spec, head, None)
