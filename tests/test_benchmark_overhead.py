"""The benchmarks of overhead and scale in small: both sides do the same, and what is printed adds up."""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import honesty_shuffled  # noqa: E402 - found through the path above
import overhead  # noqa: E402
import overhead_parts as parts  # noqa: E402
import pictures  # noqa: E402
import scale  # noqa: E402
from overhead_table import Side  # noqa: E402

from tlsearch.data.fingerprint import image_fingerprint  # noqa: E402
from tlsearch.data.near_duplicates import find_near_duplicates  # noqa: E402
from tlsearch.types import Candidate, TrialSpec  # noqa: E402

# Reading a run, MLflow asks SQLAlchemy for something that a later SQLAlchemy will not have.
NOLOAD = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backbone that costs nothing, for every process that is started; nothing is written elsewhere."""
    monkeypatch.setenv("PYTHONPATH", str(honesty_shuffled.install_plugin(tmp_path / "site")))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)


def work(seconds: float) -> None:
    """Something that takes a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        np.sort(np.arange(1000)[::-1])


def rest(seconds: float) -> None:
    """Something else."""
    time.sleep(seconds)


def test_time_is_counted_for_the_part_that_is_on_the_stack() -> None:
    watch = parts.Watch([parts.Rule("train", Path(__file__).name, ("work",)), parts.Rule("rest", "")])
    watch.start()
    began = time.monotonic()
    work(0.2)
    rest(0.3)
    ended = time.monotonic()
    found = parts.seconds_by_part(watch.stop(), [(began, ended)])
    assert set(found) == {"train", "rest"}
    assert sum(found.values()) == pytest.approx(ended - began, abs=0.05)
    assert found["train"] == pytest.approx(0.2, abs=0.1)


def test_the_first_rule_that_matches_any_frame_counts() -> None:
    rules = (parts.Rule("inner", "", ("rest",)), parts.Rule("file", Path(__file__).name), parts.Rule("all", ""))
    watch = parts.Watch(rules)
    assert watch._part(sys._getframe()) == "file"
    assert watch._part(_frame_of_rest()) == "inner"
    assert parts.Watch(rules[:1])._part(sys._getframe()) == "unknown"


def _frame_of_rest() -> Any:
    def rest() -> Any:
        return sys._getframe()

    return rest()


def test_what_the_worker_does_replaces_what_the_parent_waits() -> None:
    parent = [
        parts.Segment(0.0, 2.0, "Optuna"),
        parts.Segment(2.0, 6.0, parts.WAITING),
        parts.Segment(6.0, 7.0, "MLflow"),
        parts.Segment(7.0, 9.0, parts.WAITING),
    ]
    worker = [
        parts.Segment(0.0, 2.5, parts.WAITING),
        parts.Segment(2.5, 5.5, "train"),
        parts.Segment(5.5, 6.5, "validate"),  # half of it while the parent no longer waits
        parts.Segment(6.5, 7.5, parts.WAITING),
        parts.Segment(7.5, 20.0, "train"),
    ]
    found = parts.joined(parent, [worker], 1.0, 8.0)
    assert found == pytest.approx({"Optuna": 1, "MLflow": 1, "train": 3.5, "validate": 0.5, parts.MESSAGES: 1.0})
    assert sum(found.values()) == pytest.approx(7)


def test_every_part_is_shown() -> None:
    rules = (*parts.PARENT, *parts.WORKER, *parts.BARE)
    assert {rule.part for rule in rules} - {parts.WAITING} == set(parts.PARTS)


def test_pictures_are_all_different_and_the_same_again(tmp_path: Path) -> None:
    for name in "ab":
        pictures.write_pictures(tmp_path / name, {"train": 21, "test": 10}, 48, 3)
    files = sorted(file.relative_to(tmp_path / "a") for file in (tmp_path / "a").rglob("*.jpg"))
    assert len(files) == 31
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)
    assert len({(tmp_path / "a" / file).read_bytes() for file in files}) == 31
    assert len(list((tmp_path / "a" / "train" / "class0").iterdir())) == 3
    with pytest.raises(ValueError, match="each of the 10 classes"):
        pictures.write_pictures(tmp_path / "c", {"": 9}, 48, 3)


def test_no_picture_is_taken_for_a_copy_of_another() -> None:
    looks = [image_fingerprint(pictures.draw_picture(n % 10, 64, np.random.default_rng(n))) for n in range(400)]
    assert find_near_duplicates(looks) == []
    assert find_near_duplicates([*looks, looks[7]]) == [(7, 400)]


@pytest.mark.parametrize("hidden", [True, False])
def test_only_heads_are_proposed(hidden: bool) -> None:
    import optuna

    candidate = Candidate("stub", "random", None, "id", 32, 3)
    space = overhead.HeadSpace((candidate,), ("none",), 50, 300, 32, 0, hidden=hidden)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    specs = [space.spec(study.ask(space.distributions()).params) for _ in range(10)]
    assert {(spec.kind, spec.is_linear_probe, spec.strength) for spec in specs} == {("frozen", not hidden, 0.0)}
    assert {spec.skip_cut for spec in specs} == {0, 1, 2}
    assert (space.spec(space.params(candidate)).units > 0) is hidden


