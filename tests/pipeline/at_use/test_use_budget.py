"""What is within a budget for use, what is preferred, and what the plan says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.pipeline.contexts import Heard, make_context, make_data
from tests.helpers.pipeline.made_up import LITE, VGG, facts_of, make_space
from tests.helpers.workers.fake_worker import FakeWorker
from tlsearch.config import RunConfig
from tlsearch.errors import TrialError, UsageError
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.models.use_cost import NetworkAtUse, UseCost
from tlsearch.pipeline.at_use.measure import measure_file, measure_use
from tlsearch.pipeline.at_use.use_budget import Shipped, UseBudget
from tlsearch.pipeline.at_use.words import measured_line, use_lines
from tlsearch.types import Candidate
from tlsearch.worker.models.requests import MeasureModelUse, MeasureNetworkUse
from tlsearch.worker.protocol import MeasureCandidate

SMALL = Candidate(backbone="small_cnn", weights=None, weights_file=None, weights_id="", image_size=96, depth=4)
COSTS = {
    LITE: UseCost(megabytes=13.6, ms_per_image=9.0, runtime="onnxruntime 1"),
    VGG: UseCost(megabytes=58.9, ms_per_image=120.0, runtime="onnxruntime 1"),
    SMALL: UseCost(megabytes=2.9, ms_per_image=3.0, runtime="onnxruntime 1"),
}
SPACE = make_space()
LIGHT, HEAVY = (SPACE.spec(SPACE.params(candidate)) for candidate in (LITE, VGG))
ALONE = replace(LIGHT, backbone="small_cnn", weights=None, image_size=96, depth=4, freeze_depth=0)


def make_budget(**options: Any) -> UseBudget:
    """The budget of the options with three made-up networks."""
    networks = [
        NetworkAtUse(candidate=c, cuts=facts_of(c, 1e10 if c is VGG else 1e9).cuts, classes=2, cost=cost)
        for c, cost in COSTS.items()
    ]
    return UseBudget.of(RunConfig(dataset=Path("images"), **options), networks)


def test_each_limit_alone_decides() -> None:
    size, time = make_budget(max_size=20_000_000), make_budget(max_latency=0.005)
    assert [size.may_ship(spec) for spec in (LIGHT, HEAVY, ALONE)] == [True, False, True]
    assert [time.may_ship(spec) for spec in (LIGHT, HEAVY, ALONE)] == [False, False, True]
    assert [n.candidate for n in size.excluded] == [VGG]
    assert [n.candidate for n in time.excluded] == [LITE, VGG]


def test_a_limit_that_is_just_met_is_met() -> None:
    assert make_budget(max_size=13_600_000, max_latency=0.009).may_ship(LIGHT)


def test_a_large_head_may_break_the_budget_that_its_network_keeps() -> None:
    budget = make_budget(max_size=59_000_000)
    assert budget.may_ship(HEAVY)
    assert not budget.may_ship(replace(HEAVY, pooling="flatten", units=512))
    assert budget.excluded == ()


def test_a_network_from_scratch_costs_what_it_costs_with_weights() -> None:
    budget = make_budget(max_size=20_000_000)
    alone = replace(LIGHT, weights=None, freeze_depth=0)
    assert budget.cost_of(alone) == COSTS[LITE]
    assert budget.cost_of(replace(alone, backbone="unknown")) is None
    assert budget.may_ship(replace(alone, backbone="unknown"))  # its file will say


def test_what_is_preferred_is_small_or_fast_and_what_is_alike() -> None:
    wide = replace(LIGHT, pooling="avgmax")  # less than 1 % larger
    small = make_budget(prefer="small")
    assert small.preferred([HEAVY, wide, LIGHT]) == [wide, LIGHT]
    assert small.preferred([HEAVY, ALONE, LIGHT]) == [ALONE]
    assert small.is_cheaper(LIGHT, HEAVY)
    assert not small.is_cheaper(LIGHT, wide)
    accurate = make_budget(prefer="accurate")
    assert accurate.preferred([HEAVY, LIGHT]) == [HEAVY, LIGHT]
    assert not accurate.is_cheaper(LIGHT, HEAVY)


def test_the_plan_says_what_is_left_out_and_why() -> None:
    lines = use_lines(make_budget(max_size=20_000_000, max_latency=0.05, prefer="fast"), (LITE, VGG))
    assert lines == [
        "at use a model would have efficientnet_lite0@imagenet (13.6 MB and 9.0 ms an image); vgg16@imagenet (58.9 MB "
        "and 120.0 ms an image); small_cnn from scratch (2.9 MB and 3.0 ms an image) (exported float32 files, one "
        "thread, by onnxruntime 1)",
        "left out of the choice by --max-latency 50ms and --max-size 20MB: vgg16@imagenet (58.9 MB and 120.0 ms an "
        "image); their trials still inform the search",
        "of models within one standard error of the best, the fastest one will be used",
    ]
    assert use_lines(None, (LITE, VGG)) == []


def test_the_plan_says_where_only_a_network_from_scratch_is_left() -> None:
    (_, _, said) = use_lines(make_budget(max_size=3_000_000), (LITE, VGG))
    assert said == "no pre-trained network is within the budget: a network from scratch will be the model to use"


def measured(context_folder: Path, worker: FakeWorker, **options: Any) -> UseBudget | None:
    context = make_context(context_folder, worker, **options)
    return measure_use(context, make_data(), {c: facts_of(c) for c in (LITE, VGG)})


def answering() -> FakeWorker:
    """A worker that knows what the three networks cost."""

    def measure_candidate(request: MeasureCandidate, _: object) -> MeasuredCandidate:
        return facts_of(replace(request.candidate, depth=4))

    def measure_network(request: MeasureNetworkUse, _: object) -> UseCost:
        return next(cost for c, cost in COSTS.items() if c.backbone == request.candidate.backbone)

    return FakeWorker({MeasureCandidate: measure_candidate, MeasureNetworkUse: measure_network})


def test_nothing_is_measured_where_nothing_was_asked(tmp_path: Path) -> None:
    worker = answering()
    assert measured(tmp_path, worker) is None
    budget = measured(tmp_path, worker, prefer="accurate")
    assert budget is not None
    assert budget.networks == ()
    assert worker.requests == []


def test_every_network_is_measured_once_in_the_life_of_a_run(tmp_path: Path) -> None:
    worker = answering()
    budget = measured(tmp_path, worker, max_size=20_000_000)
    assert budget is not None
    assert [n.cost for n in budget.networks] == list(COSTS.values())
    again = FakeWorker({})  # an error where it is asked anything
    assert measured(tmp_path, again, max_size=20_000_000) == budget


def test_without_a_baseline_no_network_from_scratch_is_in_the_choice(tmp_path: Path) -> None:
    budget = measured(tmp_path, answering(), max_size=20_000_000, baseline="none")
    assert budget is not None
    assert [n.candidate.backbone for n in budget.networks] == [LITE.backbone, VGG.backbone]


def test_an_impossible_budget_is_refused_with_the_smallest_and_the_fastest(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as told:
        measured(tmp_path, answering(), max_size=1_000_000)
    assert str(told.value) == (
        "No network can meet --max-size 1MB: the smallest is small_cnn from scratch (2.9 MB and 3.0 ms an image), "
        "which is the fastest, too; allow more, or choose a smaller --image-size."
    )


def test_the_smallest_and_the_fastest_may_be_two(tmp_path: Path) -> None:
    def swapped(request: MeasureNetworkUse, _: object) -> UseCost:
        large = request.candidate.backbone == VGG.backbone
        return UseCost(megabytes=50.0 if large else 5.0, ms_per_image=5.0 if large else 50.0, runtime="it")

    worker = FakeWorker({**answering().replies, MeasureNetworkUse: swapped})
    with pytest.raises(UsageError, match=r"the smallest is efficient.*5\.0 MB .*, and the fastest vgg16.* 5\.0 ms"):
        measured(tmp_path, worker, max_size=6_000_000, max_latency=0.006)


def test_what_cannot_be_measured_stays_in_the_choice_and_is_told(tmp_path: Path) -> None:
    def broken(request: MeasureNetworkUse, _: object) -> UseCost:
        if request.candidate.backbone == VGG.backbone:
            raise TrialError("no such operation")
        return COSTS[LITE]

    heard = Heard()
    context = make_context(
        tmp_path, FakeWorker({**answering().replies, MeasureNetworkUse: broken}), heard=heard, max_size=20_000_000
    )
    budget = measure_use(context, make_data(), {c: facts_of(c) for c in (LITE, VGG)})
    assert budget is not None
    assert budget.may_ship(HEAVY)
    assert heard.warnings == [
        "what vgg16@imagenet costs at use cannot be measured, so it stays in the choice: no such operation"
    ]


def test_a_file_is_measured_once_and_again_for_another_configuration(tmp_path: Path) -> None:
    worker = FakeWorker({MeasureModelUse: COSTS[LITE]})
    context = make_context(tmp_path, worker)
    assert measure_file(context, LIGHT, tmp_path / "model") == COSTS[LITE]
    measure_file(context, LIGHT, tmp_path / "model")
    assert len(worker.requests) == 1
    measure_file(context, HEAVY, tmp_path / "model")
    assert len(worker.requests) == 2


def test_the_measured_file_is_told_with_what_was_passed_over() -> None:
    shipped = Shipped(spec=LIGHT, candidate=LITE, folder="model", cost=COSTS[LITE])
    budget = make_budget(max_size=20_000_000)
    assert measured_line(shipped, budget) == (
        f"the exported file of {LIGHT.label} has 13.6 MB and takes 9.0 ms an image (onnxruntime 1, one thread), within "
        "--max-size 20MB"
    )
    over = replace(shipped, passed_over=((HEAVY.label, COSTS[VGG]),))
    assert measured_line(over, budget).endswith(
        f"; passed over because the measured file is above the budget: {HEAVY.label} (58.9 MB and 120.0 ms an image)"
    )
    assert "which is more than --max-size 20MB allows" in measured_line(replace(shipped, fits=False), budget)
