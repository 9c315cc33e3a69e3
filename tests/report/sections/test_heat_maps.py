"""What the report says and shows of heat maps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.helpers.results.sample_result import SAMPLE
from tlsearch.data.findings import finding
from tlsearch.report.html import write_report
from tlsearch.report.images import Chart, PhotoSheet
from tlsearch.report.sections.heat_maps import heat_maps, sentences
from tlsearch.results.flatten import flat_metrics
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Curves, MapAgreement, MapStudy, ShownMap

CURVES = Curves(
    images=40,
    shares=(0.0, 0.5, 1.0),
    deletion=(0.9, 0.3, 0.1),
    insertion=(0.1, 0.8, 0.9),
    random_deletion=(0.9, 0.5, 0.1),
    random_insertion=(0.1, 0.5, 0.9),
    deletion_gain=0.104,
    deletion_gain_ci95=(0.061, 0.147),
    insertion_gain=0.15,
    insertion_gain_ci95=(0.1, 0.2),
    own_gain=0.03,
    own_gain_ci95=(0.01, 0.05),
)
STUDY = MapStudy(
    method="cam",
    exact=True,
    rows=7,
    columns=7,
    images=64,
    border=0.281,
    border_ci95=(0.25, 0.31),
    border_area=0.36,
    border_by_class={"shirt": 0.5, "hat": 0.2},
    curves=CURVES,
    from_scratch=MapAgreement(images=64, same=0.31, same_ci95=(0.25, 0.37), different=0.12),
    shown=(
        ShownMap(
            path="shirt/1.jpg", true="shirt", explained="hat", probability=0.93, mistake=True, border=0.3,
            overlay="heat-maps/01-winner.png", scratch="heat-maps/01-from-scratch.png",
        ),
        ShownMap(
            path="hat/2.jpg", true="hat", explained="hat", probability=0.99, mistake=False, border=None,
            overlay="heat-maps/02-winner.png", scratch="heat-maps/02-from-scratch.png",
        ),
    ),
)  # fmt: skip


def with_study(**changes: Any) -> RunResult:
    insights = replace(SAMPLE.insights, heat_maps=replace(STUDY, **changes))
    return replace(SAMPLE, insights=insights)


def said(result: RunResult) -> str:
    assert result.insights.heat_maps is not None
    return " ".join(sentences(result, result.insights.heat_maps))


def test_the_page_shows_the_maps_of_both_networks(tmp_path: Path) -> None:
    for number in (1, 2):
        for name in ("winner", "from-scratch"):
            file = tmp_path / "out" / "heat-maps" / f"{number:02}-{name}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (240, 240), (90, 20 * number, 10)).save(file)
    page = write_report(with_study(), tmp_path / "out", tmp_path / "data").read_text(encoding="utf-8")
    section = page[page.index("<h2>Where it looked") : page.index("<h2>Labels that look wrong")]
    assert section.count("<img ") == 4
    assert section.count("<svg") == 2
    assert "no picture" not in section
    assert section.index("Worst mistakes") < section.index("Surest right answers")
    for name in ("heat-maps", "heat-maps-deletion", "heat-maps-insertion"):
        assert (tmp_path / "out" / "pictures" / f"{name}.png").stat().st_size > 1000
        assert (tmp_path / "out" / "pictures" / f"{name}.csv").exists()


def test_maps_that_are_gone_are_left_blank(tmp_path: Path) -> None:
    found = heat_maps(with_study(), tmp_path)
    assert [kind for kind, _ in found.shown["heat_groups"]] == ["Worst mistakes", "Surest right answers"]
    assert all(own is None and other is None for _, items in found.shown["heat_groups"] for _, own, other in items)
    assert [type(picture) for picture in found.pictures] == [Chart, Chart, PhotoSheet]


def test_a_result_without_maps_has_no_section_or_says_why(tmp_path: Path) -> None:
    assert heat_maps(SAMPLE, tmp_path).shown["heat_sentences"] == []  # the template then has no section
    why = replace(SAMPLE.insights, no_heat_maps="the time limit left no time for them")
    found = heat_maps(replace(SAMPLE, insights=why), tmp_path)
    assert found.shown["heat_sentences"] == ["There are no heat maps: the time limit left no time for them."]
    assert found.pictures == ()


def test_it_is_said_plainly_whether_the_maps_mean_anything() -> None:
    good = said(with_study())
    assert "The maps mean something" in good
    assert "0.104 [0.061, 0.147] on 40 images" in good
    assert "another image's map it is smaller by 0.030 [0.010, 0.050]: so much is of the image itself" in good
    common = said(with_study(curves=replace(CURVES, own_gain=0.004, own_gain_ci95=(-0.01, 0.02))))
    assert "The map of another image does as well (0.004 [-0.010, 0.020])" in common
    poor = replace(CURVES, deletion_gain=0.01, deletion_gain_ci95=(-0.02, 0.04))
    bad = said(with_study(curves=poor))
    assert "The maps are not shown to mean anything, so do not rely on them" in bad
    assert "mean something" not in bad
    unknown = said(with_study(curves=None, no_curves="there was no time for deletion and insertion curves"))
    assert "Whether the maps mean anything is not known: there was no time" in unknown


@pytest.mark.parametrize(("exact", "words"), [(True, "it is exact"), (False, "a hint that does not add up")])
def test_it_is_said_how_exact_the_maps_are(exact: bool, words: str) -> None:
    assert words in said(with_study(exact=exact))


def test_the_border_is_compared_with_its_area() -> None:
    assert "28 % (25.0 to 31.0 %) of the heat lies in the border frame" in said(with_study())
    assert "more than its share" not in said(with_study())
    assert "look whether the background gives classes away" in said(with_study(border=0.5, border_ci95=(0.4, 0.6)))
    assert "border frame" not in said(with_study(border=None, border_ci95=None))


def test_a_class_with_a_colour_shortcut_is_named_with_its_share() -> None:
    result = with_study()
    clue = finding("colour_shortcut", "class shirt is given away by a colour in training only: the mean red tells it")
    told = said(replace(result, dataset=replace(result.dataset, findings=(clue,))))
    assert "Class shirt, which a colour gives away in training, has 50 % of its heat in the border frame." in told
    assert "Class hat" not in told


def test_the_network_from_scratch_is_the_sanity_check() -> None:
    assert "rank correlation of 0.31 [0.25, 0.37], those of different images with 0.12" in said(with_study())
    why = said(with_study(from_scratch=None, no_from_scratch="no network was trained from scratch"))
    assert "There is no comparison with a network from scratch: no network was trained from scratch." in why


def test_images_that_the_model_has_seen_are_said_to_be_so() -> None:
    assert "has been trained on these images" in said(with_study(seen=True))
    assert "has been trained on these images" not in said(with_study())


def test_the_figures_go_to_mlflow() -> None:
    figures = flat_metrics(with_study())
    assert figures["heat_maps_deletion_gain"] == 0.104
    assert figures["heat_maps_deletion_gain_ci95_low"] == 0.061
    assert figures["heat_maps_border"] == 0.281
    assert not any(name.startswith("heat_maps") for name in flat_metrics(SAMPLE))


def test_a_study_is_written_and_read_as_it_was() -> None:
    result = with_study()
    assert RunResult.from_dict(result.to_dict()) == result
    older = SAMPLE.to_dict()
    del older["insights"]["heat_maps"], older["insights"]["no_heat_maps"]
    assert RunResult.from_dict(older).insights.heat_maps is None
