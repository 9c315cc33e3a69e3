"""RunConfig: what is refused, what the defaults mean, and that its file comes back as it was."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlsearch.config import RunConfig
from tlsearch.config_file import read_config
from tlsearch.config_values import parse_weights
from tlsearch.errors import UsageError
from tlsearch.results.result import RunResult, write_result


@pytest.mark.parametrize(
    ("changes", "option", "wanted"),
    [
        ({"trials": 0}, "--trials is 0", "from 1 to"),
        ({"trials": True}, "--trials is True", "a whole number"),
        ({"epochs": -1}, "--epochs is -1", "from 1 to"),
        ({"batch_size": 5000}, "--batch-size is 5000", "from 1 to 4096"),
        ({"batch_size": None}, "--batch-size is None", "a whole number"),
        ({"image_size": 16}, "--image-size is 16", "from 32 to 1024"),
        ({"seed": -1}, "--seed is -1", "from 0 to 4294967295"),
        ({"seed": 1.5}, "--seed is 1.5", "a whole number"),
        ({"time_limit": 0}, "--time-limit is 0", "above 0"),
        ({"time_limit": math.nan}, "--time-limit is nan", "above 0"),
        ({"metric": "my recall"}, "--metric is 'my recall'", "the name of an installed metric"),
        ({"baseline": "maybe"}, "--baseline is 'maybe'", "auto, none"),
        ({"cache_limit": -1}, "--cache-limit is -1", "10GB"),
        ({"workers": 0}, "--workers is 0", "auto, or a whole number from 1 to 256"),
        ({"workers": "many"}, "--workers is 'many'", "auto, or a whole number from 1 to 256"),
        ({"workers": True}, "--workers is True", "auto, or a whole number from 1 to 256"),
        ({"threads": 0}, "--threads is 0", "a whole number from 1 to 1024"),
        ({"round_size": 0}, "--round-size is 0", "a whole number from 1 to 1024"),
        ({"memory": 10_000_000}, "--memory is 10000000", "at least 600MB"),
        ({"max_pixels": 0}, "--max-pixels is 0", "such as 200M or 200_000_000, from 1,024 to 10,000,000,000"),
        ({"max_pixels": 10**11}, "--max-pixels is 100000000000", "from 1,024 to 10,000,000,000"),
        ({"backbones": ("vgg16@",)}, "--backbone is 'vgg16@'", "NAME, NAME@WEIGHTS, a pattern"),
        ({"backbones": "vgg16"}, "--backbone is 'vgg16'", "a list"),
        ({"weights": ("vgg16",)}, "--weights is 'vgg16'", "BACKBONE=FILE"),
        ({"augment": ("a b",)}, "--augment is 'a b'", "the name of an augmentation"),
        ({"experiment": " "}, "--experiment is ' '", "not empty"),
        ({"dataset": 3}, "DATASET is 3", "a path"),
        ({"dataset": ""}, "DATASET is ''", "a path that is not empty"),
        ({"test": " "}, "--test is ' '", "a path that is not empty"),
        ({"dataset": "a\0b"}, "DATASET is ", "a path in UTF-8"),
        ({"test": 3}, "--test is 3", "a path"),
        ({"group_by": ""}, "--group-by is ''", "a regular expression"),
        ({"group_by": "("}, "--group-by is '('", "a regular expression"),
        ({"group_by": 3}, "--group-by is 3", "a regular expression"),
        ({"images": 3}, "--images is 3", "a path"),
        ({"label_column": " "}, "--label-column is ' '", "not empty"),
        ({"refit": "yes"}, "--refit is 'yes'", "true or false"),
        ({"solve_apart": "yes"}, "--solve-apart is 'yes'", "true or false"),
        ({"early_stop": "yes"}, "--early-stop is 'yes'", "true or false"),
    ],
)
def test_bad_value_names_option_value_and_range(changes: dict[str, Any], option: str, wanted: str) -> None:
    with pytest.raises(UsageError) as caught:
        RunConfig(**{"dataset": Path("d"), **changes})
    assert option in str(caught.value)
    assert wanted in str(caught.value)
    assert caught.value.exit_code == 2


def test_texts_and_numbers_of_numpy_are_taken_as_the_numbers_that_they_are(tmp_path: Path) -> None:
    asked: dict[str, Any] = {
        "time_limit": "1h30m",
        "cache_limit": "2GB",
        "memory": "8 GB",
        "max_latency": "20ms",
        "max_size": "10MB",
        "max_pixels": "200M",
        "seed": np.arange(8)[5],
        "trials": np.int64(7),
        "refit": np.bool_(True),
    }
    config = RunConfig(dataset=Path("d"), **asked)
    assert config == RunConfig(
        dataset=Path("d"),
        time_limit=5400.0,
        cache_limit=2 * 10**9,
        memory=8 * 10**9,
        max_latency=0.02,
        max_size=10**7,
        max_pixels=200_000_000,
        seed=5,
        trials=7,
        refit=True,
    )
    assert (type(config.seed), type(config.refit)) == (int, bool)
    config.to_toml(tmp_path / "run.toml")
    assert RunConfig.from_toml(tmp_path / "run.toml").seed == 5
    with pytest.raises(UsageError, match="--time-limit is '300', but it must have a unit"):
        RunConfig(dataset=Path("d"), **{"time_limit": "300"})  # type: ignore[arg-type]  # a text


@pytest.mark.parametrize(
    ("trials", "time_limit", "effective"),
    [
        (None, None, (40, 1800.0)),
        (7, None, (7, None)),
        (None, 60, (40, 60.0)),
        (7, 60, (7, 60.0)),
        (None, math.inf, (40, None)),
    ],
)
def test_limits(trials: int | None, time_limit: float | None, effective: tuple[int, float | None]) -> None:
    config = RunConfig(dataset=Path("d"), trials=trials, time_limit=time_limit)
    assert (config.effective_trials, config.effective_time_limit) == effective


def test_experiment_is_named_after_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shoes").mkdir()
    monkeypatch.chdir(tmp_path / "shoes")
    assert RunConfig(dataset=Path()).effective_experiment == "shoes"
    assert RunConfig(dataset=Path(), experiment="boots").effective_experiment == "boots"


def test_file_comes_back_as_it_was(tmp_path: Path) -> None:
    config = RunConfig(
        dataset=tmp_path / "data",
        test=tmp_path / "new",
        images=tmp_path / "images",
        label_column="breed",
        group_by=r"p(\d+)",
        backbones=("vgg16", "resnet50@imagenet"),
        weights=(f"vgg16@mine={tmp_path / 'w=1.h5'}",),
        augment=("flip",),
        trials=3,
        time_limit=math.inf,
        metric="macro_f1",
        cache_limit=2**30,
        cache_dir=tmp_path / "cache",
        seed=5,
        baseline="none",
        refit=True,
    )
    config.to_toml(tmp_path / "run.toml")
    assert RunConfig.from_toml(tmp_path / "run.toml") == config
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.toml"]


def test_file_holds_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    RunConfig(dataset=Path("data"), test=Path("new"), weights=("vgg16=w.h5",)).to_toml(tmp_path / "run.toml")
    monkeypatch.chdir("/")
    config = RunConfig.from_toml(tmp_path / "run.toml")
    assert (config.dataset, config.test) == (tmp_path / "data", tmp_path / "new")
    assert config.weights == (f"vgg16={tmp_path / 'w.h5'}",)


def test_units_and_changes(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('dataset = "d"\ntime_limit = "5m"\ncache_limit = "1GB"\nseed = 1\n')
    config = RunConfig.from_toml(path, seed=9)
    assert (config.time_limit, config.cache_limit, config.seed) == (300, 10**9, 9)


def test_output_where_the_file_lies_is_left_out(tmp_path: Path) -> None:
    RunConfig(dataset=tmp_path, output=tmp_path).to_toml(tmp_path / "run.toml")
    assert "output" in (tmp_path / "run.toml").read_text()
    assert RunConfig.from_toml(tmp_path / "run.toml").output is None
    RunConfig(dataset=tmp_path, output=tmp_path / "other").to_toml(tmp_path / "run.toml")
    assert RunConfig.from_toml(tmp_path / "run.toml").output == tmp_path / "other"


def test_output_of_a_finished_run_that_was_moved_or_copied_is_left_out(tmp_path: Path, sample: RunResult) -> None:
    before, now = tmp_path / "before", tmp_path / "now"
    made = replace(sample, output=replace(sample.output, folder=str(before)))
    RunConfig(dataset=tmp_path, output=before).to_toml(write_result(made, now).with_name("run.toml"))
    assert RunConfig.from_toml(now / "run.toml").output is None
    RunConfig(dataset=tmp_path, output=tmp_path / "edited").to_toml(now / "run.toml")
    assert RunConfig.from_toml(now / "run.toml").output == tmp_path / "edited"
    (now / "result.json").write_text("[]")
    RunConfig(dataset=tmp_path, output=before).to_toml(now / "run.toml")
    assert RunConfig.from_toml(now / "run.toml").output == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batchsize = 3", "did you mean 'batch_size'"),
        ("batch-size = 3", "did you mean 'batch_size'"),
        ("zzz = 3", "known names are dataset, "),
        ("seed = ", "is not valid TOML"),
        ('time_limit = "soon"', "--time-limit is 'soon', but it must be a duration"),
        ("trials = 1", "names no data set"),
        ("dataset = 'd'\nseed = 'x'", "--seed is 'x'"),
    ],
)
def test_bad_file_is_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        RunConfig.from_toml(path)


def test_the_mark_that_some_editors_write_at_the_beginning_is_no_part_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b"\xef\xbb\xbfdataset = 'd'\nseed = 3\n")
    assert RunConfig.from_toml(path).seed == 3


def test_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_config(tmp_path / "nowhere.toml", RunConfig)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vgg16=a/b.weights.h5", ("vgg16", "b", Path("a/b.weights.h5"))),
        ("vgg16@mine=x=y.h5", ("vgg16", "mine", Path("x=y.h5"))),
        ("lite=v1.2.npz", ("lite", "v1.2", Path("v1.2.npz"))),
    ],
)
def test_weights_are_split(text: str, expected: tuple[str, str, Path]) -> None:
    assert parse_weights(text) == expected


def test_names_given_twice_count_once() -> None:
    assert RunConfig(dataset=Path("d"), augment=("flip", "crop", "flip")).augment == ("flip", "crop")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("s3://bucket/pets", "pets"),
        ("s3://bucket", "bucket"),
        ("https://host/a%20b/pets.tar.gz?X-Amz-Signature=s", "pets"),
        ("https://me:secret@host/", "host"),
        ("hf://datasets/user/cats.v2", "cats.v2"),
        ("hf://datasets/user/cats@main", "cats@main"),
    ],
)
def test_an_address_stays_one_and_has_a_name(tmp_path: Path, source: str, name: str) -> None:
    config = RunConfig(dataset=source)
    assert config.dataset == config.source == source
    assert config.effective_experiment == name
    assert config.data_folders == ()
    config.to_toml(tmp_path / "run.toml")
    again = RunConfig.from_toml(tmp_path / "run.toml")
    assert str(again.dataset).startswith(source.partition("://")[0] + "://")
    assert config.differences(again) == []
    assert "secret" not in (tmp_path / "run.toml").read_text()
    assert "Signature" not in (tmp_path / "run.toml").read_text()


def test_the_home_folder_is_meant_by_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    config = RunConfig(
        dataset="~/pets", test=Path("~/new"), output=Path("~/out"), weights=("vgg16=~/w.h5",), cache_dir=Path("~")
    )
    assert (config.dataset, config.test, config.output) == (tmp_path / "pets", tmp_path / "new", tmp_path / "out")
    assert config.cache_dir == tmp_path
    (tmp_path / "run.toml").write_text('dataset = "~/pets"\nval = "~/val"\n')
    read = RunConfig.from_toml(tmp_path / "run.toml")
    assert (read.dataset, read.val) == (tmp_path / "pets", tmp_path / "val")
    assert RunConfig(dataset="~nobody-here/pets").dataset == Path("~nobody-here/pets")


def test_how_much_of_the_machine_is_used_is_no_property_of_a_run(tmp_path: Path) -> None:
    config = RunConfig(dataset=tmp_path / "d", workers=2, memory=8_000_000_000, round_size=4, threads=1)
    config.to_toml(tmp_path / "run.toml")
    again = RunConfig.from_toml(tmp_path / "run.toml")
    assert (again.workers, again.memory, again.round_size, again.threads) == (2, 8_000_000_000, 4, 1)
    assert RunConfig(dataset=tmp_path / "d", round_size=4, threads=1).differences(again) == []
    assert RunConfig(dataset=tmp_path / "d", workers=3).differences(again) == []  # the run keeps its rounds and threads
    assert RunConfig(dataset=tmp_path / "d", round_size=2).differences(again) == ["--round-size 4"]
    (tmp_path / "own.toml").write_text('dataset = "d"\nworkers = "auto"\nmemory = "8GB"\n')
    own = RunConfig.from_toml(tmp_path / "own.toml")
    assert (own.workers, own.memory) == ("auto", 8_000_000_000)


@pytest.mark.parametrize("began", [True, False])
def test_whether_heads_have_workers_of_their_own_is_kept(began: bool, tmp_path: Path) -> None:
    RunConfig(dataset=tmp_path / "d", solve_apart=began).to_toml(tmp_path / "run.toml")
    kept = RunConfig.from_toml(tmp_path / "run.toml")
    assert kept.solve_apart is began
    assert RunConfig(dataset=tmp_path / "d").differences(kept) == []
    other = RunConfig(dataset=tmp_path / "d", solve_apart=not began)
    assert other.differences(kept) == ["--solve-apart" if began else "--no-solve-apart"]
