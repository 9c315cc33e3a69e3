"""Results that are kept: each is computed once, comes back as it was, and brings its time with it."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.pipeline.made_up import LITE, facts_of
from tlsearch.errors import RunError
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.runs.budget import TimeBudget
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.training.trial import Outcome
from tlsearch.types import TrialResult, TrialSpec

SPEC = TrialSpec(
    backbone="efficientnet_lite0", weights="imagenet", image_size=160, depth=18, freeze_depth=6, units=64, lr_head=1e-3
)
RESULT = TrialResult(
    spec=SPEC,
    state="complete",
    value=0.1 + 0.2,
    seconds=12.5,
    metrics={"val_loss": math.inf, "val_accuracy": 1 / 3},
    history=({"epoch": 1.0, "train_loss": math.nan},),
    fold_values=(0.5, 0.25),
)
OUTCOME = Outcome(
    RESULT,
    np.arange(5, dtype=np.int64),
    np.random.default_rng(0).random((5, 3)).astype(np.float32),
)


@dataclass
class Computed:
    """Counts how often it is computed."""

    value: object
    times: int = 0

    def __call__(self) -> object:
        self.times += 1
        return self.value


def test_a_result_is_computed_once_and_comes_back_as_it_was(tmp_path: Path) -> None:
    computed = Computed(OUTCOME)
    key = ("trial", "confirmation", SPEC, ((1, 2), (3,)))
    assert Checkpoint(tmp_path / "new", TimeBudget(limit=None), {}).get_or_compute(key, Outcome, computed) is OUTCOME
    again = Checkpoint(tmp_path / "new", TimeBudget(limit=None), {}).get_or_compute(key, Outcome, computed)
    assert computed.times == 1
    assert isinstance(again, Outcome)
    assert replace(again.result, history=()) == replace(RESULT, history=())
    assert math.isnan(again.result.history[0]["train_loss"])
    np.testing.assert_array_equal(again.val_rows, OUTCOME.val_rows)
    np.testing.assert_array_equal(again.val_probabilities, OUTCOME.val_probabilities)
    assert (again.val_rows.dtype, again.val_probabilities.dtype) == (np.dtype(np.int64), np.dtype(np.float32))


def test_measurements_come_back_as_they_were(tmp_path: Path) -> None:
    facts = facts_of(LITE)
    scores = ((0.25, 0.0125), (0.5, 1 / 3))
    for _ in range(2):
        checkpoint = Checkpoint(tmp_path, TimeBudget(limit=None), {})
        assert checkpoint.get_or_compute(("measure", LITE, 0.4), MeasuredCandidate, lambda: facts) == facts
        assert checkpoint.get_or_compute(("profile", LITE), tuple[tuple[float, float], ...], lambda: scores) == scores


def test_everything_in_a_key_counts(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, TimeBudget(limit=None), {})
    keys = [("a", SPEC), ("b", SPEC), ("a", replace(SPEC, seed=7)), ("a", SPEC, 1), ("a", SPEC, 2.5)]
    computed = [Computed(number) for number in range(len(keys))]
    for _ in range(2):
        assert [checkpoint.get_or_compute(k, int, c) for k, c in zip(keys, computed, strict=True)] == list(range(5))
    assert [c.times for c in computed] == [1] * 5
    assert checkpoint.get(("a", SPEC, 1), int) == 3
    assert checkpoint.get(("a", SPEC, 3), int) is None


def test_a_result_brings_back_the_time_at_which_it_was_put(tmp_path: Path) -> None:
    first = TimeBudget(limit=1000.0)
    first.set(300.0)
    with first.measure("search"):
        first.set(420.0)
    assert first.timings["search"] == pytest.approx(120, abs=1)
    Checkpoint(tmp_path, first, {}).get_or_compute(("trial", 1), int, lambda: 1)
    second = TimeBudget(limit=1000.0)
    with second.measure("search"):
        Checkpoint(tmp_path, second, {}).get_or_compute(("trial", 1), int, lambda: 2)
    assert second.elapsed() == pytest.approx(420, abs=1)
    assert second.left_for() == pytest.approx(580, abs=1)
    assert second.timings["search"] == pytest.approx(120, abs=1)


def test_the_seconds_of_steps_come_back_with_the_clock(tmp_path: Path) -> None:
    first = TimeBudget(limit=None)
    kept = Checkpoint(tmp_path, first, {})
    with first.measure("scan"):
        first.set(50.0)
    kept.put(("workers",), 1)
    with first.measure("plan"):
        first.set(60.0)
        kept.put(("measured",), 2)
        first.set(70.0)
    with first.measure("search"):
        first.set(100.0)
        kept.put(("trial",), 3)
    # The next attempt knows the workers first of all, and looks through the images once more.
    budget = TimeBudget(limit=None)
    again = Checkpoint(tmp_path, budget, {})
    assert again.get(("workers",), int) == 1
    with budget.measure("scan"):
        budget.set(95.0)
    with budget.measure("plan"):
        assert again.get(("measured",), int) == 2
        budget.set(72.0)
    with budget.measure("search"):
        assert again.get(("trial",), int) == 3
        budget.set(110.0)
    assert budget.timings == pytest.approx({"scan": 50, "plan": 20, "search": 40}, abs=1)
    assert sum(budget.timings.values()) == pytest.approx(budget.elapsed(), abs=1)


def test_an_answer_of_before_steps_were_kept_is_found(tmp_path: Path) -> None:
    Checkpoint(tmp_path, TimeBudget(limit=None), {}).put(("trial", 1), 7)
    (file,) = tmp_path.iterdir()
    kept = json.loads(file.read_text())
    del kept["steps"]
    file.write_text(json.dumps({**kept, "elapsed": 400.0}))
    budget = TimeBudget(limit=None)
    with budget.measure("search"):
        budget.set(30.0)
        assert Checkpoint(tmp_path, budget, {}).get(("trial", 1), int) == 7
        budget.set(450.0)
    assert budget.timings["search"] == pytest.approx(80, abs=1)


def test_what_is_kept_is_on_the_disk_before_anybody_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut the study, which waits for the disk, would know a trial whose answer is lost."""
    written, sync = list[int](), os.fsync

    def noted(descriptor: int) -> None:
        sync(descriptor)
        written.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", noted)
    Checkpoint(tmp_path, TimeBudget(limit=None), {}).put(("trial", 1), 1)
    (file,) = tmp_path.iterdir()
    assert written == [file.stat().st_ino]


