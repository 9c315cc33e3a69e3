"""The pace of a machine: what work took beside what it was estimated to take."""

from __future__ import annotations

import pytest

from tlsearch.runs.budget import EndPrice, TimeBudget
from tlsearch.runs.pace import HALF_LIFE, MOST, PRIOR_SECONDS, Estimated, Pace


def paced(*pieces: tuple[float, float]) -> Pace:
    """The pace after pieces of work: (estimated, took)."""
    pace = Pace()
    for estimated, took in pieces:
        pace.note(estimated, took)
    return pace


def test_nothing_is_known_before_any_work() -> None:
    assert Pace().factor == 1.0


def test_long_work_sets_the_pace_and_a_moment_does_not() -> None:
    assert paced((100.0, 200.0)).factor == pytest.approx(2.0, abs=0.1)
    assert paced((0.2, 2.0)).factor < 1.4
    assert paced(*[(0.2, 2.0)] * 50).factor > 3.0  # many moments do


def test_a_machine_that_is_faster_than_estimated_may_be_slow_again() -> None:
    assert paced((100.0, 20.0)).factor == 1.0
    assert paced((100.0, 20.0), (20.0, 60.0)).factor == pytest.approx(paced((20.0, 20.0), (20.0, 60.0)).factor)


def test_what_the_machine_does_now_counts_most() -> None:
    busy_of_late = paced((300.0, 300.0), (100.0, 300.0))
    idle_of_late = paced((100.0, 300.0), (300.0, 300.0))
    assert busy_of_late.factor > 2.5
    assert idle_of_late.factor < 1.3


def test_older_work_counts_half_after_a_half_life() -> None:
    pace = paced((10.0, 30.0), (HALF_LIFE, HALF_LIFE))
    assert pace.took == pytest.approx(15.0 + HALF_LIFE)
    assert pace.factor == pytest.approx((15 + HALF_LIFE + PRIOR_SECONDS) / (5 + HALF_LIFE + PRIOR_SECONDS))


def test_an_estimate_that_was_wrong_is_no_pace() -> None:
    assert paced((1e-3, 1e6)).factor == MOST
    assert paced((0.0, 50.0), (10.0, -1.0)).factor == 1.0


def test_work_that_was_ended_early_says_something_only_where_it_was_late() -> None:
    pace = Pace()
    pace.note_unfinished(100.0, 30.0)
    assert pace.factor == 1.0
    pace.note_unfinished(100.0, 250.0)
    assert pace.factor > 2.0


def test_a_trial_says_something_by_how_much_of_it_was_trained() -> None:
    estimated = Estimated(before=40.0, training=100.0)
    assert [estimated.until(share) for share in (0.0, 0.5, 1.0)] == [40.0, 90.0, 140.0]
    half, cut, early = Pace(), Pace(), Pace()
    half.note_until(estimated, 0.5, 180.0)
    assert half.factor == pytest.approx(2.0, abs=0.1)
    cut.note_until(estimated, 0.0, 120.0)  # while its views were made, which were to take 40 s
    assert cut.factor == pytest.approx(3.0, abs=0.3)
    early.note_until(estimated, 0.0, 10.0)
    assert early.factor == 1.0


def test_what_comes_later_is_priced_by_the_pace() -> None:
    budget = TimeBudget(limit=1000.0)
    budget.end = EndPrice(models=60.0, report=10.0)
    assert budget.share("rest") == 70.0
    assert budget.price(20.0) == 20.0
    budget.pace.note(100.0, 205.0)
    assert budget.pace.factor == pytest.approx(2.0)
    assert budget.price(20.0) == pytest.approx(40.0)
    assert budget.share("rest") == pytest.approx(140.0)
    assert budget.left_for("rest") == pytest.approx(860.0, abs=1)
    assert budget.left_before_report() == pytest.approx(980.0, abs=1)


def test_a_cheap_end_keeps_its_share() -> None:
    budget = TimeBudget(limit=1000.0)
    budget.end = EndPrice(models=5.0, report=1.0)
    assert budget.share("rest") == 50.0
    assert TimeBudget(limit=None).left_before_report() is None


def test_a_machine_that_is_seen_to_be_busy_is_slow_before_any_work_has_been() -> None:
    budget = TimeBudget(limit=1000.0, end=EndPrice(models=200.0, test=100.0, report=50.0, alone=350.0))
    assert budget.left_before_end() == pytest.approx(650.0, abs=1)
    assert budget.left_before_test() == pytest.approx(850.0, abs=1)
    budget.pace.now = 2.5
    assert budget.price(10.0) == pytest.approx(25.0)
    assert budget.left_for("rest") == pytest.approx(650.0, abs=1)  # a search that goes on is not starved
    assert budget.left_before_end() == pytest.approx(1000 - 2.5 * 350, abs=1)
    assert budget.left_before_test() == pytest.approx(1000 - 2.5 * 150, abs=1)
    budget.pace.note(1e6, 4e6)  # what work has shown counts where it is more
    assert budget.pace.factor == pytest.approx(4.0, rel=1e-3)
    assert TimeBudget(limit=None).left_before_end() is None
