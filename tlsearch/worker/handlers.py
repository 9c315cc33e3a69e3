"""Handlers of requests about this machine, the pool of images and its candidates."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from tlsearch import backend
from tlsearch.data.images.pixels import open_pixels
from tlsearch.errors import PluginError
from tlsearch.features.extractor import Extractor, Pool
from tlsearch.features.prefix import EXTRACT_BATCH, Network
from tlsearch.features.sample import sampled_averages
from tlsearch.features.shared import SharedTier
from tlsearch.features.store import FeatureStore
from tlsearch.features.view import PLAIN
from tlsearch.models.build import depthwise_layers
from tlsearch.models.cuts import pools
from tlsearch.models.measured import UNTIMED_RATIO, MeasuredCandidate
from tlsearch.plugins.facts import PluginFacts, describe_plugins, weights_file
from tlsearch.plugins.load_metric import load_metric
from tlsearch.plugins.provenance import provenance
from tlsearch.training.insight import Insight, earlier_cuts, examine
from tlsearch.training.linear_head import LabelledImages
from tlsearch.training.probe import probe_cuts, told_right
from tlsearch.training.timing import median_seconds, training_step_seconds
from tlsearch.training.trial import TrialRunner
from tlsearch.types import AnyArray
from tlsearch.utils.cache_folders import weights_dir
from tlsearch.worker import protocol
from tlsearch.worker.dispatch import handles
from tlsearch.worker.log import log
from tlsearch.worker.state import WorkerState, augmentation_plugin, backbone_plugin

RENDERED_IMAGES = 16
"""Images on which augmentations are timed."""


@handles(protocol.DescribePlugins)
def describe(state: WorkerState, request: protocol.DescribePlugins) -> PluginFacts:
    """Load every plugin and describe it; of those that cannot be loaded, the log has the traceback."""
    facts = describe_plugins()
    for fault in facts.broken:
        sentence = f"The {fault.entry.kind} {fault.entry.name!r} cannot be used: {fault.reason}"
        log(f"{sentence}\n{fault.traceback}")
    return facts


@handles(protocol.FindWeights)
def find_weights(state: WorkerState, request: protocol.FindWeights) -> Path:
    """Give the file of weights that a package brings."""
    return weights_file(request.label, weights_dir(request.cache_dir))


@handles(protocol.GetVersions)
def get_versions(state: WorkerState, request: protocol.GetVersions) -> dict[str, str]:
    """Give the versions of Keras and its backend."""
    return backend.versions()


@handles(protocol.FindGpu)
def find_gpu(state: WorkerState, request: protocol.FindGpu) -> bool:
    """Say whether the backend computes on a GPU."""
    return backend.has_gpu()


@handles(protocol.OpenPool)
def open_pool(state: WorkerState, request: protocol.OpenPool) -> None:
    """Take over the images, and what is known of the candidates already."""
    arrays = {size: open_pixels(file) for size, file in request.pixels.items()}
    labels, groups = np.asarray(request.labels, np.int64), np.asarray(request.groups, np.int64)
    weights = None if request.image_weights is None else np.asarray(request.image_weights, np.float32)
    pool = Pool(
        pixels=arrays,
        labels=labels,
        groups=groups,
        classes=request.classes,
        digest=request.digest,
        image_weights=weights,
    )
    shared = None if request.shared_cache is None else SharedTier(request.shared_cache)
    store = FeatureStore(request.cache_dir, request.cache_limit, shared)
    extractor = Extractor(
        store=store, pool=pool, augmentations=augmentation_plugin, provenance=provenance, progress=state.progress
    )
    state.open(extractor, TrialRunner(extractor, load_metric(request.metric)), request.measured)


@handles(protocol.MeasureCandidate)
def measure(state: WorkerState, request: protocol.MeasureCandidate) -> MeasuredCandidate:
    """Find the cut points of a candidate and time it; its ``depth`` is filled in."""
    candidate = request.candidate
    pixels = state.extractor.pool.pixels[candidate.image_size]
    sample = np.asarray(pixels[:EXTRACT_BATCH])
    sample = np.resize(sample, (EXTRACT_BATCH, *sample.shape[1:])).astype(np.float32)
    network = Network(backbone_plugin(candidate.backbone), candidate, None, None)
    cuts = network.inspect(sample)
    network.candidate = candidate = replace(candidate, depth=len(cuts))
    every = pools(*cuts.depths)
    forward = median_seconds(lambda: network.compute(0, every, sample)) / EXTRACT_BATCH
    freezes = backend.has_slow_depthwise_gradient() and bool(depthwise_layers(network.model))
    ratio, is_timed = UNTIMED_RATIO, request.slowest is None or forward <= request.slowest
    if is_timed:
        depth = round(request.train_at * len(cuts))
        with backend.one_model():
            step = training_step_seconds(network, depth, sample, depthwise_frozen=freezes) / EXTRACT_BATCH
        ratio = step / (forward * (1 - cuts.share(depth)))
    measured = MeasuredCandidate(
        candidate=candidate,
        cuts=cuts,
        precision=network.precision,
        forward_seconds=forward,
        train_ratio=ratio,
        is_timed=is_timed,
        freezes_depthwise=freezes,
        parameters=int(network.model.count_params()),
    )
    state.add_measured(measured, network)
    return measured


@handles(protocol.MeasureRendering)
def measure_rendering(state: WorkerState, request: protocol.MeasureRendering) -> dict[str, float]:
    """Time each augmentation on some images of the pool, at half its strength."""
    pixels = np.asarray(state.extractor.pool.pixels[request.image_size][:RENDERED_IMAGES])
    found: dict[str, float] = {}
    started = time.monotonic()
    for policy in request.policies:
        if time.monotonic() - started > request.seconds:
            break
        with suppress(PluginError):  # where it is tried, its failure is told
            plugin = augmentation_plugin(policy)
            seconds = median_seconds(partial(plugin.render, pixels, 0.5, np.random.default_rng(0)))
            found[policy] = seconds / (len(pixels) * request.image_size**2)
    return found


@handles(protocol.ProfileCandidate)
def profile(state: WorkerState, request: protocol.ProfileCandidate) -> tuple[tuple[float, float], ...]:
    """Give accuracy and standard error of a linear probe at each cut."""
    extractor, network = state.extractor, state.network(request.candidate)
    scores = probe_cuts(
        _averages(state, network, network.cuts.depths),
        extractor.pool.labels,
        extractor.pool.groups,
        np.asarray(request.train, np.int64),
        request.seed,
        lambda depth: state.progress(f"probing {request.candidate.label}", depth, len(network.cuts)),
    )
    return tuple(scores)


@handles(protocol.ScreenCandidate)
def screen(state: WorkerState, request: protocol.ScreenCandidate) -> tuple[tuple[float, float], ...]:
    """Give accuracy and standard error of a linear probe at each cut, by a few images alone."""
    network, pool = state.network(request.candidate), state.extractor.pool
    rows = np.asarray(request.rows, np.int64)
    with state.counting():
        averages = sampled_averages(state.extractor, network, rows)
    scores = probe_cuts(
        averages,
        pool.labels[rows],
        pool.groups[rows],
        np.arange(len(rows)),
        request.seed,
        lambda depth: state.progress(f"looking at {request.candidate.label}", depth, len(network.cuts)),
    )
    return tuple(scores)


@handles(protocol.ProbeImages)
def probe_images(state: WorkerState, request: protocol.ProbeImages) -> tuple[float, ...]:
    """Give for every image the share of depths at which its class is told right, by a probe fitted without it."""
    extractor, network = state.extractor, state.network(request.candidate)
    averages = _averages(state, network, request.depths)
    right = told_right(averages, extractor.pool.labels, extractor.pool.groups, request.seed)
    return tuple(right.mean(axis=0).tolist())


def _averages(state: WorkerState, network: Network, depths: Sequence[int]) -> list[AnyArray]:
    """The averages (N, C) of the features of all images at these depths."""
    with state.counting():
        pooled = state.extractor.pooled(network, PLAIN, depths)
        state.extractor.count_whole(network, PLAIN)
    return [array[:, network.cuts.point(depth).columns("avg")] for array, depth in zip(pooled, depths, strict=True)]


@handles(protocol.ExamineLabels)
def examine_labels(state: WorkerState, request: protocol.ExamineLabels) -> Insight | None:
    """Examine every image with linear probes (see ``examine``), where there is time for their features."""
    extractor, runner = state.extractor, state.runner
    network, pool = state.network(request.candidate), extractor.pool
    depths = (len(network.cuts), *earlier_cuts(len(network.cuts)))
    keys = (extractor.key(network, PLAIN, feature) for feature in pools(*depths))
    stored = all(extractor.store.get(key) is not None for key in keys)
    known, seconds = state.measured.get(request.candidate), request.seconds
    if not stored and seconds is not None and known is not None and known.forward_seconds * len(pool) > seconds:
        return None
    with state.counting():
        features = extractor.pooled(network, PLAIN, depths)
        extractor.count_whole(network, PLAIN)
    with backend.one_thread():
        return examine(
            features,
            LabelledImages(pool.labels, pool.groups, len(pool.classes)),
            runner.metric,
            request.seed,
            lambda done, total: state.progress("linear probes of every image", done, total),
        )


@handles(protocol.CountComputedImages)
def count_computed_images(state: WorkerState, request: protocol.CountComputedImages) -> int:
    """Give how many images have gone through a network for their features since the pool was opened."""
    return state.extractor.computed
