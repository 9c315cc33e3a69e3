"""A plugin that fails in three trials in a row is left out, and the search goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.pipeline.simulation import in_turn, nothing, open_search, result, simulated
from tlsearch.search.failures import plugins_of
from tlsearch.search.study import Search
from tlsearch.types import NumberedEpochJudge, TrialResult, TrialSpec


def failing(plugin: str) -> object:
    """Trials that fail by ``plugin`` wherever it is used."""

    def run_trial(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
        if plugin in plugins_of(spec):
            return replace(result(spec, "failed", reason=f"'{plugin}' raised {number}"), plugin=plugin)
        return simulated(number, spec, judge)

    return run_trial


@pytest.mark.parametrize("plugin", ["backbone vgg16", "augmentation standard"])
def test_a_plugin_is_left_out_after_three_failures(plugin: str) -> None:
    search = open_search(None)
    search.run(40, in_turn(failing(plugin)), nothing)  # type: ignore[arg-type]
    used = [f for f in search.finished if plugin in plugins_of(f.spec)]
    assert len(used) == 3
    assert all(f.state == "failed" and f.plugin == plugin for f in used)
    assert search.left_out() == {plugin: used[-1].reason}
    assert len(search.finished) > used[-1].number + 5


def test_another_process_knows_what_was_left_out() -> None:
    search = open_search(None)
    search.run(40, in_turn(failing("backbone vgg16")), nothing)  # type: ignore[arg-type]
    again = Search(search.study, search.space, search.costs, lambda _: True, lambda _: True)
    assert again.left_out() == search.left_out() != {}


def test_a_success_between_keeps_it_in() -> None:
    search = open_search(None)
    seen: list[str] = []

    def run_trial(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
        if spec.backbone != "vgg16":
            return simulated(number, spec, judge)
        seen.append(spec.label)
        if len(seen) % 3:
            return replace(result(spec, "failed", reason="torn"), plugin="backbone vgg16")
        return simulated(number, spec, judge)

    search.run(60, in_turn(run_trial), nothing)
    assert len(seen) > 3
    assert search.left_out() == {}


def test_where_every_backbone_is_left_out_the_search_ends() -> None:
    search = open_search(None)

    def run_trial(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
        return replace(result(spec, "failed", reason=f"torn {number}"), plugin=f"backbone {spec.backbone}")

    assert search.run(40, in_turn(run_trial), nothing) == "plugins"
    assert set(search.left_out()) == {f"backbone {candidate.backbone}" for candidate in search.space.candidates}
