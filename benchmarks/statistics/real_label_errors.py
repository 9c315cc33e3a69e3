"""Errors that are planted in the labels of real photographs, and the linear probes of a run that look for them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from benchmarks.common.machine import ROOT
from benchmarks.common.results import say
from tlsearch.data.images.decode import read_square
from tlsearch.features.view import PLAIN
from tlsearch.pipeline.insights import MOST_SUSPECTS
from tlsearch.plugins import registry, weights
from tlsearch.plugins.load_metric import load_metric
from tlsearch.stats.label_errors import count_errors, rank_suspects
from tlsearch.training.insight import earlier_cuts, examine
from tlsearch.training.linear_head import LabelledImages
from tlsearch.types import AnyArray, Candidate, Decision
from tlsearch.worker.dispatch import handle
from tlsearch.worker.protocol import OpenPool
from tlsearch.worker.state import WorkerState

IMAGES = ROOT / "examples" / "clothing"
BACKBONE, WEIGHTS = "efficientnet_lite0", "imagenet"

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Row = dict[str, object]


def real_rows(rates: Sequence[float], kinds: Sequence[str], plantings: int, seed: int, side: int) -> list[Row]:
    """Precision and recall of the list of suspects for every rate and kind of planted errors.

    The photographs are ``side`` pixels wide and high. Errors of the kind "confusable" go to the class that the probes
    take a class for most often. Labels that were wrong from the start count as falsely suspected.
    """
    files = sorted(IMAGES.glob("*/*.jpg"))
    classes = sorted({file.parent.name for file in files})
    true = np.array([classes.index(file.parent.name) for file in files])
    with tempfile.TemporaryDirectory(prefix="tlsearch-labels-") as folder, threadpool_limits(1):
        features = _features(files, classes, true, side, Path(folder))
        probe = _probe(features, len(classes))
        honest = probe(true, seed)
        accuracy = float((honest.argmax(axis=1) == true).mean())
        taken_for = np.array([honest[true == label].mean(axis=0) for label in range(len(classes))])
        np.fill_diagonal(taken_for, -1.0)
        nearest = taken_for.argmax(axis=1)
        return [
            {**_row(probe, true, nearest if kind == "confusable" else None, rate, plantings, seed), "kind": kind}
            | {"accuracy": round(accuracy, 3), "images": len(true)}
            for rate in rates
            for kind in kinds
        ]


def _features(files: Sequence[Path], classes: Sequence[str], labels: Labels, side: int, work: Path) -> list[AnyArray]:
    """Features of the photographs at the cut points that a run examines labels with."""
    state = WorkerState(lambda event: Decision.CONTINUE)
    pixels = work / "pixels.npy"
    np.save(pixels, np.stack([read_square(file, side) for file in files]))
    request = OpenPool(
        pixels={side: pixels},
        labels=tuple(labels.tolist()),
        groups=tuple(range(len(labels))),
        classes=tuple(classes),
        digest="",
        cache_dir=work / "store",
        cache_limit=0,
        metric="accuracy",
    )
    handle(state, request)
    source = registry.load_plugin("backbone", BACKBONE).weights[WEIGHTS]
    found = weights.resolve(BACKBONE, WEIGHTS, source)
    asked = Candidate(
        backbone=BACKBONE,
        weights=WEIGHTS,
        weights_file=str(found.file),
        weights_id=found.weights_id,
        image_size=side,
        depth=0,
    )
    network = state.network(asked)
    depths = (len(network.cuts), *earlier_cuts(len(network.cuts)))
    return [np.array(array) for array in state.extractor.pooled(network, PLAIN, depths)]


def _probe(features: Sequence[AnyArray], classes: int) -> Callable[[Labels, int], Floats]:
    """The probes of a run as a function of labels and seed: probabilities that have not seen their images."""
    metric = load_metric("accuracy")

    def probabilities(labels: Labels, seed: int) -> Floats:
        images = LabelledImages(labels, np.arange(len(labels)), classes)
        return examine(features, images, metric, seed, lambda done, total: None).probabilities

    return probabilities


def _row(
    probe: Callable[[Labels, int], Floats],
    true: Labels,
    nearest: Labels | None,
    rate: float,
    plantings: int,
    seed: int,
) -> Row:
    say(f"label errors in photographs: {rate:.0%}, {'random' if nearest is None else 'confusable'}")
    shown, found, counted, planted = 0, 0, 0, 0
    classes, count = int(true.max()) + 1, round(rate * len(true))
    for number in range(plantings):
        rng = np.random.default_rng([seed, count, number, int(nearest is None)])
        chosen, labels = rng.choice(len(true), count, replace=False), true.copy()
        labels[chosen] = (true[chosen] + rng.integers(1, classes, count)) % classes
        if nearest is not None:
            labels[chosen] = nearest[true[chosen]]
        probabilities = probe(labels, seed + number)
        suspects = [item.position for item in rank_suspects(probabilities, labels)[:MOST_SUSPECTS]]
        shown += len(suspects)
        found += len(set(suspects) & set(chosen.tolist()))
        counted += count_errors(probabilities, labels)
        planted += count
    return {
        "errors": rate,
        "precision": round(found / shown, 3),
        "recall": round(found / planted, 3),
        "shown": round(shown / plantings, 1),
        "counted by planted": round(counted / planted, 2),
        "plantings": plantings,
    }
