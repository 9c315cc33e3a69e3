"""The time limit and its shares."""

from __future__ import annotations

import contextlib

import pytest

from tlsearch.runs import budget as module
from tlsearch.runs.budget import SHARES, SHARES_WITHOUT_COMPARISON, EndPrice, TimeBudget, kept_for_end


class Hands:
    """A time that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    hands = Hands()
    monkeypatch.setattr(module, "time", hands)
    return hands


def test_the_shares_are_the_whole() -> None:
    assert SHARES == {"profile": 0.10, "baseline": 0.25, "search": 0.50, "confirm": 0.10, "rest": 0.05}
    assert sum(SHARES.values()) == pytest.approx(1)


def test_without_a_fair_comparison_the_search_has_what_it_would_take(hands: Hands) -> None:
    assert sum(SHARES_WITHOUT_COMPARISON.values()) == pytest.approx(1)
    budget = TimeBudget(limit=1000.0, started=hands.now)
    assert budget.trial_share() == 250  # as long as a network from scratch
    budget.compares = False
    assert [budget.share(step) for step in SHARES] == pytest.approx([100, 100, 650, 100, 50])
    assert budget.trial_share() == 350
    assert budget.left_for("search", "confirm", "rest") == pytest.approx(200)
    assert TimeBudget(limit=None, compares=False).trial_share() is None


def test_shares_of_a_limit(hands: Hands) -> None:
    budget = TimeBudget(limit=300.0, started=hands.now)
    assert [budget.share(step) for step in SHARES] == pytest.approx([30, 75, 150, 30, 30])
    hands.now += 200
    assert budget.elapsed() == 200
    assert budget.share("search") == 150  # a share does not shrink
    assert budget.left_for() == pytest.approx(100)
    assert budget.left_for("confirm", "rest") == pytest.approx(40)


@pytest.mark.parametrize(("limit", "seconds"), [(45, 13.5), (200, 30), (300, 30), (480, 30), (600, 30), (1800, 90)])
def test_a_short_run_keeps_more_for_its_end(limit: float, seconds: float) -> None:
    assert TimeBudget(limit=limit).share("rest") == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("limit", "slower", "seconds"),
    [
        (300, 1, 60),  # what it is estimated to take on so busy a machine
        (300, 4, 90),  # 30 % of the limit, however busy the machine is
        (100, 4, 30),
        (60, 1, 30),
        (1800, 4, 240),
    ],
)
def test_a_busy_machine_does_not_take_the_time_from_the_search(limit: float, slower: float, seconds: float) -> None:
    end = EndPrice(models=45.0, report=15.0, alone=20.0)
    assert kept_for_end(limit, end, slower) == pytest.approx(seconds)
    budget = TimeBudget(limit=limit, end=end)
    budget.pace.note(1e6, slower * 1e6)
    assert budget.share("rest") == pytest.approx(seconds, rel=1e-3)


def test_what_the_end_takes_in_any_case_is_kept_for_it() -> None:
    assert kept_for_end(300, EndPrice(models=300.0, report=0.0, alone=150.0), 4) == pytest.approx(150)


def test_what_fits(hands: Hands) -> None:
    budget = TimeBudget(limit=300.0, started=hands.now)
    hands.now += 200
    assert budget.fits(39.9, "confirm", "rest")
    assert not budget.fits(40.1, "confirm", "rest")
    assert budget.fits(69.9, "rest")
    assert not budget.fits(70.1, "rest")
    hands.now += 200
    assert not budget.fits(0.0)


def test_without_a_limit_everything_fits(hands: Hands) -> None:
    budget = TimeBudget(limit=None, started=hands.now)
    hands.now += 1e6
    assert budget.fits(1e9, "confirm", "rest")
    assert budget.left_for("rest") is None
    assert budget.share("baseline") is None


def test_timings_of_a_step_add_up(hands: Hands) -> None:
    budget = TimeBudget(limit=None, started=hands.now)
    with budget.measure("scan"):
        hands.now += 2
    with budget.measure("plan"):
        hands.now += 3
    with contextlib.suppress(ZeroDivisionError), budget.measure("scan"):
        hands.now += 5
        _ = 1 / 0
    assert budget.timings == {"scan": 7, "plan": 3}


def test_a_step_within_another_has_seconds_of_its_own(hands: Hands) -> None:
    budget = TimeBudget(limit=None, started=hands.now)
    with budget.measure("report"):
        hands.now += 3
        with budget.measure("insights"):
            hands.now += 5
        assert budget.timings == {"insights": 5}
        assert budget.spent() == {"insights": 5, "report": 8}
    assert budget.timings == {"insights": 5, "report": 8}
