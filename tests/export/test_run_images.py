"""The images of a run, found by their content; the test images stay shut."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.helpers.runs.exported_run import LABELS, write_images, write_run
from tlsearch.data.split import split
from tlsearch.data.survey import scan
from tlsearch.errors import UsageError
from tlsearch.export.images import LabelledFiles
from tlsearch.export.run_images import find_run_images, named_images
from tlsearch.reporter import SilentReporter

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path, validation=True).parent


def test_the_parts_are_those_of_the_run(run: Path) -> None:
    found = find_run_images(run, refitted=False, reporter=SilentReporter())
    assert {file.parents[1].name for file in found.training.files} == {"train"}
    assert {file.parents[1].name for file in found.proof.files} == {"val"}
    assert (found.training.seen, found.proof.seen) == (True, False)
    assert [LABELS[label] for label in found.proof.labels] == [file.parent.name for file in found.proof.files]
    assert len(found.test) == 36
    assert not found.test & {*found.training.hashes, *found.proof.hashes}
    assert find_run_images(run, refitted=True, reporter=SilentReporter()).proof.seen


def test_a_run_that_compared_on_folds_has_its_training_images_only(tmp_path: Path) -> None:
    folder = write_run(tmp_path).parent
    found = find_run_images(folder, refitted=False, reporter=SilentReporter())
    assert found.proof == found.training
    assert found.proof.seen


def test_images_that_have_changed_are_refused(run: Path) -> None:
    first = run.parent / "images" / "train" / "red" / "000.png"
    shutil.copy(run.parent / "images" / "train" / "red" / "001.png", first)
    with pytest.raises(UsageError, match=r"are not those of the run.*--images"):
        find_run_images(run, refitted=False, reporter=SilentReporter())


def test_images_that_are_gone_are_asked_for(run: Path) -> None:
    shutil.rmtree(run.parent / "images")
    with pytest.raises(
        UsageError, match=r"cannot be read again \(.*\): name a folder of labelled images with --images"
    ):
        find_run_images(run, refitted=False, reporter=SilentReporter())


def test_test_images_among_those_that_are_named_are_left_out(run: Path, tmp_path: Path) -> None:
    found = find_run_images(run, refitted=False, reporter=SilentReporter())
    own = write_images(tmp_path / "own", per_class=5, seed=8)
    for number, file in enumerate(sorted((run.parent / "images" / "test" / "red").iterdir())[:3]):
        shutil.copy(file, own / "red" / f"copy{number}.png")
    named = named_images(own, LABELS, found)
    assert len(named.files) == 15
    assert "3 test images of the run left out" in named.source
    with pytest.raises(UsageError, match="only test images of the run, which stay shut"):
        named_images(run.parent / "images" / "test", LABELS, found)


def test_images_that_the_model_was_trained_on_are_left_out(run: Path, tmp_path: Path) -> None:
    images = run.parent / "images"
    found = find_run_images(run, refitted=False, reporter=SilentReporter())
    own = write_images(tmp_path / "own", per_class=2, seed=8)
    for number, file in enumerate(sorted((images / "train" / "red").iterdir())[:4]):
        shutil.copy(file, own / "red" / f"copy{number}.png")
    shutil.copy(next((images / "test" / "red").iterdir()), own / "red" / "tested.png")
    named = named_images(own, LABELS, found)
    assert (len(named.files), named.seen) == (6, False)
    assert named.source.endswith(", 1 test image of the run and 4 images that the model was trained on left out")
    with pytest.raises(UsageError, match=r"only images that the model was trained on.*name a folder of other"):
        named_images(images / "train", LABELS, found)


def test_a_refitted_model_was_trained_on_validation_images_too(run: Path) -> None:
    validation = run.parent / "images" / "val"
    chosen = find_run_images(run, refitted=False, reporter=SilentReporter())
    assert len(named_images(validation, LABELS, chosen).files) == 120
    refitted = find_run_images(run, refitted=True, reporter=SilentReporter())
    with pytest.raises(UsageError, match="only images that the model was trained on"):
        named_images(validation, LABELS, refitted)


def test_a_model_of_folds_was_trained_on_all_but_the_test_images(tmp_path: Path) -> None:
    folder = write_run(tmp_path).parent
    found = find_run_images(folder, refitted=False, reporter=SilentReporter())
    with pytest.raises(UsageError, match="trained on, on which a loss would not show and test images of the run"):
        named_images(tmp_path / "images", LABELS, found)


def test_copies_count_as_one_image(tmp_path: Path) -> None:
    own = write_images(tmp_path / "own", per_class=2)
    for number in range(5):
        shutil.copy(own / "red" / "000.png", own / "red" / f"copy{number}.png")
    named = named_images(own, LABELS, None)
    assert (len(named.files), len(set(named.groups))) == (11, 6)
    assert "not known whether the model was trained on them" in named.source


def test_classes_that_the_model_does_not_know_are_refused(tmp_path: Path) -> None:
    own = write_images(tmp_path / "own", per_class=2)
    (own / "red").rename(own / "pink")
    with pytest.raises(UsageError, match=r"classes that the model does not know \(pink\): it knows blue, green, red"):
        named_images(own, LABELS, None)


def test_a_few_images_are_spread_over_all(run: Path) -> None:
    index = scan(run.parent / "images")
    parts = split(index, 0)
    images = LabelledFiles(
        files=tuple(index.file(row) for row in parts.train),
        labels=tuple(index.labels[row] for row in parts.train),
        groups=tuple(parts.train),
        source="36 images",
    )
    few = images.at_most(6)
    assert (len(few.files), few.source) == (6, "6 of 36 images")
    assert set(few.labels) == {0, 1, 2}
    assert images.at_most(36) is images
