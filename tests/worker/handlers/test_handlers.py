"""What the worker does for each request, in this process."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator
from dataclasses import astuple, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, get_type_hints

import numpy as np
import pytest
from PIL import Image

from tests.helpers.networks import tiny_source
from tests.helpers.networks.tiny import make_fold, make_pool
from tlsearch.errors import OutOfTimeError, PluginError, RunError, WeightsError
from tlsearch.features.passes import Amount, FrozenCounts
from tlsearch.features.prefix import Network
from tlsearch.models.measured import UNTIMED_RATIO, MeasuredCandidate
from tlsearch.models.use_cost import NetworkAtUse
from tlsearch.plugins import registry
from tlsearch.training import trial as trial_module
from tlsearch.training.compiled import compile_model
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, Decision, TrialSpec
from tlsearch.utils import deadline
from tlsearch.worker import protocol
from tlsearch.worker.dispatch import all_handlers, handle
from tlsearch.worker.events import EpochEnd, Event, FrozenPasses, WorkProgress
from tlsearch.worker.models import requests
from tlsearch.worker.models.requests import (
    EvaluateModel,
    LoadHead,
    MeasureModelUse,
    MeasureNetworkUse,
    SaveHead,
    SaveModel,
    SaveReference,
)
from tlsearch.worker.protocol import (
    CountComputedImages,
    DescribePlugins,
    ExamineLabels,
    MeasureCandidate,
    MeasureRendering,
    OpenPool,
    ProfileCandidate,
    Request,
    RunSuccessiveHalving,
    RunTrial,
    ScreenCandidate,
    reply_type,
)
from tlsearch.worker.state import WorkerState

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

T = TypeVar("T")

SIZE = 32
POOL = make_pool(60, SIZE)
FOLD = make_fold(60)


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The distribution ``tiny-backbone`` on the path, whose network is built at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_cache", {})
        patch.syspath_prepend(site := tiny_source.install(tmp_path_factory.mktemp("site")))
        yield site
        sys.modules.pop("tiny_backbone", None)


@pytest.fixture(scope="module")
def candidate(site: Path) -> Candidate:
    """The tiny network, as it was asked for."""
    return Candidate(
        backbone="tiny",
        weights="random",
        weights_file=str(site / "tiny.npz"),
        weights_id="id",
        image_size=SIZE,
        depth=0,
    )


class Worker:
    """Handles requests in this process, and collects their events."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.state = WorkerState(self.emit)

    def emit(self, event: Event) -> Decision:
        self.events.append(event)
        return Decision.CONTINUE

    def send(self, request: Request[T]) -> T:
        """The reply to a request."""
        return handle(self.state, request)

    def trial(self, candidate: Candidate, spec: TrialSpec, *, keep: bool = False) -> Outcome:
        """The outcome of a trial on the fold."""
        return self.send(RunTrial(candidate=candidate, spec=spec, folds=(FOLD,), keep_compiled=keep))

    def images_computed(self) -> int:
        """How many images have gone through a network."""
        return self.send(CountComputedImages())


