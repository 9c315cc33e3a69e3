"""Quick runs of the comparisons of loops, with the stub backbone and without a process for the worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.loops.trial_kinds import FROZEN, KINDS, LAST_BLOCK, MIXED
from benchmarks.common.results import Result, write_result
from benchmarks.quality import same_accuracy
from benchmarks.speed import lower_bound, vs_plain_loop
from tests.helpers.workers.worker_here import WorkerHere

Quick = Callable[..., Result]

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ALL_KINDS = [text for kind in KINDS for text in ("--kind", kind)]


@pytest.fixture(autouse=True)
def here(stub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started."""
    monkeypatch.setattr("benchmarks.common.loops.setup.WorkerClient", WorkerHere)


@pytest.mark.slow
def test_both_loops_and_the_lower_bound_are_measured(
    quick: Quick, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--backbone", "stub", "--trials", "2", *ALL_KINDS, "--measure-epochs", "2"]
    result = quick(vs_plain_loop.main, *asked)
    assert "everything frozen, augmented" in capsys.readouterr().out
    assert result.benchmark == "speed.vs_plain_loop"
    figures = result.figures
    assert (figures["dataset"], figures["frozen_up_to"]) == ("synthetic", "cut2")
    rows = figures["kinds"]
    assert list(rows) == [*KINDS, MIXED]
    for row in rows.values():
        assert row["plain_seconds"] > 0
        assert row["ratio"] == pytest.approx(row["plain_seconds"] / row["tlsearch_seconds"], rel=0.3)
    assert rows[MIXED]["plain_seconds"] == pytest.approx(sum(rows[kind]["plain_seconds"] for kind in KINDS), abs=0.3)
    assert rows[LAST_BLOCK]["tlsearch_measured"] == {"with_views": 1, "more": 1, "epochs": 2}
    assert rows[MIXED]["tlsearch_measured"] == {"with_views": 6, "more": 0, "epochs": 2}
    file = tmp_path / "vs-plain-loop.json"
    write_result(result, file)
    found = quick(lower_bound.main, *asked, "--compare", str(file)).figures["kinds"]
    for kind, row in found.items():
        assert row["tlsearch_seconds"] == rows[kind]["tlsearch_seconds"]
        parts = [row[f"{part}_seconds"] for part in ("build", "render", "forward", "train")]
        assert row["bound_seconds"] == pytest.approx(sum(parts), abs=0.1)
        assert row["train_seconds"] > 0
        assert (row["render_seconds"] > 0) == ("augmented" in kind or kind == MIXED)
    with pytest.raises(SystemExit, match="another trials"):
        lower_bound.main(["--quick", *asked, "--trials", "1", "--compare", str(file)])


@pytest.mark.slow
def test_accuracies_are_compared_trial_by_trial(
    quick: Quick, tmp_path: Path, make_dataset: Callable[..., Path]
) -> None:
    data = make_dataset(tmp_path, per_class=40, size=40, splits=("train", "val"))
    rows = quick(same_accuracy.main, str(data), "--backbone", "stub", "--epochs", "4", *ALL_KINDS).figures["kinds"]
    assert list(rows) == list(KINDS)
    for row in rows.values():
        # Three classes whose colours differ, chance is 33; four epochs of three steps are too few for the plain loop.
        assert row["tlsearch"] > 60
        assert row["mean_difference"] == pytest.approx(row["tlsearch"] - row["plain"], abs=0.02)
        assert abs(row["largest_difference"]) == max(map(abs, row["differences"]))


def test_only_the_kinds_that_are_asked_for_are_measured(quick: Quick) -> None:
    asked = ["--backbone", "stub", "--kind", FROZEN, "--trials", "2", "--epochs", "2"]
    rows = quick(same_accuracy.main, *asked).figures["kinds"]
    assert set(rows) < set(KINDS)
    assert FROZEN in rows


@pytest.mark.parametrize("main", [vs_plain_loop.main, lower_bound.main, same_accuracy.main])
def test_a_data_set_is_wanted(main: Callable[[list[str]], Any], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([])
    assert "name a data set, or --quick" in capsys.readouterr().err
