"""Which networks a run considers where none was named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.pipeline.made_up import backbone_facts, online
from tlsearch.pipeline.candidates.short_list import (
    FEW,
    MOST_BEFORE,
    PREPARATION,
    SPEED,
    Means,
    Rated,
    choose,
    list_line,
)

CHEAP = Rated("cheap", 1e9, 0.75)
WORSE = Rated("worse", 2e9, 0.70)
GOOD = Rated("good", 4e9, 0.79)
BETTER = Rated("better", 8e9, 0.80)
HEAVY = Rated("heavy", 16e9, 0.78)
STRONG = Rated("strong", 30e9, 0.83)
BEST = Rated("best", 60e9, 0.85)
ALL = (STRONG, CHEAP, HEAVY, WORSE, BEST, GOOD, BETTER)

AMPLE = Means(images=1000, seconds=None, trials=40, cores=2)


def time_for(network: Rated) -> float:
    """The least time in which there is time for a network."""
    return (PREPARATION + network.work * 1000 / (2 * SPEED)) / MOST_BEFORE


@pytest.mark.parametrize("networks", [(), ALL[:1], ALL[:FEW]])
def test_few_networks_all_take_part_where_there_is_time(networks: tuple[Rated, ...]) -> None:
    for means in (AMPLE, replace(AMPLE, seconds=time_for(BEST))):
        short = choose(networks, means)
        assert short.chosen == tuple(n.name for n in networks)
        assert short.reasons == {}


def test_the_best_the_cheapest_and_some_between_are_chosen_in_the_order_in_which_they_came() -> None:
    short = choose(ALL, AMPLE)
    # cheap, good, better, strong and best are each the most accurate for their work
    assert short.chosen == ("strong", "cheap", "best", "good")
    assert set(short.reasons) == {"heavy", "worse", "better"}
    assert short.reasons["worse"] == (
        "not on the short list, for others promise more for their work; `--backbone worse` tries it"
    )


def test_what_the_time_does_not_allow_is_left_out() -> None:
    seconds = time_for(BETTER) * 1.001
    short = choose(ALL, replace(AMPLE, seconds=seconds))
    assert set(short.chosen) == {"cheap", "good", "better", "worse"}  # the places that are left go to the next accurate
    assert short.reasons["best"] == (
        "not on the short list, for it would take longer than 1m 06s before the search; `--backbone best` tries it"
    )
    assert set(choose(ALL, replace(AMPLE, seconds=seconds * 0.99)).chosen) == {"cheap", "good", "worse"}


@pytest.mark.parametrize("networks", [ALL, ALL[:2], ALL[1:2], (CHEAP, GOOD, BETTER)])
def test_in_a_short_time_the_cheapest_alone_is_tried_however_few_there_are(networks: tuple[Rated, ...]) -> None:
    short = choose(networks, replace(AMPLE, seconds=120.0))  # 6 s for what takes 16 s and more
    assert short.chosen == ("cheap",)
    assert set(short.reasons) == {n.name for n in networks} - {"cheap"}
    assert all("longer than 6s before the search" in reason for reason in short.reasons.values())


def test_more_cores_allow_more() -> None:
    means = Means(images=1000, seconds=1800.0, trials=40, cores=1)
    slow = CHEAP._replace(work=0.08 * SPEED)  # a pass takes 80 s, where 90 are allowed for it and its preparation
    assert means.seconds_before(slow) == pytest.approx(PREPARATION + 80)
    assert not means.allows(slow)
    assert replace(means, cores=2).allows(slow)


@pytest.mark.parametrize(("trials", "places"), [(1, 1), (7, 1), (8, 2), (12, 3), (16, 4), (400, 4)])
def test_few_trials_are_for_few_networks(trials: int, places: int) -> None:
    short = choose(ALL, replace(AMPLE, trials=trials))
    assert len(short.chosen) == places
    assert "cheap" in short.chosen
    assert ("best" in short.chosen) == (places > 1)
    said = "others promise more" if places == FEW else f"no room for more in {trials} trial"
    assert all(said in reason for reason in short.reasons.values())


def test_what_is_downloaded_fills_the_places_that_are_left() -> None:
    assert choose((WORSE,), AMPLE, (CHEAP, GOOD, BEST)).chosen == ("worse", "cheap", "good", "best")
    assert choose((CHEAP, WORSE, HEAVY), AMPLE, (BETTER, GOOD, BEST)).chosen == ("cheap", "worse", "heavy", "best")
    full = choose(ALL[:4], AMPLE, ALL[4:])
    assert full.chosen == tuple(n.name for n in ALL[:4])
    assert set(full.reasons) == {"best", "good", "better"}
    assert choose((), replace(AMPLE, seconds=60.0), (GOOD, BEST)).chosen == ("good",)


def test_only_networks_that_say_both_are_rated_at_the_size_of_the_run() -> None:
    facts = replace(backbone_facts("net", imagenet=online("net")), work=4e9)
    known = replace(online("net"), accuracy=0.8)
    means = replace(AMPLE, sides={"net": 112})
    assert means.rate(facts, known) == Rated("net", 1e9, 0.8)
    assert AMPLE.rate(facts, known) == Rated("net", 4e9, 0.8)
    assert means.rate(facts, online("net")) is None
    assert means.rate(facts, None) is None
    assert means.rate(replace(facts, work=None), known) is None


def test_the_choice_is_told_with_its_figures() -> None:
    assert list_line(ALL, choose(ALL, AMPLE)) == (
        "short list of 4 from 7 networks: strong (0.830, 30.0), cheap (0.750, 1.0), best (0.850, 60.0), "
        "good (0.790, 4.0) (accuracy on ImageNet, billion operations an image); --backbone all tries every one"
    )
