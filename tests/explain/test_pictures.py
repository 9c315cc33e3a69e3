"""Files explained, from the command line and from Python."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import tlsearch
from tests.helpers.runs.exported_run import SIDE, write_model
from tlsearch.cli.main import cli
from tlsearch.errors import UsageError
from tlsearch.explain.overlay import SMALLEST_SIDE, overlay

# Keras saves variables through NumPy's old array protocol.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

QUARTERS = {"top left": (0, 0), "bottom right": (SIDE // 2, SIDE // 2)}


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Names the brightest colour of a picture."""
    return write_model(tmp_path_factory.mktemp("run") / "model", temperature=2.0)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grey pictures with a quarter that is red, and a file that is none."""
    folder = tmp_path_factory.mktemp("photos")
    for name, (row, column) in QUARTERS.items():
        pixels = np.full((SIDE, SIDE, 3), 40, np.uint8)
        pixels[row : row + SIDE // 2, column : column + SIDE // 2, 0] = 250
        Image.fromarray(pixels).save(folder / f"{name}.png")
    (folder / "none.png").write_text("no picture")
    return folder


def explain(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["explain", *map(str, arguments)], prog_name="tlsearch")


def test_the_heat_lies_where_the_evidence_is(model_dir: Path, photos: Path) -> None:
    found = {Path(item.name).stem: item for item in tlsearch.explain_images(model_dir, photos, about="red")}
    for name, (row, column) in QUARTERS.items():
        item = found[name]
        assert item.heat is not None
        assert item.centre is not None
        assert item.label == item.explained == "red"
        inside = np.s_[row : row + SIDE // 2, column : column + SIDE // 2]
        assert item.heat[inside].min() > item.heat.mean()
        assert (item.centre[0] > 0.5) == (column > 0)
        assert (item.centre[1] > 0.5) == (row > 0)
        assert item.overlay is None
    assert found["none"].error is not None
    assert found["none"].heat is None


def test_probabilities_are_those_of_predict(model_dir: Path, photos: Path) -> None:
    predicted = tlsearch.load(model_dir).predict(photos)
    explained = tlsearch.explain_images(model_dir, photos)
    assert [item.label for item in explained] == [item.label for item in predicted]
    read = [(e, p) for e, p in zip(explained, predicted, strict=True) if p.error is None]
    assert len(read) == 2
    for one, other in read:
        assert one.probability == pytest.approx(other.probability, rel=1e-4)


def test_the_command_writes_overlays_and_arrays_and_tells_where(model_dir: Path, photos: Path, tmp_path: Path) -> None:
    done = explain(model_dir, photos, "--to", tmp_path / "maps", "--format", "jsonl")
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(line["path"]).stem for line in lines] == ["bottom right", "none", "top left"]
    assert lines[1]["error"]
    for line in (lines[0], lines[2]):
        assert line["exact"] is True
        with Image.open(line["overlay"]) as drawn:
            assert drawn.size == (SMALLEST_SIDE, SMALLEST_SIDE)
        heat = np.load(line["array"], allow_pickle=False)
        assert heat.shape == (SIDE, SIDE)
        assert heat.dtype == np.float32
    assert Path(lines[0]["overlay"]).name == "bottom_right-red.png"
    assert lines[0]["centre"]["x"] > lines[2]["centre"]["x"]


def test_the_table_says_what_the_maps_are_and_where_they_lie(model_dir: Path, photos: Path) -> None:
    done = explain(model_dir, photos / "top left.png", photos / "none.png")
    assert done.exit_code == 0, done.output
    assert "not read: " in done.stdout
    assert "The maps are exact" in done.stdout
    folder = model_dir.parent / "explained"
    assert str(folder) in done.stdout
    assert sorted(file.name for file in folder.iterdir()) == ["top_left-red.npy", "top_left-red.png"]


def test_predict_writes_the_same_maps_while_it_classifies(model_dir: Path, photos: Path, tmp_path: Path) -> None:
    command = ["predict", str(model_dir), str(photos), "--explain", str(tmp_path / "maps"), "--format", "jsonl"]
    done = CliRunner().invoke(cli, command, prog_name="tlsearch")
    assert done.exit_code == 0, done.output
    labels = {json.loads(line)["path"]: json.loads(line)["label"] for line in done.stdout.splitlines()}
    assert labels[str(photos / "top left.png")] == "red"
    for item in tlsearch.explain_images(model_dir, photos):
        if item.error is None:
            written = np.load(tmp_path / "maps" / f"{Path(item.name).stem.replace(' ', '_')}-{item.label}.npy")
            np.testing.assert_array_equal(written, item.heat)


def test_pictures_in_memory_are_explained_too(model_dir: Path) -> None:
    pixels = np.full((2, SIDE, SIDE, 3), 40, np.uint8)
    pixels[..., 1] = 200
    first, second = tlsearch.explain_images(model_dir, pixels)
    assert (first.name, second.name) == ("image 0", "image 1")
    assert first.path is None
    assert first.label == "green"


def test_files_of_one_name_do_not_replace_each_other(model_dir: Path, photos: Path, tmp_path: Path) -> None:
    twin = tmp_path / "other" / "top left.png"
    twin.parent.mkdir()
    twin.write_bytes((photos / "top left.png").read_bytes())
    found = tlsearch.explain_images(model_dir, [photos / "top left.png", twin], to=tmp_path / "maps")
    assert [item.overlay.name for item in found if item.overlay] == ["top_left-red.png", "top_left-red-2.png"]


def test_a_map_replaces_nothing_but_that_of_the_same_picture(model_dir: Path, photos: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "s1" / "x.png", tmp_path / "s2" / "x.png"
    for path, name in ((first, "top left"), (second, "bottom right")):
        path.parent.mkdir()
        path.write_bytes((photos / f"{name}.png").read_bytes())
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "x-red.png").write_bytes(first.read_bytes())
    for number, path in ((2, first), (3, second), (2, first), (3, second)):
        (item,) = tlsearch.explain_images(model_dir, path, to=folder)
        assert (item.overlay, item.array) == (folder / f"x-red-{number}.png", folder / f"x-red-{number}.npy")
        np.testing.assert_array_equal(np.load(folder / f"x-red-{number}.npy"), item.heat)
    assert (folder / "x-red.png").read_bytes() == first.read_bytes()
    assert len(list(folder.iterdir())) == 5


def test_pictures_in_memory_are_told_apart_by_what_they_show(model_dir: Path, tmp_path: Path) -> None:
    names = []
    for red in (200, 220, 200):
        pixels = np.full((SIDE, SIDE, 3), 40, np.uint8)
        pixels[..., 0] = red
        (item,) = tlsearch.explain_images(model_dir, pixels, to=tmp_path)
        assert item.overlay is not None
        names.append(item.overlay.name)
    assert names == ["image_0-red.png", "image_0-red-2.png", "image_0-red.png"]


def test_names_in_any_script_fit_into_the_name_of_a_file(model_dir: Path, photos: Path, tmp_path: Path) -> None:
    """80 letters are 240 bytes, which a picture may have, but not with a class behind them."""
    shutil.copytree(model_dir, tmp_path / "model")
    (tmp_path / "model" / "labels.json").write_text(json.dumps([name * 60 for name in ("青", "緑", "赤")]))
    names = [f"{number}{'写' * 79}" for number in range(2)]
    for name in names:
        (tmp_path / f"{name}.png").write_bytes((photos / "top left.png").read_bytes())
    maps = tmp_path / "maps"
    done = explain(tmp_path / "model", *(tmp_path / f"{name}.png" for name in names), "--to", maps)
    assert done.exit_code == 0, done.output
    assert sorted(file.name for file in maps.iterdir()) == [
        f"{'写' * 26}-{'赤' * 26}{number}.{ending}" for number in ("-2", "") for ending in ("npy", "png")
    ]


def test_a_disk_that_is_full_is_told_of_the_folder_that_is(
    model_dir: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tlsearch.explain.map_files.write_atomically", full)
    said = f"error: {tmp_path / 'maps'} cannot be written (No space left on device): name a folder that may be written"
    for command in (
        ["explain", model_dir, photos, "--to", tmp_path / "maps"],
        ["predict", model_dir, photos, "--explain", tmp_path / "maps", "--to", tmp_path / "out.csv"],
    ):
        done = CliRunner().invoke(cli, [*map(str, command)], prog_name="tlsearch")
        assert done.exit_code == 2
        assert done.stderr.startswith(said)
        assert len(done.stderr.splitlines()) == 1


def test_no_map_is_written_into_the_folder_of_the_model(model_dir: Path, photos: Path) -> None:
    for to in (model_dir, model_dir / "maps"):
        refused = explain(model_dir, photos, "--to", to)
        assert refused.exit_code == 2
        assert "lies in the folder of the model" in refused.output
    assert not (model_dir / "maps").exists()


def test_mistakes_of_a_user_end_in_one_sentence(model_dir: Path, photos: Path, tmp_path: Path) -> None:
    unknown = explain(model_dir, photos, "--class", "rde", "--to", tmp_path)
    assert unknown.exit_code == 2
    assert "The model has no class 'rde': did you mean 'red'?" in unknown.output
    with pytest.raises(UsageError, match=r"no class 'grey': .*labels\.json lists its names\.$"):
        tlsearch.explain_images(model_dir, photos, about="grey")
    unread = explain(model_dir, photos / "none.png", "--to", tmp_path)
    assert unread.exit_code == 1
    (tmp_path / "file").touch()
    blocked = explain(model_dir, photos, "--to", tmp_path / "file" / "inside")
    assert blocked.exit_code == 2
    assert "cannot be made" in blocked.output


@pytest.mark.parametrize(
    "option", ["--class=red", "--to=x", "--boxes=voc", "--format=jsonl"], ids=lambda option: option.partition("=")[0]
)
def test_what_scored_boxes_leave_no_use_for_is_refused(model_dir: Path, photos: Path, option: str) -> None:
    refused = explain(model_dir, photos, "--score-boxes", option)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert f"--score-boxes compares boxes and prints a table: leave {option.partition('=')[0]} out." in refused.stderr


def test_an_overlay_is_brightest_where_the_heat_is() -> None:
    image = np.full((20, 20, 3), 100, np.uint8)
    heat = np.zeros((4, 4), np.float32)
    heat[1, 2] = 1.0
    drawn = np.asarray(overlay(image, heat), np.float32)
    step = SMALLEST_SIDE // 4
    changed = np.abs(drawn - 100).sum(axis=-1)
    row, column = np.unravel_index(changed.argmax(), changed.shape)
    assert (row // step, column // step) == (1, 2)
    assert changed[:20, :20].max() < 5
    np.testing.assert_array_equal(np.asarray(overlay(image, -heat)), 100)
