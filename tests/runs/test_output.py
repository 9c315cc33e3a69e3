"""The output folder of a run: how it is named, and when it is refused or set aside."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.config_values import PRETRAIN_NAME, PROVENANCE_NAME
from tlsearch.errors import UsageError
from tlsearch.explain.pictures import EXPLAINED_FOLDER
from tlsearch.explain.study import MAPS_FOLDER
from tlsearch.pipeline.report.finish import REPORT_ERROR_FILE
from tlsearch.pretrain_config import PretrainConfig
from tlsearch.report.html import REPORT_FILE
from tlsearch.report.images import PICTURES_FOLDER
from tlsearch.results.result import RESULT_FILE, TRIALS_FILE
from tlsearch.runs.output import (
    CHECKPOINT_FOLDER,
    LOG_NAME,
    WORK_FOLDER,
    check_output,
    claim_output,
    is_finished,
    moved_with_output,
    output_folder,
    set_aside,
)
from tlsearch.search.storage import STUDY_NAME
from tlsearch.tracking.exported_files import ARTIFACT_FOLDER
from tlsearch.tracking.outbox import UNSENT_FOLDER

NOW = datetime(2026, 11, 22, 10, 12)
DATA = Path("images")


def test_output_is_named_after_data_and_time_and_never_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = RunConfig(dataset=Path("my shoes!"))
    runs = tmp_path / "tlsearch-runs"
    assert claim_output(config, NOW) == runs / "my-shoes-20261122-1012"
    assert claim_output(config, NOW) == runs / "my-shoes-20261122-1012-2"
    assert claim_output(config, NOW) == runs / "my-shoes-20261122-1012-3"
    assert sorted(p.name[-4:] for p in runs.iterdir()) == ["1012", "12-2", "12-3"]


def test_an_empty_folder_or_one_with_other_files_will_do(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").touch()
    assert claim_output(RunConfig(dataset=DATA, output=tmp_path / "out")) == tmp_path / "out"
    assert claim_output(RunConfig(dataset=DATA, output=tmp_path / "a" / "b")).is_dir()


def test_a_run_and_a_pretraining_do_not_share_a_folder(tmp_path: Path) -> None:
    run = RunConfig(dataset=DATA, output=tmp_path, backbones=("vgg16",))
    training = PretrainConfig(dataset=DATA, output=tmp_path, backbones=("vgg16",), name="fashion")
    training.to_toml(tmp_path / "pretrain.toml")
    check_output(training)
    with pytest.raises(UsageError, match="already holds a run, which was asked for with --name fashion"):
        check_output(replace(training, name="other"))
    with pytest.raises(UsageError, match=r"there is a pretrain.toml"):
        check_output(run)
    (tmp_path / "pretrain.toml").unlink()
    run.to_toml(tmp_path / "run.toml")
    check_output(run)
    with pytest.raises(UsageError, match=r"there is a run.toml"):
        check_output(training)


@pytest.mark.parametrize("trace", ["result.json", "study.db", "model", "baseline"])
def test_a_folder_that_holds_a_run_is_refused(tmp_path: Path, trace: str) -> None:
    (tmp_path / trace).touch()
    with pytest.raises(UsageError, match=f"already holds a run .*{trace}.*name another folder"):
        claim_output(RunConfig(dataset=DATA, output=tmp_path))
    assert claim_output(RunConfig(dataset=DATA, output=tmp_path, force=True)) == tmp_path


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"seed": 2}, "asked for with --seed left out: name another folder"),
        ({"epochs": 5}, "asked for with --epochs 3: name another folder"),
        ({"epochs": None, "trials": 8}, "asked for with --trials left out, --epochs 3: name another folder"),
        ({"time_limit": 90}, "asked for with --time-limit 1m: name another folder"),
        ({"cache_limit": 10**9}, "asked for with --cache-limit left out: name another folder"),
    ],
)
def test_a_run_that_was_asked_for_otherwise_is_refused(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    config = RunConfig(dataset=DATA, epochs=3, time_limit=60, output=tmp_path)
    config.to_toml(tmp_path / "run.toml")
    assert claim_output(config) == tmp_path  # the same goes on
    with pytest.raises(UsageError, match=f"already holds a run, which was {sentence}"):
        claim_output(replace(config, **change))
    assert claim_output(replace(config, force=True, **change)) == tmp_path


def test_images_of_a_run_that_goes_on_may_have_moved_but_not_those_of_one_that_is_over(tmp_path: Path) -> None:
    config = RunConfig(dataset=DATA, output=tmp_path)
    config.to_toml(tmp_path / "run.toml")
    assert claim_output(replace(config, dataset=Path("moved"))) == tmp_path
    with pytest.raises(UsageError, match="asked for with --train left out: name another folder"):
        claim_output(replace(config, dataset=Path("moved"), train=Path("train")))
    (tmp_path / "result.json").touch()
    with pytest.raises(UsageError, match=r"asked for with DATASET .*images: name another folder"):
        claim_output(replace(config, dataset=Path("dogs")))


@pytest.mark.parametrize("finished", [True, False])
def test_a_project_that_was_moved_as_a_whole_is_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: bool
) -> None:
    """Images, weights, the cache folder, and the output folder in it."""
    home = tmp_path / "home"
    for folder in ("images", "held out", "cache", "runs/one"):
        (home / folder).mkdir(parents=True)
    (home / "vgg16.h5").touch()
    monkeypatch.chdir(home)
    options: dict[str, Any] = {"test": Path("held out"), "cache_dir": Path("cache"), "weights": ("vgg16@own=vgg16.h5",)}
    asked = RunConfig(dataset=Path("images"), output=Path("runs/one"), **options)
    with output_folder(asked) as output:
        (output / WORK_FOLDER / CHECKPOINT_FOLDER).mkdir()
        if finished:
            (output / RESULT_FILE).touch()
    (home / "elsewhere.h5").touch()
    moved = home.rename(tmp_path / "two words")
    monkeypatch.chdir(moved)
    found = moved_with_output(RunConfig.from_toml(moved / "runs/one/run.toml"), Path("runs/one"))
    assert (found.dataset, found.test, found.cache_dir) == (moved / "images", moved / "held out", moved / "cache")
    assert found.weights == (f"vgg16@own={moved / 'vgg16.h5'}",)
    check_output(asked)  # the same command, now meant from here
    check_output(found.with_output(moved / "runs/one"))
    with pytest.raises(UsageError, match=r"asked for with --weights .*two words/vgg16\.h5"):
        check_output(replace(asked, weights=("vgg16@own=elsewhere.h5",)))
    home.mkdir()
    (home / "images").mkdir()  # it is there again: nobody knows which is meant, and what is named counts
    assert (
        moved_with_output(RunConfig.from_toml(moved / "runs/one/run.toml"), Path("runs/one")).dataset == home / "images"
    )


def test_what_is_set_aside_is_what_a_run_made(tmp_path: Path) -> None:
    for name in ("run.toml", "result.json", "study.db", "study.db-wal", "mine.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "model").mkdir()
    (tmp_path / "scratch-vgg16").mkdir()
    (tmp_path / MAPS_FOLDER).mkdir()
    (tmp_path / REPORT_ERROR_FILE).touch()
    set_aside(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"earlier-1", "mine.txt"}
    assert (tmp_path / "earlier-1" / "study.db-wal").read_text() == "study.db-wal"
    set_aside(tmp_path)
    assert not (tmp_path / "earlier-2").exists()
    (tmp_path / "run.toml").touch()
    set_aside(tmp_path)
    assert [p.name for p in (tmp_path / "earlier-2").iterdir()] == ["run.toml"]
    assert len(list((tmp_path / "earlier-1").iterdir())) == 8


@pytest.mark.parametrize(
    "name",
    [
        *(CONFIG_NAME, PRETRAIN_NAME, PROVENANCE_NAME, RESULT_FILE, TRIALS_FILE, REPORT_FILE, REPORT_ERROR_FILE),
        *(PICTURES_FOLDER, MAPS_FOLDER, EXPLAINED_FOLDER, ARTIFACT_FOLDER, UNSENT_FOLDER, STUDY_NAME, LOG_NAME),
        *(WORK_FOLDER, f"{WORK_FOLDER}-over", "model", "linear_probe", "baseline", "refit"),
    ],
)
def test_nothing_of_an_earlier_run_is_taken_for_the_new_one(tmp_path: Path, name: str) -> None:
    """What is left would be shown in the report of the new run, and recorded with it."""
    (tmp_path / name).mkdir()
    set_aside(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["earlier-1"]


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(UsageError, match="is a file: name a folder"):
        check_output(RunConfig(dataset=DATA, output=tmp_path / "out"))
    with pytest.raises(UsageError, match="cannot be made"):
        claim_output(RunConfig(dataset=DATA, output=tmp_path / "out" / "below"))


@pytest.mark.parametrize("output", ["images", "images/cat/out", "new", "new/out", "link/out", "elsewhere/../images"])
def test_results_never_lie_among_the_images(tmp_path: Path, output: str) -> None:
    for folder in ("images/cat", "new/cat", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "images")
    before = sorted(tmp_path.rglob("*"))
    config = RunConfig(dataset=tmp_path / "images", test=tmp_path / "new", output=tmp_path / output)
    with pytest.raises(UsageError, match="where the images are: name a folder elsewhere with --output"):
        claim_output(config)
    assert sorted(tmp_path.rglob("*")) == before


def test_results_never_lie_among_the_images_where_no_output_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="where the images are"):
        claim_output(RunConfig(dataset=Path()))
    assert list(tmp_path.iterdir()) == []
    assert claim_output(RunConfig(dataset=tmp_path / "images"), NOW).is_dir()  # beside the images will do


def attempt(config: RunConfig, end: BaseException) -> None:
    """An attempt at a run that finds something out, and ends so."""
    with output_folder(config) as output:
        assert RunConfig.from_toml(output / "run.toml").workers == config.workers
        (output / WORK_FOLDER / CHECKPOINT_FOLDER).mkdir(exist_ok=True)
        raise end


def test_a_request_that_is_refused_changes_nothing_of_what_a_run_was_asked_for(tmp_path: Path) -> None:
    began = RunConfig(dataset=DATA, output=tmp_path, cluster="head:6379", workers=3)
    with pytest.raises(KeyboardInterrupt):
        attempt(began, KeyboardInterrupt())
    kept = (tmp_path / "run.toml").read_text()
    with pytest.raises(UsageError, match="not here"):
        attempt(replace(began, cluster=None, workers=1), UsageError("not here"))
    assert (tmp_path / "run.toml").read_text() == kept
    with pytest.raises(KeyboardInterrupt):
        attempt(replace(began, cluster=None, workers=1), KeyboardInterrupt())
    assert RunConfig.from_toml(tmp_path / "run.toml").cluster is None  # that attempt has begun


@pytest.mark.parametrize("left", ["identity.json", "report.json"])
def test_an_interruption_while_the_work_is_deleted_leaves_a_run_that_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    """Half of a checkpoint would be taken for a run that goes on, and all that is missing be done once more."""
    config, whole = RunConfig(dataset=DATA, output=tmp_path), shutil.rmtree

    def interrupted(folder: Path, **options: Any) -> None:
        for file in folder.rglob("*.json"):
            if file.name != left:
                file.unlink()
                raise KeyboardInterrupt
        whole(folder, **options)

    def finish() -> None:
        with output_folder(config) as output:
            checkpoint = output / WORK_FOLDER / CHECKPOINT_FOLDER
            checkpoint.mkdir()
            for name in ("identity.json", "report.json"):
                (checkpoint / name).write_text("{}")
            (output / "result.json").write_text("{}")
            monkeypatch.setattr(shutil, "rmtree", interrupted)

    with pytest.raises(KeyboardInterrupt):
        finish()
    assert is_finished(tmp_path)
    monkeypatch.setattr(shutil, "rmtree", whole)
    with output_folder(config):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result.json", "run.toml"]


@pytest.mark.parametrize("options", ["ro", "size=4k"])
def test_a_folder_that_cannot_be_written_is_a_sentence(disk: Callable[[str], Path], options: str) -> None:
    folder = disk("size=4k" if options == "ro" else options)
    (folder / "in the way").write_bytes(b"0" * 4096)
    disk(options)
    with (
        pytest.raises(UsageError, match=rf"^The folder {folder} cannot be written \(.*\): .* with --output\.$"),
        output_folder(RunConfig(dataset=DATA, output=folder)),
    ):
        pytest.fail("it was entered")
    assert [path.name for path in folder.iterdir()] == ["in the way"]


def test_a_link_that_leads_nowhere_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "gone")
    with pytest.raises(UsageError, match=r"out cannot be made \(File exists\): name another one with --output"):
        claim_output(RunConfig(dataset=DATA, output=tmp_path / "out"))
