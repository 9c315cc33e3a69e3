"""What searches found against time: curves, their comparison, the table and the plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from benchmarks.common.results import Result, write_result
from benchmarks.quality import search_curves as curves
from benchmarks.quality import search_quality as quality


def searched(method: str, seed: int, *trials: tuple[float, float | None, str]) -> dict[str, Any]:
    """A search whose trials ended at these seconds with these values and states."""
    rows = [{"ended": at, "value": value, "state": state} for at, value, state in trials]
    return {"method": method, "seed": seed, "seconds": 100.0, "seconds_before_trials": 0.0, "trials": rows}


FOUND: dict[str, Any] = {
    "dataset": "clothing",
    "metric": "accuracy",
    "pruner": "median",
    "time_limit": 100.0,
    "searches": [
        searched("random search", 0, (20, 0.5, "complete"), (80, 0.7, "complete"), (130, 0.9, "complete")),
        searched("random search", 1, (10, 0.6, "complete"), (40, 0.55, "complete")),
        searched("random search", 2, (50, 0.8, "complete")),
        searched("tlsearch", 0, (5, 0.6, "complete"), (16, 0.7, "complete"), (60, 0.85, "complete")),
        searched("tlsearch", 1, (5, 0.5, "complete"), (30, 0.65, "complete"), (31, None, "pruned")),
        searched("tlsearch", 2, (20, 0.9, "timed_out"), (25, 0.75, "complete")),
    ],
}


def test_a_curve_rises_with_complete_trials_that_ended_in_time() -> None:
    search = searched("s", 0, (9, 0.4, "complete"), (4, 0.3, "complete"), (11, 0.9, "complete"), (5, None, "failed"),
                      (6, 0.8, "timed_out"), (7, 0.3, "complete"))  # fmt: skip
    assert curves.curve_of(search, 10) == [(4, 0.3), (9, 0.4)]
    assert curves.value_at([(4, 0.3), (9, 0.4)], 8.9) == 0.3
    assert curves.reached([(4, 0.3), (9, 0.4)], 0.31) == 9
    assert curves.reached([(4, 0.3), (9, 0.4)], 0.5) == np.inf


def test_the_median_curve_begins_where_most_searches_have_a_value() -> None:
    three = [[(1.0, 0.2), (5.0, 0.9)], [(2.0, 0.4)], [(3.0, 0.3)]]
    assert curves.median_curve(three) == [(2.0, 0.2), (3.0, 0.3), (5.0, 0.4)]


def test_methods_are_compared_with_random_search_of_the_same_seed() -> None:
    summary = curves.summarize(FOUND["searches"], 100.0)
    random, ours = summary["random search"], summary["tlsearch"]
    assert random["final"] == {"0": 0.7, "1": 0.6, "2": 0.8}
    assert random["median_final"] == 0.7
    assert random["reaches_random_after"] == {"0": 80, "1": 10, "2": 50}
    assert random["share_of_time_random_found_it"] == 1.0
    assert ours["final"] == {"0": 0.85, "1": 0.65, "2": 0.75}
    assert ours["reaches_random_after"] == {"0": 16, "1": 30, "2": None}
    assert ours["share_of_random_time"] == 0.3  # of .16, .30 and never
    assert ours["share_of_time_random_found_it"] == 3.0  # of 16/80, 30/10 and never
    assert ours["median_curve_reaches_random_after"] == 25  # where they are .7, .5 and .75; the goal is .7


def test_what_is_never_reached_or_not_known_is_none() -> None:
    low = curves.summarize([*FOUND["searches"][:3], searched("tlsearch", 0)], 100.0)["tlsearch"]
    assert low["final"] == {"0": None}
    assert (low["median_final"], low["share_of_random_time"], low["median_curve_share"]) == (None, None, None)
    alone = curves.summarize(FOUND["searches"][3:], 100.0)["tlsearch"]
    assert alone["median_final"] == 0.75
    assert (alone["reaches_random_after"], alone["share_of_random_time"]) == ({}, None)


def test_what_was_written_is_drawn_and_told_without_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "measure", lambda *_: pytest.fail("something was run"))
    file, picture = tmp_path / "found.json", tmp_path / "found.png"
    facts: dict[str, Any] = {"commit": None, "machine": {}, "date": None, "versions": {}}
    write_result(Result(benchmark="quality.search_quality", command="", figures=FOUND, **facts), file)
    assert quality.main(["--draw", str(file), "--plot", str(picture)]) == 0
    table = capsys.readouterr().out.splitlines()
    assert any("tlsearch is where random search ends in 0.30 of its time" in row for row in table)
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    colours = {f"#{r:02x}{g:02x}{b:02x}" for r, g, b in np.unique(pixels, axis=0)}
    assert {curves.COLORS["random search"], curves.COLORS["tlsearch"]} <= colours
    assert curves.COLORS["TPE from nothing"] not in colours  # it is not in what was found


def test_searches_that_found_nothing_are_drawn_and_counted_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = [searched(name, 0, (120, 0.9, "complete"), (130, None, "failed")) for name in ("random search", "tlsearch")]
    found = {**FOUND, "searches": late, "summary": curves.summarize(late, 100.0)}
    curves.draw(found, tmp_path / "empty.png")
    assert (tmp_path / "empty.png").stat().st_size > 1000
    curves.print_table(found, Console(width=160))
    text = capsys.readouterr().out
    assert "0/2" in text
    assert "random search found nothing" in text
    found["summary"] = curves.summarize([FOUND["searches"][0], late[1]], 100.0)
    curves.print_table(found, Console(width=160))
    assert "tlsearch is where random search ends not within its time" in capsys.readouterr().out


def test_the_scale_leaves_out_what_is_found_in_the_first_moments() -> None:
    one, other = [(1.0, 0.1), (9.0, 0.5), (50.0, 0.7)], [(20.0, 0.4), (40.0, 0.6)]
    assert curves._limits([[one], [other]], 100.0) == pytest.approx((0.4 - 0.06 * 0.3, 0.7 + 0.06 * 0.3))


def test_a_data_set_or_a_file_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["folder", "--draw", "found.json"]):
        with pytest.raises(SystemExit):
            quality.main(arguments)
        assert "give a data set to search, or --draw FILE.json" in capsys.readouterr().err