@NOLOAD
def test_both_sides_fit_the_same_trials(stub: None, tmp_path: Path) -> None:
    options = Namespace(images=200, epochs=6, backbone="stub", image_size=32, seed=0)
    prepared = overhead.prepare(options, tmp_path)
    hidden, solved = (
        overhead.run_ours(overhead.with_heads(prepared, kind), 3, tmp_path / kind, watched=kind == "hidden")
        for kind in ("hidden", "solved")
    )
    assert [spec.is_linear_probe for spec in (*hidden.specs, *solved.specs)] == [False] * 3 + [True] * 3
    assert len(set(hidden.specs)) == len(set(solved.specs)) == 3
    bare = overhead.run_bare(prepared, (*hidden.specs, *solved.specs), tmp_path / "bare", watched=True)
    for side in (hidden, bare):
        assert sum(side.parts.values()) == pytest.approx(side.seconds, abs=0.1)
    needed = {"trace", "train", "validate", "build"}
    # Keeping a head takes so little that the sampler may not see it.
    assert needed | {"store reads", "Optuna", "MLflow"} <= set(hidden.parts)
    assert needed | {"solve"} <= {part for part, seconds in bare.parts.items() if seconds > 0.01}
    assert not {"solve", parts.RENEWING} & {part for part, seconds in hidden.parts.items() if seconds > 0.1}
    assert hidden.workers == 1
    # The solver is the same function, so that the values must be; training starts from other initial weights.
    assert bare.values[3:] == pytest.approx(solved.values)
    assert np.mean(bare.values[:3]) == pytest.approx(np.mean(hidden.values), abs=0.15)


def test_the_figures_are_seconds_a_trial(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    specs = (TrialSpec("stub", "random", 32, 3, 3, units=64), TrialSpec("stub", "random", 32, 3, 3, units=65))
    sides = {
        "ours": Side(4.0, specs, (0.5, 0.7), {}),
        "ours watched": Side(5.0, specs, (0.5, 0.7), {"train": 2.0, "Optuna": 3.0, "solve": 0.0}, 2),
        "bare": Side(1.0, specs, (0.6, 0.8), {}),
        "bare watched": Side(1.2, specs, (0.6, 0.8), {"train": 1.2}),
    }
    monkeypatch.setattr(overhead, "prepare", lambda options, folder: None)
    monkeypatch.setattr(overhead, "compare", lambda prepared, kind, trials, folder: sides)
    assert overhead.main(["--solved", "0"]) == 0
    printed = capsys.readouterr().out
    found = json.loads(printed.splitlines()[-1])
    assert {"processor", "cores", "versions"} <= set(found)
    assert "solved" not in found
    figure = found["hidden"]
    assert figure["difference"] == 1.5
    assert figure["trials_a_minute"] == {"ours": 30, "bare": 120}
    assert figure["parts"] == {"train": {"ours": 1.0, "bare": 0.6}, "Optuna": {"ours": 1.5, "bare": 0.0}}
    assert (figure["trials"], figure["workers"]) == (2, 2)
    assert figure["value"] == pytest.approx({"ours": 0.6, "bare": 0.7})


def test_a_whole_run_is_measured(stub: None, tmp_path: Path) -> None:
    options = Namespace(trials=2, epochs=1, backbone="stub", image_size=32, seed=0)
    row = scale.run_size(60, options, tmp_path)
    assert row["images"] == 60
    assert row["lookalikes"] == 0
    assert row["trials"] == [3, 3]
    assert row["confirmations"] >= 2
    assert 0.1 < row["peak_gigabytes"] < 3
    # Pooled features of three cuts: averages and maxima of 45 images, and not much more.
    assert 2 * (8 + 16 + 16) * 45 * 4 / 1e9 < row["store_gigabytes"] < 1e-4
    assert {"scan", "plan", "profile", "search", "confirm", "test", "findings"} < set(row["timings"])
    assert row["timings"][scale.REST] > 0
    assert sum(row["timings"].values()) == pytest.approx(row["seconds"])


def test_sizes_are_compared(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def run_size(size: int, options: Namespace, folder: Path) -> dict[str, Any]:
        timings = {"scan": size / 1000, scale.REST: 0.5}
        memory = {"peak_gigabytes": size / 1e4, "store_gigabytes": 0.5}
        return {"images": size, "seconds": size / 90, **memory, "timings": timings, "confirmations": 4, "test": 0.5}

    monkeypatch.setattr(scale, "run_size", run_size)
    assert scale.main(["--sizes", "1000,3000,6000"]) == 0
    printed = capsys.readouterr().out
    assert "6,000 images take 2.00 times as long as 3,000 (wanted from 10,000 images on: at most 2.4)" in printed
    assert "peak memory 0.60 GB" in printed
    found = json.loads(printed.splitlines()[-1])
    assert [row["images"] for row in found["runs"]] == [1000, 3000, 6000]
    assert [growth["scan"] for growth in found["growth"]] == pytest.approx([3, 2])
    assert {"processor", "cores", "versions", "trials", "epochs"} <= set(found)


def test_growth_is_told_by_step_where_a_step_takes_long() -> None:
    small = {"seconds": 10.0, "timings": {"scan": 2.0, "plan": 0.5}}
    large = {"seconds": 40.0, "timings": {"scan": 10.0, "plan": 0.6, "confirm": 5.0}}
    assert scale.growth(small, large) == {"seconds": 4.0, "scan": 5.0}


@pytest.mark.parametrize("text", ["100,50", "50,50"])
def test_sizes_go_from_small_to_large(text: str) -> None:
    with pytest.raises(SystemExit):
        scale.main(["--sizes", text])
