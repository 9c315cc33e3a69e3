"""What the accuracy by depth is used for."""

from __future__ import annotations

from dataclasses import replace

from made_up import LITE, VGG

from tlsearch.records import Candidate
from tlsearch.results.parts import ProfilePoint
from tlsearch.search.profile import best_candidates, profile_line

THIRD = replace(VGG, backbone="resnet50", depth=17)


def points(*accuracies: float) -> tuple[ProfilePoint, ...]:
    return tuple(ProfilePoint(f"cut{n}", n, a, 0.02) for n, a in enumerate(accuracies, 1))


def best(profile: dict[Candidate, tuple[ProfilePoint, ...]], *dear: Candidate) -> list[Candidate]:
    return best_candidates(profile, {c: c not in dear for c in profile})


def test_the_best_probe_leads() -> None:
    assert best({LITE: points(0.5, 0.6), VGG: points(0.9, 0.7)}) == [VGG]


def test_a_second_within_two_standard_errors_is_tuned_too() -> None:
    assert best({LITE: points(0.5, 0.861), VGG: points(0.9, 0.7)}) == [VGG, LITE]
    assert best({LITE: points(0.5, 0.859), VGG: points(0.9, 0.7)}) == [VGG]
    assert best({LITE: points(0.89), VGG: points(0.9), THIRD: points(0.895)}) == [VGG, THIRD]  # never three


def test_what_cannot_be_tuned_in_the_time_gives_way() -> None:
    profile = {LITE: points(0.5), VGG: points(0.9), THIRD: points(0.8)}
    assert best(profile, VGG) == [THIRD]
    assert best(profile, VGG, THIRD) == [LITE]
    assert best(profile, LITE, VGG, THIRD) == [VGG]  # where none can be, the best probe all the same


def test_the_line_that_people_see() -> None:
    assert profile_line(VGG, points(0.5, 0.69, 0.9, 0.8)) == f"{VGG.label:<28}  =@#  best .900 after cut3 (3 of 4)"
    assert profile_line(VGG, points(1.0, 1.0)).endswith("best 1.000 after cut1 (1 of 2)")
