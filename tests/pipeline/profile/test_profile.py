"""What the accuracy by depth is used for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.pipeline.contexts import Heard, make_context, make_plan
from tests.helpers.pipeline.made_up import LITE, VGG, backbone_facts, facts_of, plugin_facts
from tests.helpers.workers.fake_worker import FakeWorker
from tlsearch.errors import OutOfTimeError, PluginError, PluginFailedError, TrialError
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.profile import (
    COSTLY,
    Profile,
    Tuning,
    best_candidates,
    make_profile,
    profile_line,
)
from tlsearch.pipeline.profile.timed import MOST_TIME
from tlsearch.results.schema import ProfilePoint
from tlsearch.search.cost import COMPILE_SECONDS
from tlsearch.types import Candidate
from tlsearch.worker.protocol import ProfileCandidate

THIRD = replace(VGG, backbone="resnet50", depth=17)


def points(*accuracies: float) -> tuple[ProfilePoint, ...]:
    return tuple(
        ProfilePoint(cut_point=f"cut{n}", depth=n, accuracy=a, stderr=0.02) for n, a in enumerate(accuracies, 1)
    )


def best(profile: dict[Candidate, tuple[ProfilePoint, ...]], *dear: Candidate) -> list[Candidate]:
    return best_candidates(profile, {c: Tuning(fits=c not in dear) for c in profile}, timed=True)


def test_the_best_probe_leads() -> None:
    assert best({LITE: points(0.5, 0.6), VGG: points(0.9, 0.7)}) == [VGG]


def test_a_second_within_two_standard_errors_is_tuned_too() -> None:
    assert best({LITE: points(0.5, 0.861), VGG: points(0.9, 0.7)}) == [VGG, LITE]
    assert best({LITE: points(0.5, 0.859), VGG: points(0.9, 0.7)}) == [VGG]
    assert best({LITE: points(0.89), VGG: points(0.9), THIRD: points(0.895)}) == [VGG, THIRD]  # never three


def test_what_cannot_be_tuned_in_the_time_gives_way() -> None:
    profile = {LITE: points(0.5), VGG: points(0.9), THIRD: points(0.8)}
    assert best(profile, VGG) == [THIRD]
    assert best(profile, VGG, THIRD) == [LITE]
    assert best(profile, LITE, VGG, THIRD) == [VGG]  # where none can be, the best probe all the same


EQUAL = {LITE: points(0.89), VGG: points(0.9)}
CHEAP, DEAR = Tuning(late=1.0, middle=3.0), Tuning(late=COSTLY * 3.0 + 0.1, middle=40.0)


def test_of_two_that_are_equally_good_the_far_cheaper_one_is_tuned() -> None:
    assert best_candidates(EQUAL, {LITE: CHEAP, VGG: DEAR}, timed=True) == [LITE]
    assert best_candidates(EQUAL, {LITE: DEAR, VGG: CHEAP}, timed=True) == [VGG]
    near = replace(DEAR, late=COSTLY * 3.0)
    assert best_candidates(EQUAL, {LITE: CHEAP, VGG: near}, timed=True) == [VGG, LITE]


def test_both_are_tuned_where_there_is_time_or_the_dearer_one_is_better_by_what_is_published() -> None:
    assert best_candidates(EQUAL, {LITE: CHEAP, VGG: DEAR}, timed=False) == [VGG, LITE]

    def published(cheap: float | None, dear: float | None) -> list[Candidate]:
        tuning = {LITE: replace(CHEAP, published=cheap), VGG: replace(DEAR, published=dear)}
        return best_candidates(EQUAL, tuning, timed=True)

    assert published(0.75, 0.82) == [VGG, LITE]
    assert published(0.75, 0.71) == published(0.75, None) == published(None, 0.82) == [LITE]


def test_a_dearer_one_that_is_clearly_better_is_tuned_alone() -> None:
    assert best_candidates({LITE: points(0.8), VGG: points(0.9)}, {LITE: CHEAP, VGG: DEAR}, timed=True) == [VGG]


def test_the_line_that_people_see() -> None:
    assert (
        profile_line(VGG, points(0.5, 0.69, 0.9, 0.8))
        == f"{VGG.label:<28}  =@#  best 0.900 after block 3 of 4 (cut point cut3)"
    )
    assert profile_line(VGG, points(1.0, 1.0)).endswith("best 1.000 after block 1 of 2 (cut point cut1)")


def probing(fails: Mapping[str, Exception]) -> FakeWorker:
    """A worker that probes; some backbones raise."""

    def profile(request: ProfileCandidate, _: object) -> tuple[tuple[float, float], ...]:
        if request.candidate.backbone in fails:
            raise fails[request.candidate.backbone]
        return ((0.5, 0.1),) * request.candidate.depth

    return FakeWorker({ProfileCandidate: profile})


def profiled(tmp_path: Path, fails: Mapping[str, Exception], **options: Any) -> tuple[tuple[Plan, Profile], list[str]]:
    """What comes of a profile in which some backbones raise, and the warnings on the way."""
    heard = Heard()
    context = make_context(tmp_path, probing(fails), heard=heard, **options)
    plugins = plugin_facts(backbone_facts("vgg16"), backbone_facts("efficientnet_lite0"))
    return make_profile(context, make_plan(plugins=plugins)), heard.warnings


def test_a_candidate_whose_plugin_fails_is_left_out(tmp_path: Path) -> None:
    (plan, profile), said = profiled(
        tmp_path, {"vgg16": PluginFailedError("The backbone plugin 'vgg16' raised OSError.")}
    )
    assert list(profile) == list(plan.space.candidates) == [LITE]
    assert [item.name for item in plan.left_out] == [VGG.label]
    assert "raised OSError" in plan.left_out[0].reason
    assert len(said) == 1
    # By chance it would not fail in a run that is resumed: the study does not know it.
    (again, probed), heard = profiled(tmp_path, {})
    assert (again.space, again.left_out, probed, heard) == (plan.space, plan.left_out, profile, said)
    (plan, profile), said = profiled(tmp_path / "another run", {})
    assert list(profile) == [LITE, VGG]
    assert plan.left_out == ()
    assert said == []


def test_what_the_user_named_must_not_fail(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"vgg16@imagenet of tlsearch 0\.1 cannot be used: torn\.$"):
        profiled(tmp_path, {"vgg16": TrialError("torn")}, backbones=("vgg16", "efficientnet_lite0"))
    failed = PluginFailedError("The backbone plugin 'vgg16' raised OSError.")
    with pytest.raises(PluginError, match="raised OSError: `tlsearch plugins check vgg16` shows where"):
        profiled(tmp_path, {"vgg16": failed}, backbones=("vgg16", "efficientnet_lite0"))


def test_where_all_fail_the_run_ends(tmp_path: Path) -> None:
    torn = TrialError("torn")
    with pytest.raises(PluginError, match="No backbone can be used"):
        profiled(tmp_path, {"vgg16": torn, "efficientnet_lite0": torn})


def test_what_there_is_no_time_for_is_left_out_and_the_cheapest_has_all_the_time(tmp_path: Path) -> None:
    """A run that is resumed leaves it out too, and asks nobody again."""
    heard, worker = Heard(), probing({"vgg16": OutOfTimeError("its time was over")})
    plan = make_plan()
    plan.costs.facts = {LITE: facts_of(LITE, forward_seconds=0.01), VGG: facts_of(VGG, forward_seconds=0.1)}
    for asked in (2, 0):
        worker.requests.clear()
        context = make_context(tmp_path, worker, limit=100.0, heard=heard, backbones=("vgg16", "efficientnet_lite0"))
        found, profile = make_profile(context, plan)
        assert list(profile) == [LITE]
        assert [(item.name, item.reason) for item in found.left_out] == [
            (VGG.label, "there was no time for its features")
        ]
        assert len(worker.requests) == asked
        if asked:
            given = {r.candidate: r.seconds for r in worker.requests if isinstance(r, ProfileCandidate)}
            assert given[LITE] is None
            assert given[VGG] == pytest.approx(100.0 * MOST_TIME)
    assert heard.warnings == [f"{VGG.label} is left out: there was no time for its features"] * 2


def test_the_first_views_set_the_pace(tmp_path: Path) -> None:
    """They took longer than estimated: so will what comes later, in a run that is resumed too."""
    plan = make_plan()
    images = len(plan.data.pool)
    plan.costs.facts = {c: facts_of(c, forward_seconds=50.0 / images) for c in plan.space.candidates}

    def slow(request: ProfileCandidate, _: object) -> tuple[tuple[float, float], ...]:
        context.budget.started -= 200.0
        return ((0.5, 0.1),) * request.candidate.depth

    factors = []
    for worker in (FakeWorker({ProfileCandidate: slow}), FakeWorker({})):
        context = make_context(tmp_path, worker, limit=10_000.0)
        make_profile(context, plan)
        factors.append(context.budget.pace.factor)
    assert factors[0] == pytest.approx(200 / (50 + COMPILE_SECONDS), abs=0.3)
    assert factors[1] == factors[0]
