"""Localisation on rendered scenes: a network with a linear head, trained for real, says where the thing is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.conftest import MakeOnce
from tests.helpers.images.scenes import CHOOSING, CLASSES, SCORED, SIDES, scenes, write_all, write_scenes
from tlsearch.cli.main import cli
from tlsearch.errors import UsageError
from tlsearch.explain.boxed_images import BoxedDataset, BoxedImages, read_boxed
from tlsearch.explain.localise import BoxRequest, localise
from tlsearch.stats.localisation import Localisation

# Keras saves variables through NumPy's old array protocol.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def folder(once: MakeOnce) -> Path:
    """Scenes with boxes for validation and test, and a model that was trained on others without any box."""
    return once("scenes", write_all)


@pytest.fixture(scope="module")
def dataset(folder: Path) -> BoxedDataset:
    """The scenes as they are read."""
    return read_boxed(folder / "data", CLASSES)


@pytest.fixture(scope="module")
def found(folder: Path, dataset: BoxedDataset) -> Localisation:
    """The scores, with the threshold from validation scenes."""
    return localise(BoxRequest(model=folder / "model", scored=dataset.scored, choosing=dataset.choosing))


def test_the_boxes_that_are_read_are_those_that_were_drawn(dataset: BoxedDataset) -> None:
    drawn = [scene.box.corners for scene in scenes(SCORED, 3)]
    assert [held[0].corners for held in dataset.scored.boxes] == drawn
    assert len(dataset.choosing.files) == CHOOSING * len(CLASSES)
    assert {(size.width, size.height) for size in dataset.scored.sizes} == {SIDES}


def test_both_scores_are_above_both_rules_with_intervals_that_exclude_them(found: Localisation) -> None:
    assert found.images == found.boxes == SCORED * len(CLASSES)
    for rule in (found.centre, found.whole):
        assert found.model.pointing.ci95[0] > rule.pointing.ci95[1]
        assert found.model.box_accuracy.ci95[0] > rule.box_accuracy.ci95[1]
    for gain in (found.over_centre, found.over_whole):
        assert gain.pointing.ci95[0] > 0
        assert gain.box_accuracy.ci95[0] > 0


def test_the_rules_are_what_their_names_say(found: Localisation, dataset: BoxedDataset) -> None:
    """By the boxes that were drawn alone, written down once more."""
    width, height = SIDES
    inside, whole = [], []
    for (box,) in dataset.scored.boxes:
        left, upper, right, lower = box.corners
        inside.append(left <= width / 2 <= right and upper <= height / 2 <= lower)
        share = (right - left) * (lower - upper) / (width * height)
        whole.append(np.mean([share >= least for least in (0.3, 0.5, 0.7)]))
    assert found.centre.pointing.value == found.whole.pointing.value == pytest.approx(np.mean(inside))
    assert found.whole.box_accuracy.value == pytest.approx(np.mean(whole))
    assert found.centre.box_accuracy.value >= found.whole.box_accuracy.value


def test_the_threshold_comes_from_validation_images(found: Localisation) -> None:
    assert found.threshold_from == "validation images"
    assert found.threshold_images == CHOOSING * len(CLASSES)
    assert 0 < found.threshold < 1


def test_maps_about_the_wrong_class_score_worse(folder: Path, dataset: BoxedDataset, found: Localisation) -> None:
    """The scores are about the class of the image: a test that could not fail would pass with any map."""
    classes = tuple((label + 1) % len(CLASSES) for label in dataset.scored.classes)
    wrong = BoxedImages(**{**vars(dataset.scored), "classes": classes})
    other = localise(BoxRequest(model=folder / "model", scored=wrong, choosing=dataset.choosing))
    assert other.model.pointing.ci95[1] < found.model.pointing.ci95[0]


def test_without_images_to_choose_by_the_default_is_taken(folder: Path, dataset: BoxedDataset) -> None:
    found = localise(BoxRequest(model=folder / "model", scored=dataset.scored.at_most(30)))
    assert (found.threshold, found.threshold_from, found.threshold_images) == (0.56, "default", 0)
    assert found.images == 30


def test_too_few_boxes_are_not_scored(folder: Path, dataset: BoxedDataset) -> None:
    with pytest.raises(UsageError, match="9 images have boxes"):
        localise(BoxRequest(model=folder / "model", scored=dataset.scored.at_most(9)))


def test_the_command_prints_the_scores(folder: Path) -> None:
    done = CliRunner().invoke(cli, ["explain", str(folder / "model"), str(folder / "data"), "--score-boxes"])
    assert done.exit_code == 0, done.output
    assert "box in the middle" in done.output
    assert "The model says where things are: over a box in the middle +" in done.output
    assert f"chosen on {CHOOSING * 3} validation images" in done.output


@pytest.mark.parametrize("form", ["json", "csv", "coco", "voc"])
def test_the_command_writes_boxes_around_the_things(folder: Path, tmp_path: Path, form: str) -> None:
    write_scenes(tmp_path / "images", scenes(4, 5))
    target = tmp_path / "found"
    done = CliRunner().invoke(
        cli, ["explain", str(folder / "model"), str(tmp_path / "images"), "--boxes", form, "--to", str(target)]
    )
    assert done.exit_code == 0, done.output
    assert "12 boxes (threshold 0.56, the default)" in done.output
    names = {"json": "boxes.json", "csv": "boxes.csv", "coco": "boxes.coco.json", "voc": "Annotations"}
    assert (target / names[form]).exists()


def test_boxes_in_several_formats_and_none_over_those_that_somebody_drew(folder: Path, tmp_path: Path) -> None:
    write_scenes(tmp_path / "images", scenes(1, 5))
    drawn = tmp_path / "voc" / "Annotations" / "a.xml"
    drawn.parent.mkdir(parents=True)
    drawn.write_text("<annotation/>")
    command = ["explain", str(folder / "model"), str(tmp_path / "images"), "--boxes", "voc", "--boxes", "coco", "--to"]
    refused = CliRunner().invoke(cli, [*command, str(tmp_path / "voc")])
    assert refused.exit_code == 2
    assert "holds boxes already, which are never replaced: name another folder with --to" in refused.output
    assert [path for path in (tmp_path / "voc").rglob("*") if path.is_file()] == [drawn]
    done = CliRunner().invoke(cli, [*command, str(tmp_path / "both")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "both" / "boxes.coco.json").exists()
    assert len(list((tmp_path / "both" / "Annotations").rglob("*.xml"))) == 3


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--score-boxes", "--to", "out"], "leave --to out"),
        (["--score-boxes", "--class", "disk"], "leave --class out"),
        (["--score-boxes", "--boxes", "voc"], "leave --boxes out"),
        (["--score-boxes", "data"], "takes one data set"),
        (["--boxes", "yolo"], "it must be one of json, csv, coco, voc"),
    ],
)
def test_options_that_do_not_go_together(folder: Path, more: list[str], message: str) -> None:
    done = CliRunner().invoke(cli, ["explain", str(folder / "model"), str(folder / "data"), *more])
    assert done.exit_code == 2
    assert message in done.output
    assert "Traceback" not in done.output


def test_a_data_set_without_boxes_or_with_other_classes_is_named(folder: Path, tmp_path: Path) -> None:
    write_scenes(tmp_path / "plain", scenes(5, 6))
    with pytest.raises(UsageError, match="has no boxes"):
        read_boxed(tmp_path / "plain", CLASSES)
    with pytest.raises(UsageError, match="classes that the model does not know"):
        read_boxed(tmp_path / "plain", ("disk", "square"))
