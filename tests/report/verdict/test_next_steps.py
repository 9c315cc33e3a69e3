"""What to do next: more time helps only where time has ended something."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import get_args

import pytest

from tests.helpers.results.sample_result import SAMPLE
from tlsearch.report.markdown import describe
from tlsearch.report.sections.trial_table import trial_table
from tlsearch.report.verdict.next_steps import ENDED, next_steps
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Insights
from tlsearch.types import SearchEnd

QUIET = replace(SAMPLE, plan=replace(SAMPLE.plan, left_out=()), trials=(), confusion=None, insights=Insights())
"""The sample, with nothing else to say, and a limit of time in which no trial tuned layers."""


@pytest.mark.parametrize("ended", [*get_args(SearchEnd), None])
def test_more_time_is_advised_only_where_time_ended_the_search(ended: SearchEnd | None) -> None:
    steps = [*next_steps(replace(QUIET, search_ended=ended), "model")]
    assert bool(steps) is (ended == "time")
    assert all("no trial that tuned layers of a network came to an end within 25m" in step.said for step in steps)


def test_where_all_layers_were_to_stay_frozen_no_trial_could_tune_any() -> None:
    frozen = replace(QUIET, search_ended="time", plan=replace(QUIET.plan, tunes_layers=False))
    assert [*next_steps(frozen, "model")] == []


def test_more_time_is_advised_where_it_ended_the_network_from_scratch_and_so_the_claim() -> None:
    assert SAMPLE.baseline is not None
    cut = replace(SAMPLE.baseline, stopped_by="time", epochs=10, whole_epochs=60, rise=None)
    (step,) = next_steps(replace(QUIET, baseline=cut, search_ended="enough"), "model")
    assert step.said == (
        "The model is ready. Only to learn whether pre-training helped, give it more time: the network from scratch "
        "was trained for 10 of 60 epochs."
    )
    (both,) = next_steps(replace(QUIET, baseline=cut, search_ended="time"), "model")
    assert "within 25m, and the network from scratch was trained for 10 of 60 epochs, too few" in both.said
    by_choice = replace(cut, stopped_by="schedule")  # --epochs was asked for
    assert [*next_steps(replace(QUIET, baseline=by_choice, search_ended="enough"), "model")] == []


def test_the_command_for_more_time_repeats_the_run_with_twice_of_it_elsewhere() -> None:
    late = replace(QUIET, search_ended="time", output=replace(QUIET.output, folder="/a b/out"))
    (step,) = next_steps(replace(late, command="tlsearch run --config '/a b/out/run.toml'"), "model")
    assert shlex.split(str(step.command)) == [
        "tlsearch", "run", "--config", "/a b/out/run.toml", "--time-limit", "50m", "--output", "/a b/out-longer",
    ]  # fmt: skip
    assert SAMPLE.baseline is not None
    cut = replace(SAMPLE.baseline, stopped_by="time", epochs=4, whole_epochs=60, rise=None)
    (more,) = next_steps(replace(late, baseline=cut, command="tlsearch run"), "model")
    assert str(more.command).startswith("tlsearch run --time-limit 3h20m --output ")  # 8 times 25m: 30 of 60 epochs
    (from_python,) = next_steps(replace(late, command=""), "model")
    assert from_python.command is None


def test_why_a_search_ended_is_kept_and_said() -> None:
    assert set(ENDED) == set(get_args(SearchEnd))
    ended = replace(SAMPLE, search_ended="reach")
    assert RunResult.from_dict(ended.to_dict()).search_ended == "reach"
    assert ENDED["reach"] in describe(ended)
    assert trial_table(ended).shown["trial_summary"].endswith(f"Why the search ended: {ENDED['reach']}.")


def test_a_result_of_before_says_nothing_of_it() -> None:
    old = {name: value for name, value in SAMPLE.to_dict().items() if name != "search_ended"}
    result = RunResult.from_dict(old)
    assert result.search_ended is None
    assert "ended:" not in describe(result)
