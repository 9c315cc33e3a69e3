"""The handler that keeps features of the training images beside a model, for new pictures to be compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlsearch.features.extractor import Pool
from tlsearch.features.prefix import EXTRACT_BATCH, Network
from tlsearch.features.view import PLAIN
from tlsearch.models.cuts import pools
from tlsearch.types import AnyArray, TrialSpec
from tlsearch.uncertainty.inner_features import with_inner_features
from tlsearch.uncertainty.reference import ComparedLayer, ReferenceSource, make_reference
from tlsearch.worker.dispatch import handles
from tlsearch.worker.models.requests import SaveReference
from tlsearch.worker.state import WorkerState


@handles(SaveReference)
def save_reference(state: WorkerState, request: SaveReference) -> int:
    """Compute features, or take them from the store, and write the file; gives the number of held-out images.

    Behind frozen layers features are those of the pre-trained network: no image has changed them, and each can be held
    out in its turn. Where nothing is frozen, only images that the model was not trained on can be.
    """
    spec, pool, network = request.spec, state.extractor.pool, state.network(request.candidate)
    frozen = spec.freeze_depth > 0
    if not frozen and not request.held_out:
        return 0
    depths = tapped_depths(spec)
    if not _has_time(state, request, network, depths):
        return 0
    cuts = [network.cuts.point(depth) for depth in depths]
    layers = tuple(ComparedLayer(name=cut.layer, width=cut.channels, leading_tokens=cut.leading_tokens) for cut in cuts)
    features = _frozen(state, network, depths) if frozen else _trained(state, request, pool, layers)
    held_out = None if frozen else np.asarray(request.held_out, np.int64)
    source = ReferenceSource(layers=layers, frozen=frozen, predicted=np.asarray(request.predicted, np.int64))
    reference = make_reference(source, features, held_out, pool.groups, request.seed)
    if reference is None:
        return 0
    reference.save(request.folder)
    return len(reference.held_out)


def tapped_depths(spec: TrialSpec) -> list[int]:
    """Give the depths whose features are compared: the middle of the network, and the last frozen one.

    The middle sees what a picture looks like, blurred, grey or dark, and the end what is in it. Where less is frozen,
    it is the last frozen one alone; where nothing is, the whole network counts.
    """
    last = spec.freeze_depth or spec.depth
    return sorted({min(max(1, round(spec.depth / 2)), last), last})


def _has_time(state: WorkerState, request: SaveReference, network: Network, depths: Sequence[int]) -> bool:
    """Whether the features are stored, or can be computed in time."""
    extractor, known = state.extractor, state.measured.get(request.candidate)
    if request.seconds is None or known is None:
        return True
    wanted = pools(*depths) if request.spec.freeze_depth else ()
    if wanted and all(extractor.store.get(extractor.key(network, PLAIN, f)) is not None for f in wanted):
        return True
    return known.forward_seconds * len(extractor.pool) <= request.seconds


def _frozen(state: WorkerState, network: Network, depths: Sequence[int]) -> AnyArray:
    """The average features of the pool at depths that are frozen, side by side."""
    with state.counting():
        pooled = state.extractor.pooled(network, PLAIN, depths)
    averages = [a[:, network.cuts.point(d).columns("avg")] for a, d in zip(pooled, depths, strict=True)]
    return np.concatenate(averages, axis=1)


def _trained(state: WorkerState, request: SaveReference, pool: Pool, layers: Sequence[ComparedLayer]) -> AnyArray:
    """The average features of the pool that the saved model computes, side by side."""
    from tlsearch.predictor import load

    state.forget_compiled()
    model = with_inner_features(load(request.folder).model, layers)
    pixels, found = pool.pixels[request.spec.image_size], []
    for start in range(0, len(pool), EXTRACT_BATCH):
        images = np.asarray(pixels[start : start + EXTRACT_BATCH], np.float32)
        filled = np.resize(images, (EXTRACT_BATCH, *images.shape[1:]))
        found.append(np.asarray(model.predict_on_batch(filled)[1], np.float32)[: len(images)])
        state.progress("features of the training images", min(start + EXTRACT_BATCH, len(pool)), len(pool))
    return np.concatenate(found)
