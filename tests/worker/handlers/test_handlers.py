"""What the worker does for each request, in this process: plugins, measurements, profile and insight."""

from __future__ import annotations

from dataclasses import astuple, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

import numpy as np
import pytest

from tests.helpers.workers.handling import FOLD, POOL, SIZE, Worker, opened, solved
from tlsearch.errors import OutOfTimeError, PluginError, RunError, WeightsError
from tlsearch.features.passes import Amount, FrozenCounts
from tlsearch.features.prefix import Network
from tlsearch.models.measured import UNTIMED_RATIO, MeasuredCandidate
from tlsearch.plugins import registry
from tlsearch.types import Candidate
from tlsearch.utils import deadline
from tlsearch.worker import protocol
from tlsearch.worker.dispatch import all_handlers
from tlsearch.worker.events import FrozenPasses, WorkProgress
from tlsearch.worker.models import requests
from tlsearch.worker.protocol import (
    DescribePlugins,
    ExamineLabels,
    FindGpu,
    GetVersions,
    MeasureCandidate,
    MeasureRendering,
    ProfileCandidate,
    Request,
    ScreenCandidate,
    reply_type,
)

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


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


def test_a_handler_takes_its_own_requests_only() -> None:
    with pytest.raises(TypeError, match="find_gpu handles FindGpu, not GetVersions"):
        all_handlers()[FindGpu](Worker().state, GetVersions())


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
