"""What is said of boxes: in the report, in words, in MLflow's figures and in result.json."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.results.sample_result import SAMPLE
from tlsearch.report.html import write_report
from tlsearch.report.sections.localisation import score_rows, sentences, summary
from tlsearch.results.flatten import flat_metrics
from tlsearch.results.result import RunResult, read_result, write_result
from tlsearch.stats.localisation import Localisation, Localised, gain, scores


def made_up(shift: float, threshold_images: int = 60) -> Localisation:
    """Scores of a model that is better than the rules by about ``shift``."""
    rng = np.random.default_rng(0)
    classes, groups = np.arange(120) % 3, np.arange(120)
    model, centre, whole = (
        Localised(hits=rng.random(120) < 0.3 + more, overlaps=np.clip(rng.normal(0.3 + more, 0.1, 120), 0, 1))
        for more in (shift, 0.0, -0.2)
    )
    return Localisation(
        images=120,
        boxes=131,
        threshold=0.34 if threshold_images else 0.56,
        threshold_from="validation images" if threshold_images else "default",
        threshold_images=threshold_images,
        centre_share=0.6,
        model=scores(model, classes, groups),
        centre=scores(centre, classes, groups),
        whole=scores(whole, classes, groups),
        over_centre=gain(model, centre, classes, groups),
        over_whole=gain(model, whole, classes, groups),
    )


def with_boxes(found: Localisation | None, why: str | None = None) -> RunResult:
    return replace(SAMPLE, insights=replace(SAMPLE.insights, localisation=found, no_localisation=why))


def test_it_is_read_back_from_result_json(tmp_path: Path) -> None:
    result = with_boxes(made_up(0.4))
    write_result(result, tmp_path)
    assert read_result(tmp_path).insights == result.insights


def test_a_clear_gain_is_claimed_and_an_unclear_one_is_not() -> None:
    clear, unclear = sentences(made_up(0.4), "winner"), sentences(made_up(0.0), "winner")
    assert clear[1].startswith("The winner says where things are: over a box in the middle +")
    assert unclear[1].startswith("It is not shown that the winner says where things are")
    assert clear[0].startswith("120 images with 131 boxes of their class.")
    assert "34 % of the heat" in clear[2]
    assert "60 validation images" in clear[2]


def test_the_default_threshold_is_said() -> None:
    assert "of a map: the default." in sentences(made_up(0.4, threshold_images=0))[2]


def test_the_table_has_the_model_and_both_rules() -> None:
    found = made_up(0.4)
    rows = score_rows(found, "winner")
    assert [row[0] for row in rows] == ["winner", "box in the middle, 60 % of each side", "box around the whole image"]
    assert rows[0][1].startswith(f"{100 * found.model.pointing.value:.1f} % [")
    assert all(len(row) == 6 for row in rows)
    assert f"pointing game {100 * found.model.pointing.value:.1f} %" in summary(found)


def test_mlflow_has_both_scores_and_gains_with_intervals() -> None:
    found = made_up(0.4)
    figures = flat_metrics(with_boxes(found))
    assert figures["localisation_pointing"] == found.model.pointing.value
    assert figures["localisation_box_accuracy_ci95_low"] == found.model.box_accuracy.ci95[0]
    assert figures["localisation_pointing_over_centre"] == found.over_centre.pointing.value
    assert figures["localisation_threshold"] == 0.34
    assert not [name for name in flat_metrics(with_boxes(None)) if name.startswith("localisation")]


@pytest.mark.parametrize("why", [None, "9 test images have boxes of their class, and 10 are the fewest"])
def test_the_report_has_the_section_where_there_are_boxes(tmp_path: Path, why: str | None) -> None:
    found = made_up(0.4) if why is None else None
    page = write_report(with_boxes(found, why), tmp_path, tmp_path).read_text(encoding="utf-8")
    assert "Where things are" in page
    assert ("box in the middle, 60 % of each side" in page) == (why is None)
    if why is not None:
        assert f"Boxes were not scored: {why}." in page


def test_the_report_says_nothing_where_there_are_none(tmp_path: Path) -> None:
    page = write_report(with_boxes(None), tmp_path, tmp_path).read_text(encoding="utf-8")
    assert "Where things are" not in page