def opened(folder: Path, *measured: MeasuredCandidate) -> Worker:
    """A worker with the pool of pictures."""
    file = folder / "pixels.npy"
    if not file.exists():
        np.save(file, POOL.pixels[SIZE])
    worker = Worker()
    worker.send(
        OpenPool(
            pixels={SIZE: file},
            labels=tuple(POOL.labels.tolist()),
            groups=tuple(POOL.groups.tolist()),
            classes=POOL.classes,
            digest=POOL.digest,
            cache_dir=folder / "cache",
            cache_limit=10**9,
            metric="accuracy",
            measured=measured,
        )
    )
    return worker


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder with one store for all tests."""
    return tmp_path_factory.mktemp("jobs")


@pytest.fixture(scope="module")
def facts(folder: Path, candidate: Candidate) -> MeasuredCandidate:
    """The tiny network as it was measured."""
    return opened(folder).send(MeasureCandidate(candidate=candidate, train_at=0.8))


def solved(**changes: Any) -> TrialSpec:
    """The linear probe on the tiny network."""
    return replace(
        TrialSpec(backbone="tiny", weights="random", image_size=SIZE, depth=4, freeze_depth=4),
        **changes,
    )


def test_every_request_has_a_handler_that_takes_it_and_gives_its_reply() -> None:
    named = {**vars(protocol), **vars(requests)}.values()
    classes = {kind for kind in named if isinstance(kind, type) and issubclass(kind, Request)}
    classes.remove(Request)
    assert len(classes) == 25
    assert set(all_handlers()) == classes
    for request, handler in all_handlers().items():
        hints = get_type_hints(handler)
        assert (hints["request"], hints["return"]) == (request, reply_type(request))
    activities = {Request.activity, *(kind.activity for kind in all_handlers())}
    assert len(activities) == len(classes) + 1


def test_plugins_are_described_without_handing_them_over() -> None:
    facts = Worker().send(DescribePlugins())
    by_name = {b.name: b for b in facts.backbones}
    assert {"vgg16", "vgg19", "resnet50", "efficientnet_lite0"} <= set(by_name)
    lite = by_name["efficientnet_lite0"]
    assert (lite.default_image_size, lite.min_image_size) == (224, 32)
    assert lite.weights["imagenet"] == registry.load_plugin("backbone", "efficientnet_lite0").weights["imagenet"]
    assert {"flip", "crop", "rotate", "shift", "color", "geometric", "standard"} <= set(facts.of("augmentation"))
    assert facts.of("augmentation")["flip"] == f"{lite.distribution} {lite.version}"
    assert facts.broken == ()


def test_measure_finds_cuts_and_times(facts: MeasuredCandidate, candidate: Candidate) -> None:
    assert facts.candidate == replace(candidate, depth=4)
    assert [cut.name for cut in facts.cuts] == ["cut1", "cut2", "cut3", "cut4"]
    assert facts.precision == "float32"  # bound by memory traffic, whatever the machine has
    assert 0 < facts.forward_seconds < 5
    assert 0 < facts.train_ratio < 100


def test_profile_gives_an_accuracy_for_each_cut(folder: Path, facts: MeasuredCandidate) -> None:
    worker = opened(folder, facts)
    request = ProfileCandidate(candidate=facts.candidate, train=FOLD.train, seed=0)
    scores = worker.send(request)
    assert len(scores) == 4
    assert all(0 <= accuracy <= 1 and 0 <= error < 0.1 for accuracy, error in scores)
    assert max(accuracy for accuracy, _ in scores) > 0.8
    assert WorkProgress(f"probing {facts.candidate.label}", 4, 4) in worker.events
    assert worker.images_computed() == 60
    assert worker.send(request) == scores
    assert worker.images_computed() == 60
    whole, label = Amount(60, 60.0), facts.candidate.label
    first, second = [event.counts for event in worker.events if isinstance(event, FrozenPasses)]
    assert first == {label: FrozenCounts(whole, whole, first[label].computed)}
    assert astuple(first[label].computed) == pytest.approx((60, 60.0))
    assert second == {label: FrozenCounts(whole, whole)}  # stored by now


def test_a_look_computes_a_few_images_and_stores_nothing(tmp_path: Path, facts: MeasuredCandidate) -> None:
    rows = tuple(range(0, 60, 2))
    worker = opened(tmp_path, facts)
    scores = worker.send(ScreenCandidate(candidate=facts.candidate, rows=rows, seed=0))
    assert len(scores) == 4
    assert all(0 <= accuracy <= 1 and 0 <= error < 0.1 for accuracy, error in scores)
    assert max(accuracy for accuracy, _ in scores) > 0.6
    assert worker.images_computed() == len(rows)
    [counted] = [event.counts for event in worker.events if isinstance(event, FrozenPasses)]
    assert {astuple(amount) for amount in vars(counted[facts.candidate.label]).values()} == {(30, 30.0)}
    worker.send(ProfileCandidate(candidate=facts.candidate, train=FOLD.train, seed=0))
    assert worker.images_computed() == len(rows) + 60
    assert worker.send(ScreenCandidate(candidate=facts.candidate, rows=rows, seed=0)) == scores  # of stored features
    assert worker.images_computed() == len(rows) + 60


def test_a_profile_whose_time_is_over_ends_between_two_batches(
    tmp_path: Path, facts: MeasuredCandidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has computed so far is not kept, for it is not whole."""
    worker, now, compute = opened(tmp_path, facts), [0.0], Network.compute

    def slow(network: Network, *arguments: Any) -> Any:
        now[0] += 10.0
        return compute(network, *arguments)

    monkeypatch.setattr(Network, "compute", slow)
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: now[0]))
    request = ProfileCandidate(candidate=facts.candidate, train=FOLD.train, seed=0, seconds=5.0)
    with pytest.raises(OutOfTimeError):
        worker.send(request)
    assert worker.images_computed() == 32
    assert len(worker.send(replace(request, seconds=None))) == 4
    assert worker.images_computed() == 32 + 60


