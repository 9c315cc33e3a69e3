"""Would more images help? One source answers for the section of the report and for the verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.helpers.results.sample_result import SAMPLE
from tests.helpers.results.sample_trials import SOLVED
from tlsearch.report.verdict import verdict_of
from tlsearch.report.verdict.more_images import more_images
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Confusion, EvaluationPredictions, Winner

NAMES = ("boot", "coat", "hat", "shirt", "tie")
IN_NEED = Confusion(NAMES, ((20, 0, 0, 0, 0), (0, 12, 0, 8, 0), (0, 0, 20, 0, 0), (0, 6, 1, 13, 0), (0, 1, 0, 0, 19)))
EVEN = Confusion(NAMES, tuple(tuple(18 if i == j else 1 for j in range(5)) for i in range(5)))
PROBE = replace(SOLVED, backbone="efficientnet_lite0", depth=18, freeze_depth=18, skip_cut=0, pooling="avg")


def with_gain(low: float, high: float, *, probe: bool, confusion: Confusion = EVEN) -> RunResult:
    """The sample whose last doubling gained from ``low`` to ``high``; ``probe`` says whether a linear probe ships."""
    more = SAMPLE.insights.more_data
    assert more is not None
    insights = replace(SAMPLE.insights, more_data=replace(more, last_gain=(low + high) / 2, gain_ci95=(low, high)))
    winner = Winner.of(PROBE, "head", ()) if probe else SAMPLE.winner
    return replace(SAMPLE, insights=insights, winner=winner, confusion=confusion)


def test_the_classes_in_need_stand_in_the_section_and_in_the_verdict() -> None:
    for probe in (True, False):
        found = more_images(with_gain(0.011, 0.035, probe=probe, confusion=IN_NEED), "model")
        assert found.step.startswith("Add images of coat and shirt: 94 % of the 16 errors on test are theirs")
        assert found.step.removeprefix("Add images of ") in found.sentence


def test_the_errors_of_the_winner_say_nothing_of_another_model() -> None:
    found = more_images(with_gain(0.011, 0.035, probe=False, confusion=IN_NEED), "baseline")
    assert found.step == ""
    assert "coat" not in found.sentence


def test_a_few_errors_that_chance_put_into_two_classes_name_none() -> None:
    """Of 10 errors in 8 classes two have half, as two of 8 often do; of 40 it would be evidence."""
    names = tuple("abcdefgh")

    def errors(counts: tuple[int, ...]) -> Confusion:
        others = [(place + 1) % 8 for place in range(8)]
        return Confusion(names, tuple(
            tuple(20 - n if j == i else n if j == others[i] else 0 for j in range(8)) for i, n in enumerate(counts)
        ))  # fmt: skip

    few = more_images(with_gain(0.011, 0.035, probe=False, confusion=errors((3, 2, 1, 1, 1, 1, 1, 0))), "model")
    many = more_images(with_gain(0.011, 0.035, probe=False, confusion=errors((12, 8, 4, 4, 4, 4, 4, 0))), "model")
    assert few.step == ""
    assert many.step.startswith("Add images of a and b: 50 % of the 40 errors on test are theirs, and 25 %")


def test_images_that_belong_together_are_wrong_together_which_names_no_class() -> None:
    """Ten images of each of two classes are wrong: twenty errors, or copies of two images."""
    true = [number for number in range(8) for _ in range(20)]
    predicted = [
        (number + 1) % 8 if place < 10 and number < 2 else number for number in range(8) for place in range(20)
    ]
    matrix = tuple(
        tuple(sum(t == i and p == j for t, p in zip(true, predicted, strict=True)) for j in range(8)) for i in range(8)
    )
    result = with_gain(0.011, 0.035, probe=False, confusion=Confusion(tuple("abcdefgh"), matrix))

    def step(groups: list[int]) -> str:
        predictions = EvaluationPredictions(
            fingerprint="", true=tuple(true), predicted=tuple(predicted), groups=tuple(groups)
        )
        return more_images(replace(result, predictions=predictions), "model").step

    assert step(list(range(160))).startswith("Add images of a and b: 100 % of the 20 errors on test are theirs")
    assert step([place // 10 for place in range(160)]) == ""


def test_where_more_images_help_a_probe_that_ships_the_verdict_advises_them() -> None:
    found = more_images(with_gain(0.011, 0.035, probe=True), "model")
    assert found.sentence.startswith("More images would probably help: from 535 to 1,069 images")
    assert found.step.startswith("Add images of all classes: from 535 to 1,069 images")


@pytest.mark.parametrize(("low", "high"), [(0.001, 0.005), (-0.02, 0.03)])
def test_where_they_would_hardly_help_or_nobody_knows_they_are_not_advised(low: float, high: float) -> None:
    assert more_images(with_gain(low, high, probe=True), "model").step == ""


def test_the_verdict_does_not_advise_what_the_section_says_would_hardly_help() -> None:
    found = more_images(with_gain(0.001, 0.005, probe=True, confusion=IN_NEED), "model")
    assert found.sentence.startswith("More images of the same kind would hardly help")
    assert found.step == ""


@pytest.mark.parametrize("model", ["model", "baseline"])
def test_a_probe_says_nothing_of_a_model_that_is_none(model: str) -> None:
    found = more_images(with_gain(0.011, 0.035, probe=model == "baseline"), model)
    assert "would help the model that ships is not known, because it is no linear probe" in found.sentence
    assert found.step == ""


def test_the_verdict_takes_its_step_from_there() -> None:
    result = with_gain(0.011, 0.035, probe=True, confusion=IN_NEED)
    verdict = verdict_of(replace(result, plan=replace(result.plan, time_limit=None)))
    assert more_images(result, verdict.model).step in [step.said for step in verdict.next_steps]
