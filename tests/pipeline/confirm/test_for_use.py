"""Which model is chosen where a small, a fast or an accurate one is preferred, or a budget was given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.pipeline.confirming import (
    HEAVY,
    LABELS,
    LIGHT,
    PROBE,
    SCRATCH,
    SPACE,
    TRAIN,
    VAL,
    Confirming,
    scratch,
)
from tests.helpers.pipeline.contexts import make_context, make_data, make_plan
from tests.helpers.pipeline.made_up import VGG
from tests.pipeline.at_use.test_use_budget import make_budget
from tlsearch.pipeline.confirm import Confirmation, confirm
from tlsearch.pipeline.messages import confirm_line
from tlsearch.search.reach import Choice
from tlsearch.search.trial_record import TrialRecord

Scores = list[float]


@pytest.fixture
def confirming(monkeypatch: pytest.MonkeyPatch) -> Confirming:
    return Confirming(monkeypatch)


def confirmed(
    confirming: Confirming,
    *scores: tuple[TrialRecord, Scores],
    alone: Scores | None = None,
    probe: TrialRecord = PROBE,
    **options: Any,
) -> Confirmation:
    """What came of contenders with these scores on five folds; ``options`` are those of the budget."""
    confirming.scores = {probe.spec: [0.3] * 5, **{c.spec: s for c, s in scores}, SCRATCH: alone or [0.3] * 5}
    data = make_data(LABELS, val=range(TRAIN, TRAIN + VAL), groups=[n // 4 * 4 for n in range(TRAIN + VAL)])
    context = replace(make_context(Path("images"), **options), budget=confirming.budget)
    plan = make_plan(SPACE, confirming.costs, data=data)
    plan = replace(plan, use=make_budget(**options) if options else None)
    trained = scratch()
    trained = replace(trained, result=replace(trained.result, value=0.9))
    return confirm(context, plan, [c for c, _ in scores], probe, [trained], {})


def labels(found: Confirmation) -> list[str]:
    return [record.spec.backbone for record in found.order]


AS_GOOD = [0.90, 0.92, 0.89, 0.92, 0.90]
BETTER = [0.92, 0.91, 0.92, 0.91, 0.92]


def test_without_options_there_is_no_order_and_the_network_from_scratch_is_none_of_it(confirming: Confirming) -> None:
    found = confirmed(confirming, (LIGHT, AS_GOOD), (HEAVY, BETTER), alone=[0.95] * 5)
    assert (found.order, found.shipped) == ((), None)
    assert found.winner.spec.weights is not None


@pytest.mark.parametrize("prefer", ["small", "fast"])
def test_the_cheapest_within_one_standard_error_is_chosen(confirming: Confirming, prefer: str) -> None:
    found = confirmed(confirming, (HEAVY, BETTER), (LIGHT, AS_GOOD), alone=AS_GOOD, prefer=prefer)
    assert labels(found)[:3] == ["small_cnn", "efficientnet_lite0", "vgg16"]
    assert found.winner is LIGHT  # of those that reuse a network
    assert found.level == (HEAVY.spec,)


def test_what_lies_clearly_behind_is_not_chosen_however_small(confirming: Confirming) -> None:
    found = confirmed(confirming, (HEAVY, BETTER), (LIGHT, [0.6] * 5), alone=[0.5] * 5, prefer="small")
    assert labels(found)[0] == "vgg16"
    assert found.winner is HEAVY
    assert labels(found)[1:3] == ["efficientnet_lite0", "small_cnn"]  # where the file of the first breaks a budget


def test_the_best_mean_is_chosen_where_the_score_is_preferred(confirming: Confirming) -> None:
    found = confirmed(confirming, (LIGHT, AS_GOOD), (HEAVY, BETTER), alone=AS_GOOD, prefer="accurate")
    assert found.winner is HEAVY
    assert labels(found)[0] == "vgg16"


def test_a_network_from_scratch_that_is_best_is_chosen_where_the_score_is_preferred(confirming: Confirming) -> None:
    found = confirmed(confirming, (LIGHT, AS_GOOD), alone=[0.99] * 5, prefer="accurate")
    assert labels(found)[0] == "small_cnn"
    assert found.winner is LIGHT


def test_what_is_above_the_budget_stops_nobody_and_is_not_chosen(confirming: Confirming) -> None:
    # The probe of the larger network leads clearly, and may not be used.
    probe = replace(PROBE, spec=SPACE.spec(SPACE.params(VGG)))
    found = confirmed(confirming, (LIGHT, [0.8] * 5), probe=probe, max_size=20_000_000)
    assert found.winner is LIGHT
    assert set(labels(found)) == {"efficientnet_lite0", "small_cnn"}
    assert labels(found)[0] == "efficientnet_lite0"
    assert probe.spec in found.confirmed  # what the winner is compared with


def test_with_a_budget_and_no_preference_the_usual_rule_has_the_network_from_scratch_beside_it(
    confirming: Confirming,
) -> None:
    found = confirmed(confirming, (LIGHT, AS_GOOD), alone=AS_GOOD, max_size=20_000_000)
    assert labels(found)[0] == "small_cnn"  # as good, and it computes less
    assert found.winner is LIGHT


def test_with_a_budget_a_network_from_scratch_that_lies_clearly_behind_is_not_chosen(confirming: Confirming) -> None:
    found = confirmed(confirming, (LIGHT, AS_GOOD), alone=[0.7] * 5, max_size=20_000_000)
    assert labels(found)[0] == "efficientnet_lite0"


def test_where_only_a_network_from_scratch_is_within_the_budget_it_is_chosen_however_bad(
    confirming: Confirming,
) -> None:
    found = confirmed(confirming, (LIGHT, BETTER), alone=[0.4] * 5, max_size=3_000_000)
    assert labels(found) == ["small_cnn"]
    assert found.winner is LIGHT


def test_the_line_says_what_is_to_be_used_and_why(confirming: Confirming) -> None:
    found = confirmed(confirming, (HEAVY, BETTER), (LIGHT, AS_GOOD), alone=AS_GOOD, prefer="small")
    line = confirm_line(found, "small")
    assert "(1 other cannot be told apart from it; it has the smallest file)" in line
    assert line.endswith(f"to use: {SCRATCH.label}")


def test_trials_that_may_not_be_used_are_no_rivals() -> None:
    choice = Choice(make_budget(max_size=20_000_000).may_ship)
    assert choice.among([HEAVY, LIGHT]) == [LIGHT]
    assert choice.among([HEAVY]) == [HEAVY]
    assert choice.rivals(LIGHT.spec, [HEAVY, LIGHT]) == [LIGHT]
    assert choice.rivals(HEAVY.spec, [HEAVY, LIGHT]) == [HEAVY, LIGHT]
    everything = Choice()
    assert everything.among([HEAVY, LIGHT]) == everything.rivals(LIGHT.spec, [HEAVY, LIGHT]) == [HEAVY, LIGHT]


def test_a_budget_is_what_the_configuration_says() -> None:
    budget = make_budget(max_latency=0.02, max_size=10_000_000, prefer="fast")
    assert (budget.max_ms, budget.max_megabytes, budget.prefer) == (20.0, 10.0, "fast")
    assert budget.asked == "--max-latency 20ms and --max-size 10MB"
