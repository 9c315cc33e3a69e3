"""RunConfig: what is refused, what the defaults mean, and that its file comes back as it was."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from tlsearch.config import RunConfig
from tlsearch.config_file import read_config
from tlsearch.config_values import parse_weights
from tlsearch.errors import UsageError
from tlsearch.utils.units import (
    format_duration,
    format_latency,
    format_size,
    parse_count,
    parse_duration,
    parse_file_size,
    parse_latency,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5m", 300), ("90s", 90), ("1h30m", 5400), ("1h 5s", 3605), ("0.5h", 1800), ("2min", 120)],
)
def test_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


def test_duration_none_is_no_limit() -> None:
    assert math.isinf(parse_duration("None"))


@pytest.mark.parametrize("text", ["", "m", "0", "0m", "-5m", "5 minutes", "m5", "5x", "1m2h", "nan"])
def test_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"must be a duration above 0, such as 90s, 5m"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["5", "300", "2.5"])
def test_a_duration_without_a_unit_is_asked_about(text: str) -> None:
    with pytest.raises(UsageError, match=rf"is '{text}', but it must have a unit: write {text}s, {text}m or {text}h"):
        parse_duration(text)


@pytest.mark.parametrize("seconds", [1.0, 59.0, 60.0, 5400.0, 3661.0, 0.25, math.inf])
def test_duration_survives_writing(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10GB", 10**10),
        ("500 MB", 5 * 10**8),
        ("1.5GiB", 3 * 2**29),
        ("4096B", 4096),
        ("0", 0),
        ("2k", 2000),
        ("1610612736", 3 * 2**29),
    ],
)
def test_size_is_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["3", " 2.5 ", "4096"])
def test_a_size_needs_a_unit(text: str) -> None:
    with pytest.raises(UsageError, match=f"must have a unit: write {text.strip()}GB or {text.strip()}MB, 0 for none"):
        parse_size(text)


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "10XB", "1iB", "ten"])
def test_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="must be a size such as 500MB"):
        parse_size(text)


@pytest.mark.parametrize(("text", "seconds"), [("20ms", 0.02), ("0.5s", 0.5), ("2 S", 2.0), ("1.5 ms", 0.0015)])
def test_a_latency_is_read(text: str, seconds: float) -> None:
    assert parse_latency(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "ms", "0ms", "-5ms", "20m", "20 minutes", "none", "ten ms", "20us", "\u00b2"])
def test_a_latency_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"must be a time above 0 for one image, such as 20ms or 0\.5s\.$"):
        parse_latency(text, "--max-latency")


def test_a_latency_or_the_size_of_a_file_without_a_unit_is_asked_about() -> None:
    with pytest.raises(UsageError, match=r"^--max-latency is '20', but it must have a unit: write 20ms or 20s\.$"):
        parse_latency("20", "--max-latency")
    with pytest.raises(UsageError, match=r"^--max-size is '10', but it must have a unit: write 10KB, 10MB or 10GB\.$"):
        parse_file_size("10", "--max-size")


@pytest.mark.parametrize("seconds", [0.02, 0.0001, 1 / 3, 0.1 + 0.2, 10.0])
def test_a_latency_survives_writing(seconds: float) -> None:
    assert parse_latency(format_latency(seconds)) == seconds


@pytest.mark.parametrize(("text", "size"), [("10MB", 10**7), ("900 kb", 900_000), ("1.5GiB", 3 * 2**29)])
def test_the_size_of_a_file_is_read(text: str, size: int) -> None:
    assert parse_file_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "0MB", "MB", "-1MB", "10XB", "ten", "20ms"])
def test_the_size_of_a_file_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"must be the size of a file, such as 900KB, 10MB or 1GB\.$"):
        parse_file_size(text, "--max-size")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("max_latency", 20, r"^--max-latency is 20, but it must be a time from 0\.1ms to 10s for one image"),
        ("max_latency", math.nan, "must be a time from"),
        ("max_latency", True, "must be a time from"),
        ("max_size", 10, "^--max-size is 10, but it must be the size of a file of at least 1KB, such as 10MB"),
        ("max_size", 2.5e6, "must be the size of a file"),
        ("prefer", "smal", "^--prefer is 'smal', but it must be one of small, fast, accurate: did you mean 'small'"),
    ],
)
def test_what_the_model_may_cost_is_refused_in_one_sentence(name: str, value: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        RunConfig(Path("images"), **{name: value})


@pytest.mark.parametrize("size", [10_000_000, 1_234_567])
def test_what_the_model_may_cost_comes_back_from_its_file(tmp_path: Path, size: int) -> None:
    config = RunConfig(Path("/images"), max_latency=0.02, max_size=size, prefer="fast")
    config.to_toml(tmp_path / "run.toml")
    assert RunConfig.from_toml(tmp_path / "run.toml") == config
    text = (tmp_path / "run.toml").read_text(encoding="utf-8")
    assert 'max_latency = "20ms"' in text
    written = tmp_path / "mine.toml"
    written.write_text("dataset = '/images'\nmax_latency = '20ms'\nmax_size = '10MB'\n", encoding="utf-8")
    assert RunConfig.from_toml(written).max_size == 10_000_000


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("200M", 200_000_000),
        ("200_000_000", 200_000_000),
        ("200,000,000", 200_000_000),
        ("1.5g", 1_500_000_000),
        ("89478485", 89_478_485),
        ("400 M", 400_000_000),
    ],
)
def test_a_count_is_read(text: str, count: int) -> None:
    assert parse_count(text) == count


@pytest.mark.parametrize("text", ["", "M", "-1M", "1,5M", "20_0", "200MB", "many", "1e9", "inf"])
def test_a_count_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="must be a number such as 200M"):
        parse_count(text)


@pytest.mark.parametrize("written", ["'200M'", "200_000_000", "'200_000_000'"])
def test_the_most_pixels_are_read_from_a_file_and_are_part_of_a_run(tmp_path: Path, written: str) -> None:
    (tmp_path / "run.toml").write_text(f"dataset = '/images'\nmax_pixels = {written}\n")
    config = RunConfig.from_toml(tmp_path / "run.toml")
    assert config.max_pixels == 200_000_000
    config.to_toml(tmp_path / "again.toml")
    assert RunConfig.from_toml(tmp_path / "again.toml") == config
    assert RunConfig(Path("/images")).differences(config) == ["--max-pixels 200000000"]


@pytest.mark.parametrize("size", [0, 1, 4096, 10**10, 2**30, 1500])
def test_size_survives_writing(size: int) -> None:
    assert parse_size(format_size(size)) == size


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
        ({"early_stop": "yes"}, "--early-stop is 'yes'", "true or false"),
    ],
)
def test_bad_value_names_option_value_and_range(changes: dict[str, Any], option: str, wanted: str) -> None:
    with pytest.raises(UsageError) as caught:
        RunConfig(**{"dataset": Path("d"), **changes})
    assert option in str(caught.value)
    assert wanted in str(caught.value)
    assert caught.value.exit_code == 2


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
    config = RunConfig(Path("d"), trials=trials, time_limit=time_limit)
    assert (config.effective_trials, config.effective_time_limit) == effective


def test_experiment_is_named_after_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shoes").mkdir()
    monkeypatch.chdir(tmp_path / "shoes")
    assert RunConfig(Path()).effective_experiment == "shoes"
    assert RunConfig(Path(), experiment="boots").effective_experiment == "boots"


def test_file_comes_back_as_it_was(tmp_path: Path) -> None:
    config = RunConfig(
        tmp_path / "data",
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
    RunConfig(Path("data"), test=Path("new"), weights=("vgg16=w.h5",)).to_toml(tmp_path / "run.toml")
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
    RunConfig(tmp_path, output=tmp_path).to_toml(tmp_path / "run.toml")
    assert "output" in (tmp_path / "run.toml").read_text()
    assert RunConfig.from_toml(tmp_path / "run.toml").output is None
    RunConfig(tmp_path, output=tmp_path / "other").to_toml(tmp_path / "run.toml")
    assert RunConfig.from_toml(tmp_path / "run.toml").output == tmp_path / "other"


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
    assert RunConfig(Path("d"), augment=("flip", "crop", "flip")).augment == ("flip", "crop")


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
    config = RunConfig(source)
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
        "~/pets", test=Path("~/new"), output=Path("~/out"), weights=("vgg16=~/w.h5",), cache_dir=Path("~")
    )
    assert (config.dataset, config.test, config.output) == (tmp_path / "pets", tmp_path / "new", tmp_path / "out")
    assert config.cache_dir == tmp_path
    (tmp_path / "run.toml").write_text('dataset = "~/pets"\nval = "~/val"\n')
    read = RunConfig.from_toml(tmp_path / "run.toml")
    assert (read.dataset, read.val) == (tmp_path / "pets", tmp_path / "val")
    assert RunConfig("~nobody-here/pets").dataset == Path("~nobody-here/pets")


def test_how_much_of_the_machine_is_used_is_no_property_of_a_run(tmp_path: Path) -> None:
    config = RunConfig(tmp_path / "d", workers=2, memory=8_000_000_000, round_size=4, threads=1)
    config.to_toml(tmp_path / "run.toml")
    again = RunConfig.from_toml(tmp_path / "run.toml")
    assert (again.workers, again.memory, again.round_size, again.threads) == (2, 8_000_000_000, 4, 1)
    assert RunConfig(tmp_path / "d", round_size=4, threads=1).differences(again) == []
    assert RunConfig(tmp_path / "d", workers=3).differences(again) == []  # the run keeps its rounds and threads
    assert RunConfig(tmp_path / "d", round_size=2).differences(again) == ["--round-size 4"]
    (tmp_path / "own.toml").write_text('dataset = "d"\nworkers = "auto"\nmemory = "8GB"\n')
    own = RunConfig.from_toml(tmp_path / "own.toml")
    assert (own.workers, own.memory) == ("auto", 8_000_000_000)
