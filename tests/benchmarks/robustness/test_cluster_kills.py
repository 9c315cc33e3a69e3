"""Killing nodes and parents at random moments: how they are drawn, what differs is named, and a quick run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from benchmarks.common.results import Result
from benchmarks.figures.robustness.disturbed import cluster_kills as rendered
from benchmarks.figures.robustness.disturbed import cluster_kills_brief
from benchmarks.robustness import cluster_kills
from benchmarks.robustness.cluster_kills import Disturbance
from benchmarks.robustness.kill_and_resume import Home
from tests.helpers.pipeline.made_up import LITE, make_space
from tlsearch.search.trial_record import TrialRecord, remember

Quick = Callable[..., Result]


def test_moments_are_drawn_uniformly_and_the_same_from_the_same_seed() -> None:
    drawn = [Disturbance.drawn("node", seed, 100.0) for seed in range(400)]
    assert drawn == [Disturbance.drawn("node", seed, 100.0) for seed in range(400)]
    moments = sorted(d.moment for d in drawn)
    assert 0 <= moments[0] < 2
    assert 98 < moments[-1] <= 100
    assert abs(sum(moments) / len(moments) - 50) < 5
    assert {d.place for d in drawn} == {0, 1, 2}
    assert Disturbance.drawn("parent", 0, 100.0).moment != drawn[0].moment


def home_with(folder: Path, told: list[int], rows: list[int], running: int = 0) -> Home:
    """A run whose study has told these trials and whose result has these rows."""
    home = Home(folder, "run", [])
    out = home.folder / "out"
    out.mkdir()
    storage = f"sqlite:///{out / 'study.db'}"
    study = optuna.create_study(storage=storage, study_name="one")
    space = make_space(LITE)
    spec = space.spec(space.params(LITE))
    for number in told:
        trial = study.ask()
        remember(trial, TrialRecord(number=number, spec=spec, state="complete", value=0.5))
        study.tell(trial, 0.5)
    for _ in range(running):
        study.ask()
    row = {"role": "trial", "spec": {}, "state": "complete", "value": 0.5, "folds": 1, "metrics": {}}
    names = ("winner", "profile", "gain", "confusion")
    metrics = {"test": 0.5, "confirmed": None, "test_opened": 1}
    result = {"trials": [{**row, "number": number} for number in rows], "metrics": metrics, **dict.fromkeys(names)}
    (out / "result.json").write_text(json.dumps(result))
    return home


@pytest.mark.parametrize(
    ("told", "rows", "running", "troubles"),
    [
        ([1, 2, 3], [1, 2, 3], 0, []),
        ([1, 2, 2], [1, 2], 0, ["the study has the trials [1, 2, 2], and the result [1, 2]"]),
        ([1], [1, 2], 0, ["the study has the trials [1], and the result [1, 2]"]),
        ([1, 2], [1, 2], 2, ["the study has 2 open trials"]),
    ],
)
def test_what_is_wrong_with_a_study_is_named(
    told: list[int], rows: list[int], running: int, troubles: list[str], tmp_path: Path
) -> None:
    assert cluster_kills.study_troubles(home_with(tmp_path, told, rows, running)) == troubles


def made_up_result(*troubles: str) -> Result:
    """A result of two disturbed runs."""
    node = {"victim": "node", "seed": 3, "moment": 12.5, "place": 1, "step": "after trial", "attempts": 1}
    parent = {**node, "victim": "parent", "seed": 0, "moment": 40.0, "step": "after profile", "attempts": 2}
    runs = [
        {**node, "refused": 0, "repeated": 2, "troubles": []},
        {**parent, "refused": 0, "repeated": 0, "troubles": list(troubles)},
    ]
    return Result(
        benchmark="robustness.cluster_kills",
        command="python -m benchmarks.robustness.cluster_kills images",
        commit="0123456789abcdef",
        machine={"cores": 2},
        date="2026-11-30T02:00:00+00:00",
        versions={},
        figures={"nodes": 3, "trials": 6, "seconds": 61.0, "undisturbed_troubles": [], "runs": runs},
    )


def test_what_is_rendered_says_what_differs() -> None:
    same = rendered(made_up_result())
    assert "| a node | 1 | 3 to 3 | 12 to 12 s | 2 | 0 | 0 |" in same
    assert "Each had the same trials, values, winner and test score" in same
    assert cluster_kills_brief(made_up_result()) == "1 nodes and 1 parents killed, 0 differences"
    different = rendered(made_up_result("winner differs from the undisturbed run"))
    assert "What differs: parent 0: winner differs from the undisturbed run." in different


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.timeout(1200)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
def test_a_quick_run(quick: Quick) -> None:
    pytest.importorskip("ray")
    dataset = Path(__file__).parents[3] / "examples" / "clothing"
    figures = quick(cluster_kills.main, str(dataset)).figures
    assert figures["undisturbed_troubles"] == []
    assert [(run["victim"], run["troubles"]) for run in figures["runs"]] == [("node", []), ("parent", [])]
    assert figures["trials"] == 3
