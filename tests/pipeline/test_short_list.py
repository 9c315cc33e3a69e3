"""Which of many networks a run considers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.made_up import backbone_facts, online
from tlsearch.pipeline.candidates.short_list import FEW, SPEED, Means, Rated, choose, list_line

CHEAP = Rated("cheap", 1e9, 0.75)
WORSE = Rated("worse", 2e9, 0.70)
GOOD = Rated("good", 4e9, 0.79)
BETTER = Rated("better", 8e9, 0.80)
HEAVY = Rated("heavy", 16e9, 0.78)
STRONG = Rated("strong", 30e9, 0.83)
BEST = Rated("best", 60e9, 0.85)
ALL = (STRONG, CHEAP, HEAVY, WORSE, BEST, GOOD, BETTER)

AMPLE = Means(images=1000, seconds=None, cores=2)


@pytest.mark.parametrize("networks", [(), ALL[:1], ALL[:FEW]])
def test_few_networks_all_take_part_whatever_they_cost(networks: tuple[Rated, ...]) -> None:
    short = choose(networks, replace(AMPLE, seconds=1.0))
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
    # a pass of `better` takes 8e9 x 1000 / (2 cores x SPEED) seconds: 5 % of 20 times that
    seconds = 20 * BETTER.work * 1000 / (2 * SPEED)
    short = choose(ALL, replace(AMPLE, seconds=seconds))
    assert set(short.chosen) == {"cheap", "good", "better", "worse"}  # the places that are left go to the next accurate
    assert short.reasons["best"].startswith("not on the short list, for a pass over the images would take longer than")
    assert set(choose(ALL, replace(AMPLE, seconds=seconds * 0.99)).chosen) == {"cheap", "good", "worse"}


def test_more_cores_allow_more() -> None:
    means = Means(images=1000, seconds=1800.0, cores=1)
    two = CHEAP._replace(work=0.1 * SPEED)  # a pass takes 100 s, where 90 are allowed
    assert not means.allows(two)
    assert replace(means, cores=2).allows(two)
    assert means.pass_seconds(CHEAP) == pytest.approx(1000 * 1e9 / SPEED)


def test_where_the_time_allows_none_the_cheapest_is_tried() -> None:
    assert choose(ALL, replace(AMPLE, seconds=0.001)).chosen == ("cheap",)


def test_places_that_others_have_taken_are_not_given_again() -> None:
    assert choose(ALL, AMPLE, places=1).chosen == ("best",)
    assert choose(ALL, AMPLE, places=0).chosen == ()
    assert len(choose(ALL, AMPLE, places=0).reasons) == len(ALL)


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
