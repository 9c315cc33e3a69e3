"""What is claimed of an exported file, from its answers and those of the model."""

from __future__ import annotations

import numpy as np
import pytest

from tlsearch.export.contract import Precision
from tlsearch.export.proof import compare_answers, judge
from tlsearch.stats.intervals import tango
from tlsearch.types import Float64Array, LabelArray


def answers(count: int, seed: int = 0) -> tuple[LabelArray, Float64Array]:
    """True classes of three, and probabilities of a model that is right nine times of ten."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, count)
    told = np.where(np.arange(count) % 10 == 0, (truth + 1) % 3, truth)
    return truth, np.eye(3)[told] * 0.7 + 0.1


def with_errors(model: Float64Array, rows: range) -> Float64Array:
    """The same answers but for some images, for which the classes change places."""
    changed = model.copy()
    changed[rows] = np.roll(model[rows], 1, axis=1)
    return changed


def test_the_figures_are_those_of_the_answers() -> None:
    truth, model = answers(100)
    found = compare_answers(truth, model, with_errors(model, range(1, 5)))
    assert (found.images, found.equal_answers) == (100, 0.96)
    assert (found.model_accuracy, found.accuracy) == (0.9, 0.86)
    assert found.discordant == (0, 4)
    assert found.difference == pytest.approx(-0.04)
    assert found.ci95 == pytest.approx(tango(0, 4, 100))
    assert found.largest_difference == pytest.approx(0.7)


@pytest.mark.parametrize(("count", "proven"), [(380, False), (381, True)])
def test_equal_answers_of_381_images_exclude_a_loss_of_one_point(count: int, proven: bool) -> None:
    truth, model = answers(count)
    other = model * 0.9 + 0.1 / 3  # other probabilities, the same classes
    assert judge(compare_answers(truth, model, other), "int8")[0] is proven


def test_few_images_suffice_where_only_rounding_differs() -> None:
    truth, model = answers(20)
    proven, reason = judge(compare_answers(truth, model, model + 1e-6), "float16")
    assert proven
    assert "rounding" in reason


def test_a_float32_file_that_computes_something_else_is_not_proven_even_if_no_answer_changes() -> None:
    truth, model = answers(5000)
    other = model * 0.9 + 0.1 / 3
    assert judge(compare_answers(truth, model, other), "float16")[0]
    proven, reason = judge(compare_answers(truth, model, other), "float32")
    assert not proven
    assert "conversion is wrong" in reason


def test_a_loss_is_told_from_too_few_images() -> None:
    truth, model = answers(1000)
    lost = judge(compare_answers(truth, model, with_errors(model, range(31, 61))), "int8")
    few = judge(compare_answers(truth[:50], model[:50], model[:50] * 0.9 + 0.1 / 3), "int8")
    assert not lost[0]
    assert not few[0]
    assert "less accurate" in lost[1]
    assert "not bounded by 50 images" in few[1]
    assert all("--precision float16" in reason and "--accept-loss" in reason for _, reason in (lost, few))


def test_images_that_the_model_has_seen_do_not_bound_a_loss() -> None:
    truth, model = answers(5000)
    found = compare_answers(truth, model, model * 0.9 + 0.1 / 3)
    assert judge(found, "int8")[0]
    proven, reason = judge(found, "int8", seen=True)
    assert not proven
    assert "name other images with --images, try --precision float16" in reason
    assert judge(compare_answers(truth, model, model + 1e-6), "int8", seen=True)[0]
    assert "last bit" in judge(compare_answers(truth, model, model), "float32", seen=True)[1]


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_a_file_that_gives_no_numbers_is_not_proven(precision: Precision) -> None:
    truth, model = answers(1000)
    found = compare_answers(truth, model, np.full_like(model, np.nan))
    assert found.largest_difference == 1.0
    assert not judge(found, precision)[0]


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_no_number_for_a_single_image_is_enough_to_refuse_a_file(precision: Precision, odd: float) -> None:
    """The loss of accuracy would be far below a point."""
    truth, model = answers(5000)
    file = model.copy()
    file[7, 1] = odd
    found = compare_answers(truth, model, file)
    assert (found.without_numbers, found.largest_difference) == (1, 1.0)
    assert found.ci95[0] > -0.01
    proven, reason = judge(found, precision)
    assert not proven
    assert reason.startswith("Of 1 of 5,000 images the file gives no numbers: the conversion is wrong, so use another")


def test_images_that_belong_together_make_the_interval_wider() -> None:
    truth, model = answers(600)
    file = with_errors(model, range(1, 31))
    apart = compare_answers(truth, model, file)
    together = compare_answers(truth, model, file, np.arange(600) // 30)
    assert together.ci95[0] < apart.ci95[0]
