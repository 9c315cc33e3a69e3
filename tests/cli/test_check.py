"""``tlsearch check`` from its command line: what it prints, its JSON, and what it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from tests.helpers.images.long_images import write_aspects
from tlsearch.cli.main import cli

MakeDataset = Callable[..., Path]


def check(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["check", *map(str, arguments)])


@pytest.fixture
def root(tmp_path: Path, make_dataset: MakeDataset) -> Path:
    """Split folders of two classes, with one broken file and one look-alike across the folders."""
    root = make_dataset(tmp_path, classes=("ash", "birch"), per_class=12, size=90, splits=("train", "test"))
    (root / "train" / "ash" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    Image.open(root / "test" / "birch" / "004.png").save(root / "train" / "birch" / "again.jpg", quality=80)
    return root


def test_everything_is_in_the_json(root: Path) -> None:
    result = check(root, "--json", "-")
    assert result.exit_code == 0, result.output
    said: dict[str, Any] = json.loads(result.stdout)
    assert said["classes"] == ["ash", "birch"]
    assert said["images"] == 49
    assert said["split"] == "folders"
    assert said["counts"] == {
        "train": {"ash": 12, "birch": 12},
        "val": {"ash": 0, "birch": 0},
        "test": {"ash": 12, "birch": 12},
    }
    assert [item["file"] for item in said["skipped"]] == ["train/ash/broken.jpg"]
    assert said["set_aside"] == [{"file": "train/birch/again.jpg", "because_of": "test/birch/004.png"}]
    assert said["groups"] == [["test/birch/004.png", "train/birch/again.jpg"]]
    files = {finding["kind"]: finding["files"] for finding in said["findings"]}
    assert files["crossing_lookalikes"] == ["train/birch/again.jpg: looks like test/birch/004.png"]
    assert len(said["fingerprint"]) == 64


def test_the_json_goes_to_a_file_beside_what_is_printed(root: Path, tmp_path: Path) -> None:
    result = check(root, "--json", tmp_path / "found.json")
    assert "train/birch/again.jpg: looks like test/birch/004.png" in result.stdout
    assert "compared on folds of the training images" in result.stdout
    assert "data      2 classes, 49 images (1 set aside), 1 file not used\n" in result.stdout
    assert ["all", "24", "0", "24"] in [line.split() for line in result.stdout.splitlines()]  # 48, and one set aside
    assert "1 file not used\n" in result.stdout
    assert json.loads((tmp_path / "found.json").read_text()) == json.loads(check(root, "--json", "-").stdout)


def test_a_class_of_one_group_is_listed(root: Path) -> None:
    for part in ("train", "test"):
        for path in list((root / part / "ash").glob("*.png")):
            path.rename(path.with_name(f"tree7_{path.name}"))
    result = check(root, "--group-by", r"(tree\d)_", "--json", "-")
    assert result.exit_code == 2, result.output  # as a run would end
    said = json.loads(result.stdout)
    (finding,) = [finding for finding in said["findings"] if finding["kind"] == "no_split"]
    assert finding["message"].startswith("Class ash has no pictures left to train on")
    assert finding["files"] == ["ash: 24 images, 0 groups to draw from, 2 needed"]
    assert said["split"] is None
    assert said["counts"] == {"train": {"ash": 0, "birch": 12}, "test": {"ash": 12, "birch": 12}}
    assert len(said["set_aside"]) == 13
    printed = check(root, "--group-by", r"(tree\d)_")
    assert printed.exit_code == 2
    assert "ash: 24 images, 0 groups to draw from, 2 needed" in printed.stdout
    assert "2 classes, 49 images (13 set aside, 12 in 1 group kept together), 1 file not used\n" in printed.stdout


def test_test_images_from_elsewhere(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("ash", "birch"), per_class=12, size=40)
    new = make_dataset(tmp_path / "new", classes=("ash", "birch"), per_class=3, size=40, seed=1)
    shutil.copy(new / "ash" / "001.png", root / "ash" / "copy.png")
    said = json.loads(check(root, "--test", new, "--json", "-").stdout)
    assert said["test"] == str(new)
    assert said["counts"]["test"] == {"ash": 3, "birch": 3}
    assert said["set_aside"] == [{"file": "ash/copy.png", "because_of": "test/ash/001.png"}]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--group-by", "("), "--group-by is '(', but it must be a regular expression"),
        (("--group-by", "zzz"), "--group-by 'zzz' finds no name in any path"),
        (("--group-by", ".*"), "--group-by '.*' joins nothing"),
        (("--test", "nowhere"), "nowhere does not exist: name a folder"),
        (("--json", "no/such/folder.json"), "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(root: Path, options: tuple[str, ...], message: str) -> None:
    result = check(root, *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_table_is_read_as_its_columns_say(tmp_path: Path, make_dataset: MakeDataset) -> None:
    root = make_dataset(tmp_path, classes=("ash", "birch"), per_class=8, size=40)
    files = sorted(root.rglob("*.png"))
    rows = [f"{file.name[:-4]},{file.parent.name}/{file.name},{file.parent.name}" for file in files]
    table = tmp_path / "trees.csv"
    table.write_text("\n".join(["number,file,species", *rows, "99,ash/099.png,ash"]), encoding="utf-8")
    result = check(table, "--images", root, "--label-column", "species", "--json", "-")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["understood"] == ["trees.csv: image from 'file', label from 'species' (17 rows)"]
    assert said["classes"] == ["ash", "birch"]
    assert said["images"] == 16
    assert said["fingerprint"] == json.loads(check(root, "--json", "-").stdout)["fingerprint"]
    assert [item["file"] for item in said["skipped"]] == ["ash/099.png"]
    assert "the table names files that are not there in 1 row" in [finding["message"] for finding in said["findings"]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--label-column", "colour"), "has no column 'colour' for --label-column: its columns are file, species"),
        (("--images", "nowhere"), "The folder of --images, nowhere, does not exist"),
        (("--layout", "classes"), "--layout is for folders of class folders"),
    ],
)
def test_options_of_a_table_are_refused_in_a_sentence(tmp_path: Path, options: tuple[str, str], message: str) -> None:
    (tmp_path / "a.png").touch()
    (tmp_path / "trees.csv").write_text("file,species\na.png,ash\n", encoding="utf-8")
    result = check(tmp_path / "trees.csv", *options)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_options_of_tables_do_not_fit_folders(root: Path) -> None:
    result = check(root, "--label-column", "species")
    assert result.exit_code == 2
    assert "--label-column is for tables" in result.output


def test_it_says_that_ways_to_make_squares_will_be_compared(tmp_path: Path) -> None:
    root = write_aspects(tmp_path / "images", count=10)
    said = check(root, "--look-alikes", "exact", "--json", tmp_path / "check.json")
    assert "a run compares to squash, to pad and to crop them" in " ".join(said.output.split())
    assert json.loads((tmp_path / "check.json").read_text())["aspect"] == 2.797
    assert "a run compares" not in check(root, "--look-alikes", "exact", "--resize", "crop").output
    square = write_aspects(tmp_path / "square", count=4)
    for file in square.rglob("*.png"):
        with Image.open(file) as image:
            image.resize((60, 45)).save(file)
    assert "a run compares" not in check(square, "--look-alikes", "exact").output


def test_the_most_pixels_are_asked_for(root: Path) -> None:
    none = check(root, "--max-pixels", "5_000")
    assert none.exit_code == 2
    assert "holds no image that may be decoded, of 49 files: test/ash/000.png has 8,100 pixels" in none.output
    assert "--max-pixels is 5,000: make it smaller, or allow it with --max-pixels." in none.output
    Image.new("RGB", (300, 300)).save(root / "train" / "ash" / "large.png")
    one = " ".join(check(root, "--max-pixels", "8100", "--all-files").output.split())
    assert "large.png: it has 90,000 pixels" in one
    (root / "train" / "ash" / "large.png").unlink()
    assert check(root, "--max-pixels", "8100").output.count("--max-pixels") == 0
    refused = check(root, "--max-pixels", "many")
    assert refused.exit_code == 2
    assert "must be a number such as 200M" in refused.output
