"""What the worker process can do: one method a call, plain records in and out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from tlsearch import backend as runtime
from tlsearch.config import Metric
from tlsearch.data.pixels import open_pixels
from tlsearch.data.split import Fold
from tlsearch.errors import RunError
from tlsearch.features.extractor import Extractor, Pool
from tlsearch.features.prefix import EXTRACT_BATCH, Network
from tlsearch.features.store import FeatureStore
from tlsearch.features.view import PLAIN
from tlsearch.models.build import export
from tlsearch.models.cuts import CutInfo
from tlsearch.models.head_file import load_head, save_head
from tlsearch.models.small_cnn import SmallCNN
from tlsearch.plugins import registry
from tlsearch.plugins.api import Augmentation, Backbone
from tlsearch.plugins.facts import PluginFacts, describe_plugins, weights_file
from tlsearch.plugins.guard import GuardedAugmentation, GuardedBackbone, culprit
from tlsearch.training.batches import with_batches_of
from tlsearch.training.from_scratch import race
from tlsearch.training.insight import Insight, earlier_cuts, examine
from tlsearch.training.probe import probe_cuts
from tlsearch.training.timing import median_seconds, training_step_seconds
from tlsearch.training.trial import Fitted, Outcome, TrialRunner
from tlsearch.types import Candidate, TrialSpec
from tlsearch.utils.cache import weights_dir


@dataclass(frozen=True)
class CandidateFacts:
    """A candidate as it was measured: its cut points, the precision chosen, seconds an image for a forward pass
    of the whole backbone in it, and ``train_ratio``, how many times longer a training step takes than the same
    forward work."""

    candidate: Candidate
    cuts: tuple[CutInfo, ...]
    precision: str
    forward_seconds: float
    train_ratio: float


class Jobs:
    """The worker's calls. ``emit`` sends an event to the parent and gives its answer."""

    def __init__(self, emit: Callable[[Any], Any]) -> None:
        self._emit = emit
        self._extractor: Extractor | None = None
        self._runner: TrialRunner | None = None
        self._networks: dict[tuple[Candidate, str], Network] = {}
        self._facts: dict[Candidate, CandidateFacts] = {}
        self._last_event = 0.0

    def plugins(self) -> PluginFacts:
        """Load every plugin and describe it."""
        return describe_plugins()

    def weights_file(self, label: str, cache_dir: str | None = None) -> Path:
        """The file of weights that a package brings; ``cache_dir`` as in ``paths.weights_dir``."""
        return weights_file(label, weights_dir(Path(cache_dir) if cache_dir else None))

    def culprit(self, error: BaseException) -> str:
        """The kind and name of the plugin in whose code ``error`` was raised; empty where it was in none."""
        return culprit(error, [(f"{p.entry.kind} {p.entry.name}", p.plugin) for p in registry.loaded()])

    def versions(self) -> dict[str, str]:
        """Keras and its backend."""
        return runtime.versions()

    def open_pool(
        self,
        pixels: Mapping[int, str],
        labels: Sequence[int],
        groups: Sequence[int],
        classes: Sequence[str],
        digest: str,
        cache_dir: str,
        cache_limit: int,
        metric: Metric,
        facts: Sequence[CandidateFacts] = (),
    ) -> None:
        """Take over the training and validation images, and what is known of the candidates already."""
        arrays = {size: open_pixels(Path(file)) for size, file in pixels.items()}
        pool = Pool(arrays, np.asarray(labels, np.int64), np.asarray(groups, np.int64), tuple(classes), digest)
        store = FeatureStore(Path(cache_dir), cache_limit)
        self._extractor = Extractor(store, pool, _augmentation, _provenance, self._progress)
        self._runner = TrialRunner(self._extractor, metric)
        self._facts = {f.candidate: f for f in facts}

    def measure(self, candidate: Candidate, train_at: float) -> CandidateFacts:
        """Build a candidate, find its cut points and time it; ``train_at`` is the frozen share at which a
        training step is timed. The candidate's ``depth`` is filled in."""
        extractor, _ = self._ready()
        pixels = extractor.pool.pixels[candidate.image_size]
        sample = np.asarray(pixels[:EXTRACT_BATCH])
        sample = np.resize(sample, (EXTRACT_BATCH, *sample.shape[1:])).astype(np.float32)
        network = Network(_backbone(candidate.backbone), candidate, None, None)
        cuts = network.inspect(sample)
        candidate = replace(candidate, depth=len(cuts))
        network.candidate = candidate
        every = tuple(range(1, len(cuts) + 1))
        forward = median_seconds(lambda: network.compute(0, (), every, sample)) / EXTRACT_BATCH
        depth = round(train_at * len(cuts))
        with runtime.one_model():
            step = training_step_seconds(network, depth, sample) / EXTRACT_BATCH
        share = 1 - (cuts[depth - 1].work / cuts[-1].work if depth else 0.0)
        facts = CandidateFacts(candidate, cuts, network.precision, forward, step / (forward * share))
        self._facts[candidate] = facts
        self._networks = {(candidate, network.precision): network}
        return facts

    def profile(self, candidate: Candidate, train: Sequence[int], seed: int) -> list[tuple[float, float]]:
        """(accuracy, standard error) of a linear probe at each cut of a candidate."""
        extractor, _ = self._ready()
        network = self._network(candidate)
        with self._counting():
            pooled = extractor.pooled(network, PLAIN, range(1, len(network.cuts) + 1))
            extractor.count_whole(network, PLAIN)
        rows = np.asarray(train, np.int64)
        return probe_cuts(
            pooled,
            extractor.pool.labels,
            extractor.pool.groups,
            rows,
            seed,
            lambda depth: self._progress(f"probing {candidate.label}", depth, len(network.cuts)),
        )

    def insight(self, candidate: Candidate, seed: int, seconds: float | None) -> Insight | None:
        """What linear probes on a candidate's features say of the images (see ``examine``); None where the features are
        not stored and computing them would take longer than ``seconds``."""
        extractor, runner = self._ready()
        network, pool = self._network(candidate), extractor.pool
        depths = (len(network.cuts), *earlier_cuts(len(network.cuts)))
        keys = (extractor.key(network, PLAIN, f"pool {depth}", depth) for depth in depths)
        stored = all(extractor.store.get(key) is not None for key in keys)
        facts = self._facts.get(candidate)
        if not stored and seconds is not None and facts is not None and facts.forward_seconds * len(pool) > seconds:
            return None
        with self._counting():
            features = extractor.pooled(network, PLAIN, depths)
            extractor.count_whole(network, PLAIN)
        with runtime.one_thread():
            return examine(
                features,
                pool.labels,
                pool.groups,
                len(pool.classes),
                runner.metric,
                seed,
                lambda done, total: self._progress("asking linear probes of every image", done, total),
            )

    def trial(
        self,
        candidate: Candidate,
        spec: TrialSpec,
        folds: Sequence[Fold],
        seconds: float | None,
        batch_size: int | None = None,
        keep: bool = False,
    ) -> Outcome:
        """Run a trial; the parent answers every ("epoch", numbers) event with "continue" or "prune". With a
        ``batch_size`` it is trained as long, in batches of that size; the result says ``spec`` nevertheless. With
        ``keep`` its compiled model stays until the next trial without, or a test."""
        _, runner = self._ready()
        network = self._network(candidate)
        with self._counting(), runtime.one_model():
            used = with_batches_of(spec, batch_size, len(folds[0].train)) if batch_size else spec

            def judge(numbers: Mapping[str, float]) -> str:
                return str(self._emit(("epoch", numbers)))

            outcome = runner.run(network, used, folds, judge, seconds, keep=keep)
        if runner.fitted is not None:
            runner.fitted = replace(runner.fitted, spec=spec)
        return replace(outcome, result=replace(outcome.result, spec=spec))

    def race(self, candidate: Candidate, specs: Sequence[TrialSpec], fold: Fold) -> list[Outcome]:
        """Train from scratch with several learning rates (see ``race``)."""
        _, runner = self._ready()
        network = self._network(candidate)
        with runtime.one_model():
            return race(runner, network, specs, fold, lambda number, numbers: self._emit(("race", (number, numbers))))

    def save(self, spec: TrialSpec, candidate: Candidate, folder: str, decode_size: int) -> None:
        """Write the model that was fitted last as a model folder. Raises ``RunError`` if it is another one."""
        extractor, _ = self._ready()
        fitted = self._fitted(spec)
        network = self._network(candidate)
        model = export(network.plugin, candidate, network.cuts, spec, fitted.head, fitted.backbone_weights)
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        model.save(target / "model.keras")
        config = {
            "backbone": spec.backbone,
            "weights": spec.weights,
            "image_size": spec.image_size,
            "decode_size": decode_size,
            "spec": spec.to_dict(),
            **{f"{name}_version": version for name, version in runtime.versions().items() if name != "backend"},
        }
        labels = json.dumps(list(extractor.pool.classes), ensure_ascii=False, indent=1)
        (target / "labels.json").write_text(labels, encoding="utf-8")
        (target / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")

    def keep_head(self, spec: TrialSpec, file: str) -> None:
        """Write the head that was fitted last, of a trial with everything else frozen: a whole model costs seconds, and
        few of those that are kept for a while ever ship. Raises ``RunError`` if it is another one."""
        save_head(Path(file), self._fitted(spec).head)

    def restore_head(self, spec: TrialSpec, file: str) -> None:
        """Take a head that was kept for the one that was fitted last."""
        extractor, runner = self._ready()
        runner.fitted = Fitted(spec, load_head(Path(file), len(extractor.pool.classes)), None)

    def _fitted(self, spec: TrialSpec) -> Fitted:
        fitted = self._ready()[1].fitted
        if fitted is None or fitted.spec != spec:
            raise RunError("The model to be saved is not the one that was fitted last.")
        return fitted

    def test(self, folder: str, files: Sequence[str], latency: bool) -> tuple[list[list[float]], float | None]:
        """Class probabilities of original files by the saved model's predictor, and milliseconds an image."""
        from tlsearch.predictor import load, measure_latency

        if self._runner is not None:
            with runtime.one_model():
                self._runner.models.clear()
        predictor = load(Path(folder))
        said = predictor.probabilities([Path(f) for f in files])
        return said.tolist(), measure_latency(predictor) if latency else None

    def images_computed(self) -> int:
        """How many images have gone through a network for their features since the pool was opened."""
        return self._ready()[0].computed

    @contextmanager
    def _counting(self) -> Iterator[None]:
        """Tell the parent what was asked of frozen layers in the block, even where it ended in an error."""
        try:
            yield
        finally:
            if counts := self._ready()[0].passes.take():
                self._emit(("passes", counts))

    def _ready(self) -> tuple[Extractor, TrialRunner]:
        if self._extractor is None or self._runner is None:
            raise RunError("The worker has no images yet.")
        return self._extractor, self._runner

    def _network(self, candidate: Candidate) -> Network:
        """The loaded candidate; only the one in use is kept, for memory's sake."""
        facts = self._facts.get(candidate)
        precision = facts.precision if facts else runtime.FLOAT32
        key = (candidate, precision)
        if key not in self._networks:
            network = Network(_backbone(candidate.backbone), candidate, facts.cuts if facts else None, precision)
            if facts is None:
                size = candidate.image_size
                network.inspect(np.zeros((1, size, size, 3), np.float32))
            self._networks = {key: network}
        return self._networks[key]

    def _progress(self, text: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last_event > 0.2 or done == total:
            self._last_event = now
            self._emit(("progress", (text, done, total)))


def _backbone(name: str) -> Backbone:
    if name == SmallCNN.name:
        scratch: Backbone = SmallCNN()  # type: ignore[assignment]  # a class variable serves as the attribute
        return scratch
    return cast("Backbone", GuardedBackbone(registry.load_plugin("backbone", name)))


def _augmentation(name: str) -> Augmentation:
    return cast("Augmentation", GuardedAugmentation(registry.load_plugin("augmentation", name)))


def _provenance(kind: registry.PluginKind, name: str) -> str:
    """Distribution and version of a plugin."""
    for entry in registry.find_plugins(kind):
        if entry.name == name:
            return f"{entry.distribution} {entry.version}"
    return "tlsearch"
