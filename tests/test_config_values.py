"""Durations, sizes, latencies and counts as people write them: how they are read, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlsearch.config import RunConfig
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


@pytest.mark.parametrize("seconds", [1.0, 59.0, 60.0, 5400.0, 3661.0, 0.25, math.inf, np.float64(90.5)])
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


@pytest.mark.parametrize("seconds", [0.02, 0.0001, 1 / 3, 0.1 + 0.2, 10.0, np.float64(0.0123456789)])
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
        RunConfig(dataset=Path("images"), **{name: value})


@pytest.mark.parametrize("size", [10_000_000, 1_234_567])
def test_what_the_model_may_cost_comes_back_from_its_file(tmp_path: Path, size: int) -> None:
    config = RunConfig(dataset=Path("/images"), max_latency=0.02, max_size=size, prefer="fast")
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
    assert RunConfig(dataset=Path("/images")).differences(config) == ["--max-pixels 200000000"]


@pytest.mark.parametrize("size", [0, 1, 4096, 10**10, 2**30, 1500])
def test_size_survives_writing(size: int) -> None:
    assert parse_size(format_size(size)) == size
