"""What the plan measures: sizes that fit, the small network where it is used, and how long images take to render."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.pipeline.contexts import make_context, make_data
from tests.helpers.pipeline.made_up import LITE, VGG, backbone_facts, facts_of, plugin_facts
from tests.helpers.workers.fake_worker import FakeWorker
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline import plan as planning
from tlsearch.pipeline.candidates import AvailableCandidate
from tlsearch.pipeline.measure import (
    measure_at_fitting_size,
    measure_in_full,
    measure_rendering,
    measure_small_network,
)
from tlsearch.pipeline.plan import make_plan
from tlsearch.pipeline.preflight import Ready
from tlsearch.plugins.weights import ResolvedWeights
from tlsearch.search.cost import RENDER_SECONDS
from tlsearch.worker.protocol import MeasureCandidate, MeasureRendering, OpenPool

IMAGES = 300
DATA = make_data((0, 1) * (IMAGES // 2), val=range(200, IMAGES))


def at_speed(seconds: float) -> Any:
    """Measures every network at so many seconds for an image of 100 x 100 pixels."""

    def measured(request: MeasureCandidate, _: object) -> MeasuredCandidate:
        candidate = replace(request.candidate, depth=12)
        found = facts_of(candidate, forward_seconds=seconds * (candidate.image_size / 100) ** 2)
        return replace(found, is_timed=request.slowest is None or found.forward_seconds <= request.slowest)

    return measured


def sizes(worker: FakeWorker) -> list[int]:
    """The image sizes at which networks were measured."""
    return [r.candidate.image_size for r in worker.requests if isinstance(r, MeasureCandidate)]


def available(name: str) -> AvailableCandidate:
    file = ResolvedWeights(name="imagenet", file=Path("/w/x.npz"), weights_id="11", needs_download=False, source=None)
    return AvailableCandidate(backbone_facts(name), file)


@pytest.fixture
def no_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixels of no size are made."""
    monkeypatch.setattr("tlsearch.pipeline.measure.pool_at", lambda data, sizes: {})


@pytest.mark.parametrize(("seconds", "measured"), [(1e-5, [64, 96]), (3e-3, [64])])
def test_the_small_network_is_measured_at_a_larger_size_only_where_it_is_fast_enough(
    tmp_path: Path, seconds: float, measured: list[int]
) -> None:
    worker = FakeWorker({MeasureCandidate: at_speed(seconds)})
    data = replace(DATA, base_size=160)
    found = measure_small_network(make_context(tmp_path, worker), data, 30.0, RENDER_SECONDS)
    assert sizes(worker) == measured
    assert [n.candidate.image_size for n in found] == measured[::-1]  # the largest first


def test_without_a_limit_the_small_network_keeps_its_largest_size(tmp_path: Path) -> None:
    worker = FakeWorker({MeasureCandidate: at_speed(100.0)})
    data = replace(DATA, base_size=160)
    (found,) = measure_small_network(make_context(tmp_path, worker), data, None, RENDER_SECONDS)
    assert found.candidate.image_size == 96


@pytest.mark.usefixtures("no_pixels")
def test_no_step_is_timed_at_a_size_that_is_too_large(tmp_path: Path) -> None:
    worker = FakeWorker({MeasureCandidate: at_speed(0.03), OpenPool: None})
    context = make_context(tmp_path, worker, limit=100.0)
    full = measure_in_full(context, DATA, {}, available("efficientnet_lite0"), 160)
    assert not full.is_timed
    found = measure_at_fitting_size(context, DATA, {}, full, 32)
    assert found.is_timed
    allowed = 0.05 * 100.0 / IMAGES
    assert found.forward_seconds <= allowed
    asked = [r.slowest for r in worker.requests if isinstance(r, MeasureCandidate)]
    assert asked == [pytest.approx(allowed)] * len(asked)
    assert sizes(worker) == [160, 64]  # not at every size between: what is seen says where to go


