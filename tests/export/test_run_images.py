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
    named = named_images(own, LABELS, found.test)
    assert len(named.files) == 15
    assert "3 test images of the run left out" in named.source
    with pytest.raises(UsageError, match="only test images of the run, which stay shut"):
        named_images(run.parent / "images" / "test", LABELS, found.test)


def test_classes_that_the_model_does_not_know_are_refused(tmp_path: Path) -> None:
    own = write_images(tmp_path / "own", per_class=2)
    (own / "red").rename(own / "pink")
    with pytest.raises(UsageError, match=r"classes that the model does not know \(pink\): it knows blue, green, red"):
        named_images(own, LABELS, frozenset())


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
