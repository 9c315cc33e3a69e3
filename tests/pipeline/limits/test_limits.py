"""The warning that a limit is too short: only where the estimates say so, and what it names is enough by them."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.pipeline.contexts import Heard, make_context, make_data, make_plan
from tests.helpers.pipeline.made_up import LITE, VGG, backbone_facts, facts_of, make_space, plugin_facts
from tests.helpers.workers.fake_worker import FakeWorker
from tlsearch.config import RunConfig
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.candidates import AvailableCandidate
from tlsearch.pipeline.limits.expected_run import first_trials, tunes
from tlsearch.pipeline.limits.shortage_estimates import SLACK, Aim, Estimates
from tlsearch.pipeline.limits.shortage_sentence import shortage
from tlsearch.pipeline.limits.time_messages import rounded, say_duration, warn_if_short
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.preflight import Ready
from tlsearch.plugins.weights import ResolvedWeights
from tlsearch.runs.budget import TimeBudget
from tlsearch.search.cost import Costs
from tlsearch.types import Candidate
from tlsearch.utils.units import parse_duration
from tlsearch.worker.protocol import MeasureCandidate

SMALL = Candidate(backbone="small_cnn", weights=None, weights_file=None, weights_id="", image_size=32, depth=6)
DATA = make_data((0, 1) * 150)
SIZES = {("efficientnet_lite0", "imagenet"): 160, ("vgg16", "imagenet"): 128}


def plan_of(*candidates: Candidate, forward: float = 0.01) -> Plan:
    """A plan for 300 images; a forward pass of a candidate takes ``forward`` seconds an image."""
    space = make_space(*(candidates or (LITE,)))
    costs = Costs(facts={c: facts_of(c, forward_seconds=forward) for c in space.candidates}, images=300)
    return make_plan(space, costs, data=DATA)


def estimates(limit: float | None, plan: Plan | None = None, *, spent: float = 10.0, **options: Any) -> Estimates:
    """The estimates of a run that needs 0.3 ms an image for the small network."""
    config = RunConfig(dataset=Path("x"), time_limit=math.inf if limit is None else limit, **options)
    small = () if config.baseline == "none" or limit is None else (facts_of(SMALL, 1e8, 0.0003),)
    return Estimates(plan=plan or plan_of(), config=config, full_sizes=SIZES, small=small, limit=limit, spent=spent)


def said(found: Estimates) -> str:
    return shortage(found, found.config.effective_trials)


@pytest.mark.parametrize(
    ("limit", "options"),
    [
        (1800.0, {}),
        (300.0, {}),
        (None, {}),
        (None, {"trials": 40}),
        (6 * 3600.0, {"trials": 40}),
        (300.0, {"baseline": "none"}),
        (1800.0, {"epochs": 20}),
        (None, {"trials": 4}),
    ],
)
def test_nothing_is_said_where_all_fits(limit: float | None, options: dict[str, Any]) -> None:
    assert said(estimates(limit, **options)) == ""


def test_nothing_is_said_of_tuning_where_all_layers_are_to_stay_frozen() -> None:
    plan = plan_of()
    frozen = replace(plan, space=replace(plan.space, frozen=((LITE.label, LITE.depth),)))
    assert Aim.TUNING in estimates(40.0, plan).out_of_reach(40.0, 40)
    assert Aim.TUNING not in estimates(40.0, frozen).out_of_reach(40.0, 40)


@pytest.mark.parametrize(
    ("limit", "options", "sentence"),
    [
        (
            40.0,
            {},
            "40s is too short to tune layers of a network and for a fair comparison with a network from scratch: "
            "about TIME would be enough (--time-limit TIME)",
        ),
        (
            40.0,
            {"baseline": "none"},
            "40s is too short to tune layers of a network: about TIME would be enough (--time-limit TIME)",
        ),
        (
            300.0,
            {"epochs": 200, "baseline": "none"},
            "5m is too short to tune layers of a network: about TIME would be enough (--time-limit TIME)",
        ),
        (300.0, {"trials": 200}, "5m is too short for 200 trials: about TIME would be enough (--time-limit TIME)"),
        (
            None,
            {"trials": 2},
            "2 trials are too few to tune layers of a network: 4 trials would be enough (--trials 4)",
        ),
        (
            None,
            {"trials": 1},
            "1 trial is too few to tune layers of a network: 4 trials would be enough (--trials 4)",
        ),
        (
            40.0,
            {"trials": 2},
            "2 trials and 40s are too little to tune layers of a network and for a fair comparison with a network from "
            "scratch: 4 trials and about TIME would be enough (--trials 4 --time-limit TIME)",
        ),
    ],
)
def test_one_sentence_says_what_is_too_short_and_what_is_enough(
    limit: float | None, options: dict[str, Any], sentence: str
) -> None:
    found = said(estimates(limit, **options))
    times = set(re.findall(r"(?:about|--time-limit) (\w+)", found))
    assert len(times) == ("TIME" in sentence)
    assert found == sentence.replace("TIME", "".join(times))
    assert "\n" not in found


@pytest.mark.parametrize("limit", [20.0, 120.0, 1800.0])
@pytest.mark.parametrize("forward", [0.001, 0.03, 1.0])
@pytest.mark.parametrize(
    "options", [{}, {"epochs": 100}, {"trials": 40}, {"trials": 3}, {"baseline": "none"}, {"refit": True}]
)
def test_what_is_named_is_longer_and_enough(limit: float, forward: float, options: dict[str, Any]) -> None:
    """Whoever does as the sentence says is not warned again, though the machine be a little busier."""
    plan = plan_of(LITE, VGG, forward=forward)
    found = said(estimates(limit, plan, **options))
    named = dict(re.findall(r"--(time-limit|trials) (\w+)", found))
    assert bool(named) == bool(found)
    if not named:
        return
    again = options | ({"trials": int(named["trials"])} if "trials" in named else {})
    time = parse_duration(named["time-limit"]) if "time-limit" in named else limit
    assert time >= limit
    slower = plan_of(LITE, VGG, forward=forward * (1.15 if "time-limit" in named else 1))
    assert said(estimates(None if math.isinf(time) else time, slower, **again)) == ""


def test_a_limit_of_trials_that_nobody_asked_for_is_no_aim() -> None:
    """40 trials are what a run may do, not what it was asked to do."""
    assert said(estimates(300.0)) == ""
    assert said(estimates(300.0, trials=40)).startswith("5m is too short for 40 trials")


def test_the_time_that_has_passed_counts() -> None:
    assert estimates(300.0, spent=10).out_of_reach(300.0, 40) == set()
    assert Aim.TUNING in estimates(300.0, spent=250).out_of_reach(300.0, 40)


def test_the_first_trial_that_tunes_is_the_last_of_the_fewest() -> None:
    for candidates in ((LITE,), (LITE, VGG)):
        found = estimates(None, plan_of(*candidates))
        few, plan = found.fewest_trials(), found.plan
        kinds = [any(map(tunes, first_trials(plan.space, plan.costs, candidates, n))) for n in (few - 1, few)]
        assert kinds == [False, True]


def test_one_trial_may_take_the_share_that_the_run_gives_it() -> None:
    budget = TimeBudget(limit=300.0)
    assert estimates(300.0)._expected_run(300.0, 1.0).cap == budget.share("baseline")


def test_workers_that_share_the_cores_let_a_trial_take_longer_and_do_more_at_a_time() -> None:
    plan = plan_of(forward=0.03)
    alone = estimates(120.0, plan, trials=40)
    shared = replace(alone, plan=replace(plan, cap=1.5 * alone._expected_run(120.0, 1.0).cap), workers=2)
    assert shared._expected_run(120.0, 1.0).cap == pytest.approx(1.5 * alone._expected_run(120.0, 1.0).cap)
    assert shared._expected_run(240.0, 1.0).cap == pytest.approx(1.5 * alone._expected_run(240.0, 1.0).cap)
    one = alone._expected_run(7200.0, 1.0)
    assert replace(one, workers=2).seconds_of_all(40) == pytest.approx(0.75 * one.seconds_of_all(40))


def test_with_more_time_networks_are_larger_and_take_longer() -> None:
    """A candidate that was made smaller for want of time is as large with more time as it would be."""
    small = replace(LITE, image_size=64)
    found = estimates(60.0, plan_of(small, forward=0.01))
    seconds = {
        limit: found._expected_run(limit, 1.0).costs.facts[small].forward_seconds for limit in (60.0, 120.0, 3600.0)
    }
    assert seconds[60.0] == 0.01
    assert seconds[120.0] == pytest.approx(0.05 * 120 / 300)  # as long as the first view may take
    assert seconds[3600.0] == pytest.approx(0.01 * (160 / 64) ** 2)
    asked = estimates(60.0, plan_of(small, forward=0.01), image_size=64)
    assert asked._expected_run(3600.0, 1.0).costs.facts[small].forward_seconds == 0.01


def test_where_even_a_week_is_too_short_no_limit_is_named() -> None:
    found = said(estimates(300.0, plan_of(forward=3000.0)))
    assert found.endswith(": a run without a limit of time would be enough (--time-limit none)")


def test_slack_is_for_machines_that_are_busier_than_when_they_were_measured() -> None:
    found = estimates(40.0)
    enough = found.enough(40)
    assert enough is not None
    assert found.out_of_reach(enough, 40, SLACK) == set()


# --- as a run says it


def warned(folder: Path, limit: float | None, worker: FakeWorker, **options: Any) -> list[str]:
    heard = Heard()
    context = make_context(folder, worker, limit=limit, heard=heard, **options)
    facts = backbone_facts("efficientnet_lite0")
    file = ResolvedWeights(
        name="imagenet", file=Path("/w/lite.npz"), weights_id="11aa", needs_download=False, source=None
    )
    item = AvailableCandidate(facts, file)
    ready = Ready(plugins=plugin_facts(facts), policies=("none",), candidates=[item], sizes=[160], left_out=[])
    warn_if_short(context, plan_of(), ready)
    return heard.warnings


def measured(request: MeasureCandidate, _: object) -> MeasuredCandidate:
    return facts_of(request.candidate, 1e8, 0.0003)


def test_a_run_warns_and_a_resumed_run_says_the_same(tmp_path: Path) -> None:
    worker = FakeWorker({MeasureCandidate: measured})
    (sentence,) = warned(tmp_path, 40.0, worker)
    assert sentence.startswith("40s is too short to tune layers of a network and for a fair comparison")
    assert warned(tmp_path, 40.0, FakeWorker({})) == [sentence]  # without measuring again
    assert len(worker.requests) == 1


def test_what_is_not_needed_is_not_measured(tmp_path: Path) -> None:
    assert warned(tmp_path / "a", None, FakeWorker({}), trials=40) == []
    assert warned(tmp_path / "b", 3600.0, FakeWorker({}), baseline="none") == []


def said_of(folder: Path, limit: float | None, *, forward: float = 0.01, **options: Any) -> str:
    """What the plan says of the time, in a folder that does not exist yet."""
    heard = Heard()
    worker = FakeWorker({MeasureCandidate: measured})
    say_duration(make_context(folder, worker, limit=limit, heard=heard, **options), plan_of(forward=forward))
    return "".join(text for step, text in heard.lines if step == "plan")


def seconds_in(text: str) -> float:
    """The estimate."""
    found = re.fullmatch(r"about (.*) for \d+ trials? and all else, as measured here", text)
    assert found is not None, text
    return parse_duration(found[1])


def test_a_run_without_a_limit_says_how_long_it_will_take(tmp_path: Path) -> None:
    assert said_of(tmp_path / "a", 300.0, trials=4) == ""
    few, many = (seconds_in(said_of(tmp_path / f"{n}", None, trials=n)) for n in (4, 40))
    slow = seconds_in(said_of(tmp_path / "slow", None, trials=4, forward=0.1))
    plain = seconds_in(said_of(tmp_path / "plain", None, trials=4, baseline="none"))
    assert plain < few < min(many, slow)


@pytest.mark.parametrize(
    ("seconds", "to"), [(3, 10), (87, 90), (125, 120), (3500, 3480), (3700, 3600), (8000, 7800), (86_000, 85_800)]
)
def test_an_estimate_is_round(seconds: float, to: float) -> None:
    assert rounded(seconds) == to