def test_insight_asks_probes_on_stored_features_of_every_image(folder: Path, facts: MeasuredCandidate) -> None:
    worker = opened(folder, replace(facts, forward_seconds=1e6))  # to compute them would take too long
    worker.send(ProfileCandidate(candidate=facts.candidate, train=FOLD.train, seed=0))  # stores what the probes work on
    before = worker.images_computed()
    found = worker.send(ExamineLabels(candidate=facts.candidate, seed=0, seconds=600.0))
    assert found is not None
    assert worker.images_computed() == before
    assert found.rows.tolist() == list(range(60))
    assert found.probabilities.shape == (60, len(POOL.classes))
    assert (found.probabilities.argmax(axis=1) == POOL.labels).mean() > 0.8
    assert found.more_data.points[-1].score > 0.8
    texts = [event.text for event in worker.events if isinstance(event, WorkProgress)]
    assert any(text == "linear probes of every image" for text in texts)


def test_insight_computes_features_only_where_there_is_time(
    folder: Path, tmp_path: Path, facts: MeasuredCandidate
) -> None:
    np.save(tmp_path / "pixels.npy", POOL.pixels[SIZE])
    worker = opened(tmp_path, facts)
    assert worker.send(ExamineLabels(candidate=facts.candidate, seed=0, seconds=0.0)) is None
    assert worker.images_computed() == 0
    found = worker.send(ExamineLabels(candidate=facts.candidate, seed=0, seconds=None))
    assert found is not None
    assert worker.images_computed() == 60
    again = opened(folder, facts).send(ExamineLabels(candidate=facts.candidate, seed=0, seconds=None))
    assert again is not None
    assert again.more_data == found.more_data
    np.testing.assert_array_equal(again.probabilities, found.probabilities)


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


def test_requests_before_the_pool_is_opened_are_an_error(candidate: Candidate) -> None:
    with pytest.raises(RunError, match="no images yet"):
        Worker().trial(candidate, solved())


def test_plugins_that_are_not_there_and_weights_that_do_not_fit(
    folder: Path, tmp_path: Path, candidate: Candidate
) -> None:
    worker = opened(folder)
    with pytest.raises(PluginError, match="did you mean 'tiny'"):
        worker.send(MeasureCandidate(candidate=replace(candidate, backbone="tinny"), train_at=0.5))
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"broken\.npz does not fit"):
        worker.send(MeasureCandidate(candidate=replace(candidate, weights_file=str(broken)), train_at=0.5))


def test_no_step_is_timed_where_a_forward_pass_takes_too_long(folder: Path, candidate: Candidate) -> None:
    worker = opened(folder)
    slow = worker.send(MeasureCandidate(candidate=candidate, train_at=0.5, slowest=1e-12))
    assert (slow.is_timed, slow.train_ratio) == (False, UNTIMED_RATIO)
    fast = worker.send(MeasureCandidate(candidate=candidate, train_at=0.5, slowest=1e3))
    assert fast.is_timed
    assert fast.train_ratio != UNTIMED_RATIO
    assert fast.cuts == slow.cuts


def test_rendering_is_timed_and_an_augmentation_that_fails_is_passed_over(folder: Path) -> None:
    found = opened(folder).send(
        MeasureRendering(policies=("flip", "no_such_policy", "color"), image_size=SIZE, seconds=60.0)
    )
    assert found.keys() == {"flip", "color"}
    few = MeasureRendering(policies=("flip", "color"), image_size=SIZE, seconds=0.0)
    assert opened(folder).send(few).keys() <= {"flip"}  # the time is over with the first
    assert all(0 < seconds < 1e-3 for seconds in found.values())  # a pixel takes far less than a millisecond


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
    assert ([tap.layer for tap in reference.taps], reference.frozen) == (layers, True)
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
    assert [tap.layer for tap in reference.taps] == [facts.cuts.point(number).layer for number in (2, 4)]
    assert not reference.frozen
    assert (len(reference.images), len(reference.sample)) == (60 - len(FOLD.val), len(FOLD.val))


def test_without_time_no_features_are_computed(facts: MeasuredCandidate, folder: Path, tmp_path: Path) -> None:
    worker = opened(folder, facts)
    spec = solved(freeze_depth=0, steps=2, lr_suffix=1e-3, lr_head=1e-2)
    assert worker.send(reference_request(facts, spec, tmp_path, seconds=0.0)) == 0
    assert list(tmp_path.iterdir()) == []
