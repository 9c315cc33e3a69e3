"""The pictures of a report as files: each a PNG that can be read, and the numbers that it shows."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.results.large_result import LONG_PATH, NAMES, large_result
from tests.helpers.results.sample_result import LITE, SAMPLE, VGG
from tlsearch.report.charts import color_of, font_families, printable, shorten
from tlsearch.report.html import write_report
from tlsearch.report.images import Chart
from tlsearch.report.sections.confusion import confusion
from tlsearch.report.sections.summary import summary
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Confusion, Histories

EVERY = {
    "intervals", "depth-efficientnet_lite0-imagenet", "depth-vgg16-imagenet", "importance", "freeze-depth", "strength",
    "learning-curves", "learning-curves-loss", "confusion", "per-class", "mistakes", "label-errors", "calibration",
    "more-data", "cost", "store",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures of the sample."""
    home = tmp_path_factory.mktemp("sample")
    (home / "data" / "shirt").mkdir(parents=True)
    Image.new("RGB", (400, 300), (200, 30, 30)).save(home / "data" / "shirt" / "1.jpg")
    write_report(SAMPLE, home / "out", home / "data")
    return home / "out" / "pictures"


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def pictures(result: RunResult, tmp_path: Path) -> set[str]:
    write_report(result, tmp_path / "out", tmp_path / "data")
    return {path.stem for path in (tmp_path / "out" / "pictures").glob("*.png")}


