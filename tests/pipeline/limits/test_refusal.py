"""Limits of time in which no run comes to its end: refused as soon as that is known."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.pipeline.contexts import make_context, make_data
from tests.helpers.pipeline.made_up import LITE, VGG, backbone_facts, facts_of, plugin_facts
from tests.helpers.workers.fake_worker import FakeWorker
from tlsearch.errors import UsageError
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.candidates import AvailableCandidate
from tlsearch.pipeline.candidates.measured import measure_all
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.limits.refusal import (
    ReadingWatch,
    refuse_before_limit,
    refuse_if_hopeless,
    refuse_while_measuring,
)
from tlsearch.pipeline.limits.shortest_limit import EndCosts, least_seconds, may_take
from tlsearch.pipeline.preflight import Ready
from tlsearch.plugins.weights import ResolvedWeights
from tlsearch.utils.units import parse_duration
from tlsearch.worker.client import WorkerDiedError
from tlsearch.worker.protocol import GetVersions, MeasureCandidate, OpenPool

DATA = make_data((0, 1) * 150, test=range(60))
PATTERN = re.compile(
    r"--time-limit is (\w+), but it must be (\w+) or more: the shortest run of (.+), with a linear probe"
)


def sentence_of(call: Any) -> str:
    """What is refused; empty where nothing is."""
    try:
        call()
    except UsageError as error:
        return str(error)
    return ""


def refused(folder: Path, limit: float | None, *, forward: float = 0.01, **options: Any) -> str:
    context = make_context(folder, FakeWorker({}), limit=limit, **options)
    return sentence_of(lambda: refuse_if_hopeless(context, DATA, [facts_of(LITE, forward_seconds=forward)]))


def test_a_limit_in_which_no_run_ends_is_refused_with_the_least_that_is_enough(tmp_path: Path) -> None:
    found = PATTERN.match(refused(tmp_path / "a", 20.0, forward=0.2))
    assert found is not None
    assert found.groups()[0::2] == ("20s", LITE.label)
    least = parse_duration(found[2])
    assert 20 < least < 300
    assert refused(tmp_path / "b", least, forward=0.2) == ""
    assert refused(tmp_path / "c", least / 2, forward=0.2) != ""
    assert refused(tmp_path / "d", 45.0) == ""
    assert refused(tmp_path / "e", None, trials=4, forward=9.0) == ""


def test_what_was_let_pass_once_is_not_refused_when_it_is_resumed(tmp_path: Path) -> None:
    context, facts = make_context(tmp_path, FakeWorker({}), limit=45.0), [facts_of(LITE, forward_seconds=0.01)]
    assert sentence_of(lambda: refuse_if_hopeless(context, DATA, facts)) == ""
    context.budget.set(44.0)
    assert sentence_of(lambda: refuse_if_hopeless(context, DATA, facts)) == ""
    assert sentence_of(lambda: refuse_while_measuring(context, DATA, facts, 5, 100.0)) == ""


@pytest.mark.parametrize(("limit", "end"), [(45.0, 55.0), (200.0, 210.0), (1800.0, 1890.0)])
def test_a_run_may_end_a_little_beyond_its_limit(limit: float, end: float) -> None:
    assert may_take(limit) == end


def test_every_model_is_tested_and_every_option_that_trains_one_more_counts() -> None:
    config = make_context(Path("images"), baseline="none").config
    facts = [facts_of(LITE, forward_seconds=0.1)]

    def least(tested: int = 0, scratch: int = 0, **options: Any) -> float:
        end = EndCosts(test_images=tested, decode_seconds=0.01, from_scratch=scratch)
        return least_seconds(facts, DATA, replace(config, **options), end, 0.0)

    plain = least()
    assert least(tested=100) == pytest.approx(plain + 100 * 2 * (0.1 + 0.01))  # the winner and the linear probe
    assert least(refit=True) > plain
    assert least(scratch=1, baseline="auto") > plain


def test_on_a_busy_machine_what_was_not_measured_on_it_takes_longer() -> None:
    context = make_context(Path("images"))
    facts = [facts_of(LITE, forward_seconds=0.1)]
    idle = EndCosts(test_images=100, decode_seconds=0.01, from_scratch=1)
    busy = replace(idle, contention=10.0)
    assert busy.price((0.1, 0.1)).report == 10 * idle.price((0.1, 0.1)).report
    assert busy.price((0.1, 0.1)).models == 10 * idle.price((0.1, 0.1)).models
    assert busy.price((0.1, 0.1)).test < 10 * idle.price((0.1, 0.1)).test  # passes were timed beside the others
    least = [least_seconds(facts, DATA, context.config, end, 0.0) for end in (idle, busy)]
    assert least[0] < least[1] < 10 * least[0]


# --- while networks are measured


def available(name: str) -> AvailableCandidate:
    file = ResolvedWeights(name="imagenet", file=Path("/w/x.npz"), weights_id="11", needs_download=False, source=None)
    return AvailableCandidate(backbone_facts(name), file)


class Measuring:
    """Measures networks: each takes ``lasts`` seconds to be measured, and then ``forward`` seconds an image."""

    def __init__(self, folder: Path, names: Sequence[str], limit: float, **options: Any) -> None:
        self.asked: list[MeasureCandidate] = []
        self.lasts, self.forward = 0.0, 0.001
        worker = FakeWorker({MeasureCandidate: self._measured, OpenPool: None})
        self.context: RunContext = make_context(folder, worker, limit=limit, **options)
        items = [available(name) for name in names]
        plugins = plugin_facts(*(item.backbone for item in items))
        sizes = [224 for _ in items]
        self.ready = Ready(plugins=plugins, policies=("none",), candidates=items, sizes=sizes, left_out=[])

    def _measured(self, request: MeasureCandidate, _: object) -> MeasuredCandidate:
        self.asked.append(request)
        self.context.budget.started -= self.lasts
        slower = 20 if request.candidate.backbone == "vgg16" else 1
        found = facts_of(replace(request.candidate, depth=12), forward_seconds=slower * self.forward)
        return replace(found, is_timed=request.slowest is None or found.forward_seconds <= request.slowest)

    def __call__(self) -> str:
        return sentence_of(lambda: measure_all(self.context, DATA, self.ready))


@pytest.fixture
def no_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixels of no size are made."""
    monkeypatch.setattr("tlsearch.pipeline.measure.pool_at", lambda data, sizes: {})


