"""How long trained trials are, once profile and baseline are over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.pipeline.contexts import Heard, make_context, make_data, make_plan
from tests.helpers.pipeline.made_up import LITE, make_costs, make_space
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.search.steps import settle_steps
from tlsearch.search.schedule import MARGIN
from tlsearch.types import TrialSpec

LIMIT = 1000.0
IMAGES = [0, 1] * 2000


def plan_of(steps: int) -> Plan:
    """A plan of one network, whose later half could be tuned for a long time."""
    space = make_space(LITE, steps=steps)
    return replace(make_plan(space, make_costs(space), data=make_data(IMAGES)), cap=1e6)


def deep(plan: Plan) -> TrialSpec:
    """The trial that tunes the later half."""
    space = plan.space
    return space.spec(space.params(LITE, train_suffix=True, freeze_depth=6, policy=space.policy_of("strong")))


def context_at(tmp_path: Path, elapsed: float, heard: Heard | None = None, **options: Any) -> RunContext:
    context = make_context(tmp_path, limit=LIMIT, heard=heard, **options)
    context.budget.started -= elapsed
    return context


def fits(context: RunContext, plan: Plan, spec: TrialSpec) -> bool:
    """Whether the search would begin a trial now."""
    return context.budget.fits(MARGIN * context.budget.price(plan.costs.seconds(spec)), "rest")


@pytest.mark.parametrize("slower", [1.0, 1.6])
@pytest.mark.parametrize("elapsed", [200.0, 400.0, 600.0])
def test_the_most_promising_trial_fits_whatever_came_before_it(tmp_path: Path, elapsed: float, slower: float) -> None:
    plan, context = plan_of(3000), context_at(tmp_path, elapsed)
    context.budget.pace.note(500.0, slower * 500.0)
    assert not fits(context, plan, deep(plan))
    settled = settle_steps(context, plan, [LITE], None)
    assert fits(context, settled, deep(settled))
    longer = replace(settled, space=replace(settled.space, steps=settled.space.steps * 5 // 4))
    assert not fits(context, longer, deep(longer))


def test_where_more_time_is_left_than_was_planned_the_trials_are_longer(tmp_path: Path) -> None:
    heard = Heard()
    plan, context = plan_of(300), context_at(tmp_path, 100.0, heard)
    settled = settle_steps(context, plan, [LITE], None)
    assert settled.space.steps > 300
    assert heard.lines == [("search", f"{settled.space.steps} steps a trained trial, by the time that is left")]


def test_a_run_that_is_resumed_keeps_the_steps_of_its_trials(tmp_path: Path) -> None:
    plan, context = plan_of(3000), context_at(tmp_path, 300.0)
    first = settle_steps(context, plan, [LITE], None)
    context.budget.started -= 400.0
    again = settle_steps(context, plan, [LITE], None)
    assert again.space.steps == first.space.steps < 3000


def test_steps_that_were_asked_for_stay_as_they_are(tmp_path: Path) -> None:
    plan = plan_of(3000)
    assert settle_steps(context_at(tmp_path, 900.0, epochs=3), plan, [LITE], None) is plan


def test_without_a_limit_of_time_nothing_changes(tmp_path: Path) -> None:
    plan = plan_of(3000)
    assert settle_steps(make_context(tmp_path), plan, [LITE], None) is plan
