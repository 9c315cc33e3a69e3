"""Folders that are named beside a data set: kept where they are found, and moved with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.helpers.runs.small_run import tlsearch
from tlsearch.config import RunConfig
from tlsearch.config_places import found_place, moved_places


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("data/held out", "data/pictures", "tables/pictures", "new", "out"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "tables" / "labels.csv").write_text("image,label\n")
    (tmp_path / "data.zip").touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "named", "dataset", "found"),
    [
        ("test", "held out", "data", "data/held out"),  # as the reader of folders looks for it
        ("test", "data/held out", "data", "data/held out"),
        ("test", "new", "data", "new"),
        ("val", "nowhere", "data", "nowhere"),
        ("train", "nowhere", "gone", "nowhere"),
        ("images", "pictures", "tables/labels.csv", "tables/pictures"),
        ("images", "data/pictures", "tables/labels.csv", "data/pictures"),
        ("images", "new", "data", "new"),
        ("test", "inside", "data.zip", None),  # what is in there nobody knows yet
    ],
)
def test_a_folder_is_found_where_it_is_read(name: str, named: str, dataset: str, found: str | None) -> None:
    assert found_place(name, Path(named), Path(dataset)) == (None if found is None else Path(found))


@pytest.mark.parametrize("dataset", ["s3://bucket/data", "https://example.org/data.zip"])
def test_what_is_below_an_address_is_not_looked_for_here(dataset: str) -> None:
    assert found_place("test", Path("inside"), dataset) is None
    assert found_place("test", Path("new"), dataset) == Path("new")


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"dataset": "data", "test": "held out"}, {"test": "data/held out"}),
        ({"dataset": "data", "test": "new"}, {"test": "new"}),
        ({"dataset": "tables/labels.csv", "images": "pictures"}, {"images": "tables/pictures"}),
    ],
)
def test_a_file_names_the_folder_that_was_meant(options: dict[str, Any], kept: dict[str, str], tmp_path: Path) -> None:
    config = RunConfig(**options)
    config.to_toml(tmp_path / "run.toml")
    again = RunConfig.from_toml(tmp_path / "run.toml")
    assert {name: getattr(again, name) for name in kept} == {name: tmp_path / place for name, place in kept.items()}
    assert not config.differences(again)
    assert all(folder.exists() for folder in config.data_folders)


def test_what_is_in_an_archive_keeps_its_name(tmp_path: Path) -> None:
    config = RunConfig(dataset=Path("data.zip"), test=Path("inside"))
    config.to_toml(tmp_path / "run.toml")
    again = RunConfig.from_toml(tmp_path / "run.toml")
    assert (again.test, again.data_folders) == (Path("inside"), (tmp_path / "data.zip",))
    assert not config.differences(again)


@pytest.mark.parametrize(
    ("dataset", "folder", "option"),
    [("data", "held out", "test"), ("data", "data/held out", "test"), ("tables/labels.csv", "pictures", "images")],
)
def test_a_run_is_resumed_with_folders_that_lie_below_its_data_set_also_where_that_was_moved(
    dataset: str, folder: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[RunConfig] = []
    monkeypatch.setattr("tlsearch.cli.resume.start", lambda ctx, config: seen.append(config))
    named: dict[str, Any] = {option: Path(folder)}
    RunConfig(dataset=Path(dataset), **named).to_toml(tmp_path / "out" / "run.toml")
    done = tlsearch("resume", "out")
    assert done.exit_code == 0, done.output
    moved = (tmp_path / dataset).parent.rename(tmp_path / "moved") if "/" in dataset else Path("data").rename("moved")
    now = moved / Path(dataset).name if "/" in dataset else moved
    assert "no longer" in tlsearch("resume", "out").output
    done = tlsearch("resume", "out", "--dataset", now)
    assert done.exit_code == 0, done.output
    assert [getattr(config, option).name for config in seen] == [Path(folder).name] * 2
    assert getattr(seen[1], option).resolve() == (tmp_path / "moved" / Path(folder).name)


def test_what_lay_elsewhere_stays_there(tmp_path: Path) -> None:
    named = {"test": tmp_path / "new", "val": None, "train": tmp_path / "data" / "gone"}
    assert moved_places(named, tmp_path / "data", tmp_path / "tables") == {}
    assert moved_places(named, "s3://bucket/data", tmp_path / "tables") == {}
