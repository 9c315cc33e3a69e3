"""Networks that are there because their weights come with a package: they take part where there is time for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.contexts import Heard, make_context, make_data
from tests.helpers.fake_worker import FakeWorker
from tests.helpers.made_up import backbone_facts, facts_of, installed, online, plugin_facts
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline import plan as planning
from tlsearch.pipeline.candidates import PACKED_SHARE, PREPARATION_SECONDS, AvailableCandidate
from tlsearch.pipeline.preflight import Ready
from tlsearch.plugins.api import TrainingHints
from tlsearch.plugins.weights import ResolvedWeights, from_file
from tlsearch.types import Candidate
from tlsearch.worker.protocol import MeasureCandidate

WORK = {"small": 1e9, "middle": 2e9, "large": 4e9}
IMAGES = 1000
PACE = 1e-11
"""Seconds an operation: an image of the smallest takes 10 ms at its default size."""


def packed(folder: Path, name: str, work: float | None = None) -> AvailableCandidate:
    """A network whose weights are in ``folder``, as if they had come with its package."""
    facts = backbone_facts(name, imagenet=installed(folder, name))
    source = facts.weights["imagenet"]
    facts = replace(facts, work=WORK.get(name) if work is None else work, hints=TrainingHints(freeze_middle=1))
    weights = ResolvedWeights(
        name="imagenet", file=source.path, weights_id=f"id {name}", needs_download=False, source=source
    )
    return AvailableCandidate(facts, weights)


def fetched(folder: Path, name: str, work: float) -> AvailableCandidate:
    """A network whose weights were downloaded: somebody wanted them."""
    item = packed(folder, name, work)
    return AvailableCandidate(item.backbone, replace(item.weights, source=online(name)))


def limit_for(seconds: float) -> float:
    """The time limit of which a packed network may take so many seconds."""
    return seconds / PACKED_SHARE


def test_a_packed_network_may_take_its_share_of_the_time(tmp_path: Path) -> None:
    large = packed(tmp_path, "large")
    needed = PREPARATION_SECONDS + IMAGES * 4e9 * PACE
    assert not large.takes_too_long(224, PACE, IMAGES, limit_for(needed * 1.01))
    assert large.takes_too_long(224, PACE, IMAGES, limit_for(needed * 0.99))
    smaller = PREPARATION_SECONDS + IMAGES * 1e9 * PACE  # a quarter of the pixels
    assert not large.takes_too_long(112, PACE, IMAGES, limit_for(smaller * 1.01))
    assert large.takes_too_long(112, PACE, IMAGES, limit_for(smaller * 0.99))


def test_the_time_is_told_from_what_a_packed_network_took(tmp_path: Path) -> None:
    assert packed(tmp_path, "small").pace(224, 0.01) == pytest.approx(PACE)
    assert packed(tmp_path, "small").pace(112, 0.0025) == pytest.approx(PACE)
    assert fetched(tmp_path, "small", 1e9).pace(224, 0.01) is None
    assert packed(tmp_path, "silent").pace(224, 0.01) is None


def test_what_somebody_chose_never_takes_too_long(tmp_path: Path) -> None:
    chosen = fetched(tmp_path, "vgg", 1e12)
    own = AvailableCandidate(packed(tmp_path, "large").backbone, from_file("own", tmp_path / "large.npz"))
    for item in (chosen, own, packed(tmp_path, "silent")):
        assert not item.takes_too_long(224, 1.0, 10**6, 1.0)


Measure = Callable[..., tuple[list[str], dict[str, str], list[str]]]


@pytest.fixture
def measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Measure:
    """What a plan measures, whom it leaves out and why, and what takes part in its order."""
    monkeypatch.setattr(planning, "open_pool", lambda *_: None)

    def reply(request: MeasureCandidate, _: object) -> MeasuredCandidate:
        asked: Candidate = request.candidate
        work = WORK.get(asked.backbone, 8e9) * (asked.image_size / 224) ** 2
        return facts_of(replace(asked, depth=6), work, work * PACE)

    def measure(
        *items: AvailableCandidate, limit: float | None, **options: Any
    ) -> tuple[list[str], dict[str, str], list[str]]:
        worker = FakeWorker({MeasureCandidate: reply})
        data = make_data((0, 1) * (IMAGES // 2))
        backbones = plugin_facts(*(item.backbone for item in items))
        ready = Ready(plugins=backbones, policies=("none",), candidates=items, sizes=[224] * len(items), left_out=())
        context = make_context(tmp_path, worker, limit=limit, heard=Heard(), **options)
        plan = planning.make_plan(context, data, ready)
        asked = [r.candidate.backbone for r in worker.requests if isinstance(r, MeasureCandidate)]
        left_out = {row.name: row.reason for row in plan.left_out}
        return list(dict.fromkeys(asked)), left_out, [c.backbone for c in plan.space.candidates]

    return measure


def test_without_a_limit_all_take_part(measure: Measure, tmp_path: Path) -> None:
    names = ["large", "middle", "small"]
    asked, left_out, candidates = measure(*(packed(tmp_path, name) for name in names), limit=None)
    assert asked == candidates == ["small", "middle", "large"]
    assert left_out == {}


def test_in_a_short_time_only_the_smallest_is_measured(measure: Measure, tmp_path: Path) -> None:
    items = [packed(tmp_path, name) for name in ("large", "middle", "small")]
    asked, left_out, candidates = measure(*items, limit=300.0)
    assert asked == candidates == ["small"]  # 16 s and a pass of 20 s or more would be more than 9 s
    assert left_out == {
        name: f"it would take longer than 9s before the search; `--backbone {name}` tries it"
        for name in ("middle", "large")
    }


def test_between_them_those_take_part_that_fit(measure: Measure, tmp_path: Path) -> None:
    items = [packed(tmp_path, name) for name in ("small", "middle", "large")]
    asked, left_out, _ = measure(*items, limit=limit_for(PREPARATION_SECONDS + 30.0))  # passes take 20 and 40 s
    assert asked == ["small", "middle"]
    assert list(left_out) == ["large"]


def test_what_the_user_named_takes_part_however_long_it_takes(measure: Measure, tmp_path: Path) -> None:
    items = [packed(tmp_path, name) for name in ("small", "large")]
    asked, left_out, _ = measure(*items, limit=300.0, backbones=("small", "large"))
    assert asked == ["small", "large"]
    assert left_out == {}


def test_weights_that_somebody_fetched_are_no_measure_and_always_take_part(measure: Measure, tmp_path: Path) -> None:
    items = [fetched(tmp_path, "fetched", 8e9), packed(tmp_path, "small")]
    asked, left_out, _ = measure(*items, limit=300.0)
    assert sorted(asked) == ["fetched", "small"]
    assert left_out == {}
