"""What averages add to trained trials: the averages themselves, the comparison, and a quick run of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.common.results import Result, write_result
from benchmarks.common.tuning.averaging import MovingAverage, Weights, greedy_soup, mean_of
from benchmarks.figures.groups import GROUPS
from benchmarks.quality import afterwards

Quick = Callable[..., Result]


def weights(*values: float) -> list[np.ndarray]:
    return [np.array([value], np.float32) for value in values]


def test_a_moving_average_forgets_its_start_and_follows_what_comes() -> None:
    average = MovingAverage(10)
    average.update(weights(5.0))
    assert average.weights[0] == pytest.approx(5.0)
    for _ in range(200):
        average.update(weights(1.0))
    assert average.weights[0] == pytest.approx(1.0, abs=1e-3)
    average.update(weights(2.0))
    assert average.weights[0] == pytest.approx(1.1, abs=1e-3)  # one part in ten of the way


def test_weights_given_to_a_moving_average_are_not_changed() -> None:
    average, given = MovingAverage(2), weights(1.0)
    average.update(given)
    average.update(weights(3.0))
    assert given[0] == 1.0


def test_a_greedy_soup_takes_in_what_does_no_harm() -> None:
    def judge(members: Weights) -> float:
        return -abs(float(members[0][0]) - 1)

    # 0 alone is 1 away, with 3 it is 0.5 away, with 3 and 2 it would be 0.67 away.
    soup, members = greedy_soup([weights(0.0), weights(3.0), weights(2.0)], judge)
    assert members == (0, 1)
    assert soup[0] == pytest.approx(1.5)
    assert greedy_soup([weights(1.0), weights(3.0)], judge)[1] == (0,)
    assert mean_of([weights(0.0, 2.0), weights(1.0, 4.0)]) == weights(0.5, 3.0)


def division(single: tuple[float, float], soup: tuple[float, float]) -> dict[str, dict[str, dict[str, float]]]:
    """Accuracy on validation and on test, of the best trial and of all else."""
    names = ("val_accuracy", "test_accuracy", "val_loss", "test_loss")
    rows = {method: dict(zip(names, (*soup, 1.0, 1.5), strict=True)) for method in afterwards.METHODS}
    rows[afterwards.SINGLE] = dict(zip(names, (*single, 1.0, 1.0), strict=True))
    return {"found": rows}


def test_a_gain_counts_always_and_where_validation_prefers_it() -> None:
    rows = [division((0.8, 0.8), (0.9, 0.83)), division((0.8, 0.8), (0.7, 0.81)), division((0.8, 0.8), (0.8, 0.72))]
    found = afterwards.summarize(rows)[afterwards.SOUP]
    assert found["points"] == pytest.approx(-1.33, abs=0.01)  # 3, 1 and -8
    assert found["interval"][0] < -1.33 < found["interval"][1]
    assert found["kept"] == pytest.approx(0.33)  # a tie with the same log loss is no win
    assert found["points_where_kept"] == 1.0
    assert found["loss"] == 0.5
    assert afterwards.summarize(rows[:1])[afterwards.SOUP]["interval"] is None


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_quick_run_compares_every_method_with_the_best_trial(quick: Quick, stub: Path, tmp_path: Path) -> None:
    result = quick(afterwards.main, "--backbone", "stub", "--seeds", "2", "--epochs", "20")
    (name,) = result.figures["datasets"]
    rows = result.figures["divisions"][name]
    assert [row["seed"] for row in rows] == [0, 1]
    for row in rows:
        assert set(row["found"]) == {afterwards.SINGLE, *afterwards.METHODS}
        assert len(row["trials_in_the_soup"]) >= 1
        losses = {method: found["val_loss"] for method, found in row["found"].items()}
        assert losses[afterwards.MIRROR] != losses[afterwards.SINGLE]
        assert losses["moving average, 30 % of the steps"] != losses[afterwards.SINGLE]
    assert result.figures["together"][afterwards.SOUP]["divisions"] == 2
    file = tmp_path / "earlier.json"
    write_result(result, file)
    asked = ["--backbone", "stub", "--seeds", "2", "--epochs", "20", "--resume", str(file)]
    assert quick(afterwards.main, *asked).figures == result.figures  # nothing is trained again
    group = GROUPS["afterwards"]
    assert "greedy soup, mirror image" in group.render(result)
    assert "points" in group.brief(result)