def test_every_picture_has_its_numbers(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.png")} == EVERY
    assert {path.name for path in folder.iterdir()} == {f"{n}.{kind}" for n in EVERY for kind in ("png", "csv")}


@pytest.mark.parametrize("name", sorted(EVERY))
def test_a_picture_is_readable_on_white(folder: Path, name: str) -> None:
    image = np.asarray(Image.open(io.BytesIO((folder / f"{name}.png").read_bytes())).convert("RGB")).astype(int)
    assert image.shape[0] >= 200
    assert image.shape[1] >= 250
    assert (image[:3] == 255).all()
    assert (image[:, :3] == 255).all()
    assert (image[-3:] == 255).all()
    assert (image[:, -3:] == 255).all()
    assert (image.sum(axis=2) < 120).sum() > 50  # dark letters
    assert image.std() > 5


def test_the_scatter_shows_every_trial_that_has_a_score(folder: Path) -> None:
    shown = rows(folder, "freeze-depth")
    assert [row["number"] for row in shown] == ["1", "2", "3"]  # the fourth failed
    assert [float(row["frozen_share"]) for row in shown] == [1.0, pytest.approx(6 / 18), pytest.approx(6 / 18)]
    assert [(row["value"], row["last_value"]) for row in shown] == [("0.861", "0.861"), ("0.912", "0.912"), ("", "0.7")]
    assert [row["winner"] for row in shown] == ["False", "True", "False"]
    assert [row["state"] for row in shown] == ["complete", "complete", "pruned"]


def test_the_figures_in_the_files_are_those_of_the_result(folder: Path) -> None:
    assert [(r["parameter"], float(r["share_of_variance"])) for r in rows(folder, "importance")] == [
        ("train_suffix", 0.41), ("candidate", 0.2), ("dropout", 0.01),
    ]  # fmt: skip
    assert [r["test"] for r in rows(folder, "intervals")] == ["0.903", "0.86", "0.602", "0.566"]
    assert [(r["step"], float(r["seconds"])) for r in rows(folder, "cost")] == list(SAMPLE.timings.items())
    assert [r["path"] for r in rows(folder, "mistakes")] == ["shirt/1.jpg", "hat/2.jpg"]
    assert {r["trial"] for r in rows(folder, "learning-curves")} == {"winner", "from scratch", "trial 7"}
    assert [r["images"] for r in rows(folder, "more-data")] == ["268", "535", "1069"]
    assert [float(r["accuracy"]) for r in rows(folder, "depth-vgg16-imagenet")] == [
        point.accuracy for point in SAMPLE.profile[VGG]
    ]


def test_a_class_has_precision_recall_and_f1(folder: Path) -> None:
    hat = next(row for row in rows(folder, "per-class") if row["class"] == "hat")
    assert (hat["images"], hat["predicted"]) == ("93", "93")
    assert float(hat["precision"]) == pytest.approx(90 / 93)
    dress = next(row for row in rows(folder, "per-class") if row["class"] == "dress")
    assert float(dress["precision"]) == pytest.approx(84 / 94)
    assert float(dress["recall"]) == pytest.approx(84 / 93)
    assert float(dress["f1"]) == pytest.approx(2 * 84 / (93 + 94))


def test_a_sheet_shows_the_photographs_that_are_there(folder: Path) -> None:
    image = np.asarray(Image.open(folder / "mistakes.png").convert("RGB")).astype(int)
    red = (np.abs(image - (200, 30, 30)) < 12).all(axis=2)
    assert red.sum() == pytest.approx(240 * 180, rel=0.02)


def test_the_report_of_many_classes_and_trials(tmp_path: Path) -> None:
    large = large_result()
    names = pictures(large, tmp_path)
    long = ("depth-my-own-network-" + "weights-" * 9)[:66]
    assert names == EVERY | {"head-size", long}
    source = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert source.count("<script>") == 1
    assert source.count("&lt;script&gt;alert") > 5
    assert LONG_PATH in source.replace("<wbr>", "")
    assert all(f">{name}</td>" in source for name in NAMES[2:])
    assert source.count('class="scroll tall"') == 3  # trials, classes on test, images by class
    assert "Not drawn, for want of any score: 33 failed" in source
    assert "no chart" not in source.lower().split("<style>")[0]


def test_what_is_not_there_has_no_picture(tmp_path: Path) -> None:
    bare = replace(
        SAMPLE, importance=None, frozen_work=(), confusion=None, mistakes=(), profile={LITE: ()}, trials=(),
        histories=Histories(({"objective": None},)), timings={},
        insights=replace(SAMPLE.insights, label_errors=None, more_data=None),
    )  # fmt: skip
    assert pictures(bare, tmp_path) == {"intervals", "calibration"}


def test_names_are_made_fit_to_draw() -> None:
    assert printable("a $x$ \n b\udcff") == r"a \$x\$ ? b?"
    assert shorten("abcdefghij", 5) == "ab…ij"
    assert shorten("abcde", 5) == "abcde"
    assert len(shorten("x" * 99, 30)) == 30


def test_candidates_keep_their_colour_and_late_ones_are_grey() -> None:
    labels = [f"network {number}" for number in range(7)]
    colours = [color_of(label, labels) for label in labels]
    assert len(set(colours[:5])) == 5
    assert colours[5] == colours[6] == color_of("unknown", labels)


def test_letters_of_other_scripts_are_drawn_with_the_fonts_that_are_there() -> None:
    assert font_families(["DejaVu Sans"]) == ["DejaVu Sans"]
    installed = ["Comic Sans MS", "Noto Sans Thai", "Noto Sans CJK JP"]
    assert font_families(installed) == ["DejaVu Sans", "Noto Sans CJK JP", "Noto Sans Thai"]


def test_the_longest_name_of_a_model_is_whole_in_the_picture_of_the_intervals() -> None:
    long = replace(SAMPLE, winner=replace(SAMPLE.winner, label="efficientnet_lite0@imagenet " * 6 + "the end"))
    (picture,) = summary(long).pictures
    (short,) = summary(SAMPLE).pictures
    assert isinstance(picture, Chart)
    assert isinstance(short, Chart)
    assert "the end" in picture.svg
    assert "…" not in picture.svg
    assert picture.figure.get_size_inches()[1] > short.figure.get_size_inches()[1]


@pytest.mark.parametrize("classes", [2, 5])
def test_few_classes_with_long_names_leave_room_for_the_titles_of_the_axes(classes: int) -> None:
    labels = tuple(f"a class with a long name {number}" for number in range(classes))
    matrix = tuple(tuple(3 * (i == j) for j in range(classes)) for i in range(classes))
    (picture,) = (
        p for p in confusion(replace(SAMPLE, confusion=Confusion(labels, matrix))).pictures if p.name == "confusion"
    )
    image = np.asarray(Image.open(io.BytesIO(picture.png())).convert("L"))
    assert (image[:, -3:] == 255).all()
    assert (image[:, :3] == 255).all()
    assert (image[-3:] == 255).all()