def test_the_clock_is_not_turned_back_by_what_this_attempt_has_kept(tmp_path: Path) -> None:
    budget = TimeBudget(limit=None)
    checkpoint = Checkpoint(tmp_path, budget, {})
    checkpoint.get_or_compute(("trial", 1), int, lambda: 1)
    budget.set(100.0)
    assert checkpoint.get_or_compute(("trial", 1), int, lambda: 2) == 1
    assert budget.elapsed() == pytest.approx(100, abs=1)


def test_what_is_read_twice_turns_no_clock_back(tmp_path: Path) -> None:
    first = TimeBudget(limit=1000.0)
    first.set(20.0)
    Checkpoint(tmp_path, first, {}).put(("contention",), 1.5)
    budget = TimeBudget(limit=1000.0)
    checkpoint = Checkpoint(tmp_path, budget, {})
    assert checkpoint.get(("contention",), float) == 1.5
    budget.set(600.0)
    assert checkpoint.get(("contention",), float) == 1.5
    assert budget.elapsed() == pytest.approx(600, abs=1)


@pytest.mark.parametrize(("kept", "elapsed"), [(400.0, 900.0), (950.0, 950.0)])
def test_a_result_that_comes_after_work_of_this_attempt_turns_no_clock_back(
    tmp_path: Path, kept: float, elapsed: float
) -> None:
    """It ran beside what was lost; with fewer workers that comes first now."""
    budget = TimeBudget(limit=1000.0)
    earlier = Checkpoint(tmp_path, budget, {})
    budget.set(100.0)
    earlier.put(("profile",), 1)
    budget.set(kept)
    earlier.put(("trial", 2), 2)
    budget = TimeBudget(limit=1000.0)
    checkpoint = Checkpoint(tmp_path, budget, {})
    assert checkpoint.get(("profile",), int) == 1
    assert budget.elapsed() == pytest.approx(100, abs=1)
    budget.set(900.0)
    checkpoint.put(("trial", 1), 1)
    assert checkpoint.get(("trial", 2), int) == 2
    assert budget.elapsed() == pytest.approx(elapsed, abs=1)


@pytest.mark.parametrize("left", ["", '{"name": "trial", "val', "[]"])
def test_half_a_result_is_none(tmp_path: Path, left: str) -> None:
    checkpoint = Checkpoint(tmp_path, TimeBudget(limit=None), {})
    checkpoint.get_or_compute(("trial", 1), int, lambda: 1)
    (file,) = tmp_path.iterdir()
    file.write_text(left)
    assert checkpoint.get(("trial", 1), int) is None
    assert checkpoint.get_or_compute(("trial", 1), int, lambda: 2) == 2
    assert checkpoint.get_or_compute(("trial", 1), int, lambda: 3) == 2


def test_what_fails_is_computed_again(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, TimeBudget(limit=None), {})

    def fail() -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checkpoint.get_or_compute(("trial", 1), int, fail)
    assert list(tmp_path.iterdir()) == []
    assert checkpoint.get_or_compute(("trial", 1), int, lambda: 2) == 2


def test_a_full_disk_is_told(small_disk: Path) -> None:
    checkpoint = Checkpoint(small_disk, TimeBudget(limit=None), {})
    checkpoint.get_or_compute(("trial", 1), int, lambda: 1)
    large = tuple(float(number) for number in range(200_000))
    with pytest.raises(
        RunError, match=r"No space left on device\): make room there, then go on with `tlsearch resume`"
    ):
        checkpoint.get_or_compute(("trial", 2), tuple[float, ...], lambda: large)
    assert checkpoint.get_or_compute(("trial", 1), int, lambda: 5) == 1
    assert len(list(small_disk.iterdir())) == 1
