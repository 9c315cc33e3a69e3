"""Of many networks, those that are far behind on a few images are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.pipeline.contexts import Heard, make_context, make_data, make_index, make_plan
from tests.helpers.pipeline.made_up import LITE, backbone_facts, make_costs, make_space, plugin_facts
from tests.helpers.workers.fake_worker import FakeWorker
from tlsearch.errors import TrialError
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.profile import make_profile, tried_once
from tlsearch.pipeline.profile.screen import SCREEN_IMAGES, far_behind, screen, screened_rows
from tlsearch.plugins.api import WeightSource
from tlsearch.types import Candidate
from tlsearch.worker.protocol import ProfileCandidate, ScreenCandidate

NETWORKS = tuple(replace(LITE, backbone=f"net{n}", depth=3) for n in range(6))
ERROR = 0.02
LABELS = (0, 1) * 1200
PUBLISHED = {"net4": 0.8, "net0": 0.7}


def looking(accuracies: Mapping[str, float]) -> FakeWorker:
    """A worker whose networks have these accuracies after their second cut; one without fails."""

    def scores(request: ScreenCandidate | ProfileCandidate, _: object) -> tuple[tuple[float, float], ...]:
        best = accuracies.get(request.candidate.backbone)
        if best is None:
            raise TrialError("torn")
        return (0.1, ERROR), (best, ERROR), (best - 0.05, ERROR)

    return FakeWorker({ScreenCandidate: scores, ProfileCandidate: scores})


def plan_of(*candidates: Candidate, labels: tuple[int, ...] = LABELS, published: Mapping[str, float] = {}) -> Plan:
    space = make_space(*candidates)
    sources = {
        name: WeightSource(trained_on="ImageNet", licence="free", accuracy=accuracy)
        for name, accuracy in published.items()
    }
    known = [
        backbone_facts(c.backbone, **({"imagenet": sources[c.backbone]} if c.backbone in sources else {}))
        for c in candidates
    ]
    return make_plan(space, make_costs(space), data=make_data(labels), plugins=plugin_facts(*known))


ACCURACIES = {"net0": 0.8, "net1": 0.9, "net2": 0.85, "net3": 0.2, "net4": 0.5, "net5": 0.84}


def test_what_is_far_behind_is_left_out_with_both_estimates(tmp_path: Path) -> None:
    heard, worker = Heard(), looking(ACCURACIES)
    plan, profile = make_profile(make_context(tmp_path, worker, heard=heard), plan_of(*NETWORKS))
    assert [c.backbone for c in plan.space.candidates] == [c.backbone for c in profile] == ["net1", "net2"]
    assert {s.label: (s.accuracy, s.stays) for s in plan.screened} == {
        c.label: (ACCURACIES[c.backbone], c.backbone in ("net1", "net2")) for c in NETWORKS
    }
    reasons = {item.name: item.reason for item in plan.left_out}
    assert list(reasons) == [NETWORKS[n].label for n in (0, 3, 4, 5)]
    assert reasons[NETWORKS[3].label].startswith(
        "on 400 images its best linear probe has 0.200 ± 0.020, that of net1@imagenet 0.900 ± 0.020"
    )
    line = (
        "2 of 6 networks stay after a look at 400 images: net1@imagenet 0.900, net2@imagenet 0.850; far behind: "
        "net5@imagenet 0.840, net0@imagenet 0.800, net4@imagenet 0.500, net3@imagenet 0.200"
    )
    assert ("profile", line) in heard.lines
    profiled = [r.candidate.backbone for r in worker.requests if isinstance(r, ProfileCandidate)]
    assert profiled == ["net1", "net2"]


def test_the_most_accurate_on_imagenet_stays_and_is_tuned_once(tmp_path: Path) -> None:
    plan = screen(make_context(tmp_path, looking(ACCURACIES)), plan_of(*NETWORKS, published=PUBLISHED))
    assert [c.backbone for c in plan.space.candidates] == ["net1", "net2", "net4"]
    assert tried_once(plan, [NETWORKS[1]]) == [NETWORKS[4]]
    assert tried_once(plan, [NETWORKS[4]]) == []
    assert tried_once(replace(plan, cap=1e-6), [NETWORKS[1]]) == []  # there is no time to tune it
    assert tried_once(plan_of(*NETWORKS), [NETWORKS[1]]) == []  # nobody published anything
    assert tried_once(make_plan(), [LITE]) == []


def test_few_networks_or_few_images_are_all_profiled(tmp_path: Path) -> None:
    context = make_context(tmp_path, FakeWorker({}))
    for plan in (plan_of(*NETWORKS[:4]), plan_of(*NETWORKS, labels=(0, 1) * 1000)):
        assert screen(context, plan) is plan


def test_a_network_that_fails_is_left_to_the_profile(tmp_path: Path) -> None:
    heard = Heard()
    accuracies = {name: accuracy for name, accuracy in ACCURACIES.items() if name != "net2"}
    plan, profile = make_profile(make_context(tmp_path, looking(accuracies), heard=heard), plan_of(*NETWORKS))
    assert [c.backbone for c in profile] == ["net1"]
    assert len(plan.screened) == 5
    assert "its plugin tlsearch 0.1 fails: torn" in {item.name: item.reason for item in plan.left_out}["net2@imagenet"]
    assert len(heard.warnings) == 1


def test_a_resumed_run_looks_at_nothing_twice(tmp_path: Path) -> None:
    first = screen(make_context(tmp_path, looking(ACCURACIES)), plan_of(*NETWORKS))
    again = screen(make_context(tmp_path, FakeWorker({})), plan_of(*NETWORKS))
    assert again.screened == first.screened
    assert again.space == first.space


def test_the_images_are_a_share_of_every_class_and_follow_the_seed() -> None:
    data = make_data((*([0] * 1800), *([1] * 600)) * 2, val=())
    rows = screened_rows(data, 0)
    assert len(rows) == SCREEN_IMAGES
    assert sum(data.labels[row] for row in rows) == pytest.approx(SCREEN_IMAGES / 4, abs=1)
    assert rows == screened_rows(data, 0) != screened_rows(data, 1)
    labels = tuple(range(40)) * 100
    many = make_data(labels, val=(), index=make_index(labels, [f"class{n}" for n in range(40)]))
    assert len(screened_rows(many, 0)) == 800


def test_doubt_keeps_a_network() -> None:
    looks = {NETWORKS[0]: (0.9, 0.03), NETWORKS[1]: (0.82, 0.03), NETWORKS[2]: (0.81, 0.03), NETWORKS[3]: (0.5, 0.03)}
    assert far_behind(looks, None) == [NETWORKS[2], NETWORKS[3]]  # 0.085 is two standard errors of the difference
    assert far_behind(looks, NETWORKS[3]) == [NETWORKS[2]]
    assert far_behind({}, None) == []