pytestmark = pytest.mark.usefixtures("no_pixels")


def test_one_network_that_was_asked_for_is_enough_to_know(tmp_path: Path) -> None:
    """The second is not measured any more, nor is a training step of the first timed."""
    both = {"backbones": ("vgg16", "efficientnet_lite0"), "image_size": 224}
    measuring = Measuring(tmp_path, ["vgg16", "efficientnet_lite0"], 45.0, **both)
    measuring.forward, measuring.lasts = 0.05, 12.0
    found = PATTERN.match(measuring())
    assert found is not None
    assert found[3] == VGG.label
    assert parse_duration(found[2]) > 20 * 0.05 * len(DATA.pool)
    (asked,) = measuring.asked
    assert asked.slowest is not None
    assert asked.slowest < 20 * 0.05
    assert measuring.context.budget.elapsed() < 45


def test_a_machine_that_is_slow_at_the_start_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    measuring = Measuring(tmp_path, ["vgg16"], 45.0)
    measuring.context.budget.set(44.0)
    found = PATTERN.match(measuring())
    assert found is not None
    assert measuring.asked == []
    assert parse_duration(found[2]) > 60


def test_measurements_that_take_long_are_not_all_made(tmp_path: Path) -> None:
    names = ["vgg16", "efficientnet_lite0", "resnet50", "vgg19"]
    measuring = Measuring(tmp_path, names, 45.0, backbones=tuple(names), image_size=32)
    measuring.forward, measuring.lasts = 1e-5, 12.0
    found = PATTERN.match(measuring())
    assert found is not None
    assert len(measuring.asked) < len(names)
    assert measuring.context.budget.elapsed() < 45
    assert parse_duration(found[2]) > 12.0 * len(names)


def test_where_all_fits_nothing_is_refused(tmp_path: Path) -> None:
    measuring = Measuring(tmp_path, ["vgg16", "efficientnet_lite0"], 60.0, image_size=224)
    measuring.lasts = 3.0
    assert measuring() == ""
    assert len(measuring.asked) == 2


def test_a_network_that_nobody_asked_for_gives_way_to_one_that_fits(tmp_path: Path) -> None:
    measuring = Measuring(tmp_path, ["vgg16", "efficientnet_lite0"], 60.0, image_size=224)
    measuring.forward = 0.04
    measured, left_out = measure_all(measuring.context, DATA, measuring.ready)
    assert [candidate.backbone for candidate in measured] == ["efficientnet_lite0"]
    assert [item.name for item in left_out] == [VGG.label]
    assert "no time for its features" in left_out[0].reason


# --- while images are read


@pytest.mark.parametrize(("seconds_an_image", "refused_at"), [(0.001, None), (0.1, 100)])
def test_images_that_take_longer_to_read_than_there_is_time_are_not_all_read(
    tmp_path: Path, seconds_an_image: float, refused_at: int | None
) -> None:
    context = make_context(tmp_path, limit=45.0)
    watch, done = ReadingWatch(context, context.budget.elapsed()), 0

    def read() -> None:
        nonlocal done
        for done in range(1, 2001):
            context.budget.started -= seconds_an_image
            watch(done, 2000)

    said = sentence_of(read)
    assert bool(said) is (refused_at is not None)
    if refused_at is not None:
        assert refused_at <= done < 1.5 * refused_at
        found = re.match(r"--time-limit is 45s, but it must be (\w+) or more: to read the 2,000 images", said)
        assert found is not None, said
        assert parse_duration(found[1]) > 200


def test_without_a_limit_images_may_take_any_time(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    watch = ReadingWatch(context, 0.0)
    context.budget.set(1e6)
    assert sentence_of(lambda: watch(500, 1000)) == ""


# --- while the plan is made


class Hanging(FakeWorker):
    """A worker that does not answer before it is ended."""

    def __init__(self) -> None:
        super().__init__({})
        self._ended = threading.Event()

    def interrupt(self) -> bool:
        self._ended.set()
        return True

    def send(self, request: Any, listener: Any = None) -> Any:
        assert self._ended.wait(20)
        raise WorkerDiedError("The worker process was ended.")


def test_a_machine_on_which_the_plan_is_not_ready_in_time_is_refused_before_the_limit_is_over(tmp_path: Path) -> None:
    context = make_context(tmp_path, Hanging(), limit=45.0)
    context.budget.set(35.9)

    def planning() -> None:
        with refuse_before_limit(context):
            context.worker.send(GetVersions())

    said = sentence_of(planning)
    assert context.budget.elapsed() < 45.0
    found = re.match(r"--time-limit is 45s, but it must be (\w+) or more: the networks could not be measured", said)
    assert found is not None, said
    assert parse_duration(found[1]) > 90


def test_what_fails_for_another_reason_is_told_as_it_is(tmp_path: Path) -> None:
    context = make_context(tmp_path, Hanging(), limit=45.0)
    with pytest.raises(WorkerDiedError), refuse_before_limit(context):
        raise WorkerDiedError("no memory")
    with refuse_before_limit(make_context(tmp_path, Hanging())):
        pass