@pytest.mark.usefixtures("no_pixels")
def test_at_the_smallest_size_the_step_is_timed_however_slow_it_is(tmp_path: Path) -> None:
    worker = FakeWorker({MeasureCandidate: at_speed(50.0), OpenPool: None})
    context = make_context(tmp_path, worker, limit=100.0)
    full = measure_in_full(context, DATA, {}, available("efficientnet_lite0"), 96)
    found = measure_at_fitting_size(context, DATA, {}, full, 32)
    last = worker.requests[-1]
    assert isinstance(last, MeasureCandidate)
    assert (found.candidate.image_size, found.is_timed, last.slowest) == (32, True, None)


def test_rendering_is_measured_once_and_only_where_time_is_limited(tmp_path: Path) -> None:
    worker = FakeWorker({MeasureRendering: {"color": 1e-7}})
    context = make_context(tmp_path, worker, limit=100.0)
    for _ in range(2):
        assert measure_rendering(context, ("none", "color", "standard"), 64) == {"color": 1e-7}
    (request,) = worker.requests
    assert isinstance(request, MeasureRendering)
    assert request.policies == ("color", "standard")
    assert measure_rendering(make_context(tmp_path, FakeWorker({}), checkpoint="other"), ("color",), 64) == {}


asked: list[MeasureCandidate] = []
"""What the last plan has asked to be measured."""


def planned(folder: Path, names: Sequence[str], seconds: float, limit: float = 100.0, **options: Any) -> planning.Plan:
    """The plan of a run for which networks take ``seconds`` for 100 x 100 pixels, VGG16 twenty times as long."""
    asked.clear()

    def measured(request: MeasureCandidate, _: object) -> MeasuredCandidate:
        asked.append(request)
        slower = 20 if request.candidate.backbone == "vgg16" else 1
        found: MeasuredCandidate = at_speed(slower * seconds)(request, None)
        return found

    worker = FakeWorker({MeasureCandidate: measured, OpenPool: None, MeasureRendering: {}})
    items = [available(name) for name in names]
    ready = Ready(
        plugins=plugin_facts(*(item.backbone for item in items)),
        policies=("none", "standard"),
        candidates=items,
        sizes=[160 for _ in items],
        left_out=[],
    )
    return make_plan(make_context(folder, worker, limit=limit, **options), DATA, ready)


NAMES = [LITE.backbone, VGG.backbone]


@pytest.mark.usefixtures("no_pixels")
def test_a_network_that_could_only_see_tiny_images_is_left_out_and_says_so(tmp_path: Path) -> None:
    plan = planned(tmp_path, NAMES, 0.005)
    assert [c.backbone for c in plan.measured] == [LITE.backbone]
    assert [r.candidate.image_size for r in asked if r.candidate.backbone == "vgg16"] == [
        160
    ]  # nor is it measured there
    (left,) = plan.left_out
    assert left.name.startswith("vgg16@")
    assert left.reason == "in 1m40s there is time for images of 32 px only"


@pytest.mark.usefixtures("no_pixels")
@pytest.mark.parametrize(
    ("names", "seconds", "options"),
    [
        (NAMES, 0.005, {"backbones": ("vgg16", "efficientnet_lite0")}),  # both were asked for by name
        (NAMES[1:], 0.005, {}),  # there is no other
        (NAMES, 5.0, {"limit": 6000.0}),  # nothing sees more
        (NAMES, 0.005, {"image_size": 32, "limit": 600.0}),
    ],
)
def test_otherwise_it_stays(tmp_path: Path, names: list[str], seconds: float, options: dict[str, Any]) -> None:
    assert {c.backbone for c in planned(tmp_path, names, seconds, **options).measured} == set(names)


@pytest.mark.usefixtures("no_pixels")
@pytest.mark.parametrize(
    ("seconds", "options", "compares"), [(1e-5, {}, True), (0.05, {}, False), (1e-5, {"baseline": "none"}, False)]
)
def test_a_trial_may_take_longer_where_nothing_can_be_compared(
    tmp_path: Path, seconds: float, options: dict[str, Any], compares: bool
) -> None:
    assert planned(tmp_path, NAMES[:1], seconds, **options).cap == (25.0 if compares else 35.0)
