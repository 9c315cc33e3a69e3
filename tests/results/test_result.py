"""The result file: everything comes back, and nobody sees half a file."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.results.sample_result import SAMPLE
from tests.helpers.results.sample_trials import WINNER
from tlsearch.errors import UsageError
from tlsearch.results.migrate import SCHEMA_VERSION
from tlsearch.results.result import RunResult, read_result, write_result
from tlsearch.results.schema import Mistake
from tlsearch.types import TrialSpec
from tlsearch.utils import serialize


def at(result: RunResult, folder: Path) -> RunResult:
    """The result as it is read from a folder."""
    return replace(result, output=replace(result.output, folder=str(folder)))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = write_result(SAMPLE, tmp_path / "new")
    assert path == tmp_path / "new" / "result.json"
    assert read_result(tmp_path / "new") == at(SAMPLE, tmp_path / "new")


def test_a_result_without_its_optional_parts_is_read_back(tmp_path: Path) -> None:
    bare = replace(
        SAMPLE,
        linear_probe=None,
        baseline=None,
        gain=None,
        mlflow=None,
        confusion=None,
        mistakes=(),
        trials=(),
    )
    write_result(bare, tmp_path)
    assert read_result(tmp_path) == at(bare, tmp_path)


def test_a_folder_that_was_moved_is_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = tmp_path / "first run", tmp_path / "second place"
    command = f"tlsearch run --config '{before / 'run.toml'}'"
    write_result(replace(at(SAMPLE, before), command=command), before)
    before.rename(after)
    monkeypatch.chdir(tmp_path)
    result = read_result(Path("second place"))
    assert result.output == replace(SAMPLE.output, folder=str(after))
    assert result.command == f"tlsearch run --config '{after / 'run.toml'}'"


def test_names_in_any_script_and_in_none_are_read_back(tmp_path: Path) -> None:
    odd = replace(
        SAMPLE, mistakes=(Mistake(path="платье/\udcff.jpg", true="платье", predicted="帽子", probability=0.5),)
    )
    assert "платье" in write_result(odd, tmp_path).read_text(encoding="utf-8")
    assert read_result(tmp_path) == at(odd, tmp_path)


def test_only_the_two_files_are_left_behind(tmp_path: Path) -> None:
    write_result(SAMPLE, tmp_path)
    write_result(SAMPLE, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["result.json", "trials.csv"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_result(SAMPLE, tmp_path)

    def stop(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        write_result(replace(SAMPLE, command="other"), tmp_path)
    assert read_result(tmp_path) == at(SAMPLE, tmp_path)


def test_the_json_is_strict_and_names_its_schema_first(tmp_path: Path) -> None:
    odd = replace(SAMPLE, timings={"search": math.nan, "data": np.float32(1.5)})  # type: ignore[dict-item]
    text = write_result(odd, tmp_path).read_text(encoding="utf-8")
    values = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert next(iter(values)) == "schema_version"
    assert values["schema_version"] == SCHEMA_VERSION
    assert values["timings"] == {"search": None, "data": 1.5}
    assert values["gain"]["discordant"] == [122, 10]
    assert values["winner"]["freeze_depth"] == 6
    assert values["baseline"]["weights"] is None


def test_keys_of_a_newer_version_are_passed_over(tmp_path: Path) -> None:
    values = SAMPLE.to_dict()
    values["calibration"] = {"temperature": 1.3}
    values["winner"]["spec"]["mixup"] = 0.2
    values["trials"][0]["note"] = "new"
    (tmp_path / "result.json").write_text(json.dumps(values), encoding="utf-8")
    assert read_result(tmp_path) == at(SAMPLE, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"has no result.json: name the output folder"),
        ("{", "not readable JSON"),
        ("[]", "schema version None"),
        ('{"schema_version": 4}', "schema version 4 and this tlsearch reads versions 1, 2 and 3"),
        ('{"schema_version": 1}', r"damaged \(RunResult.dataset is missing\)"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(text: str | None, message: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "result.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        read_result(tmp_path)


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("winner", "freeze_depth"), "six", r"RunResult.winner: Winner.freeze_depth: int is expected"),
        (("metrics", "test_ci95"), [0.1], "Metrics.test_ci95"),
        (("metrics", "test"), None, "Metrics.test: "),
        (("trials",), 5, "a list is expected"),
        (("plan",), [], "an object is expected"),
        (("profile",), [], "RunResult.profile"),
    ],
)
def test_a_field_of_the_wrong_shape_is_named(keys: tuple[str, ...], value: Any, message: str) -> None:
    values = SAMPLE.to_dict()
    inner = values
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    with pytest.raises(ValueError, match=message):
        RunResult.from_dict(values)


def test_specs_survive_and_keep_their_digest() -> None:
    assert serialize.STRICT.decode(TrialSpec, serialize.STRICT.encode(WINNER)).digest == WINNER.digest


def test_the_trials_are_a_table(tmp_path: Path) -> None:
    write_result(SAMPLE, tmp_path)
    with (tmp_path / "trials.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["state"] for row in rows] == ["complete", "complete", "complete", "pruned", "failed"]
    assert [row["number"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert rows[2]["candidate"] == "efficientnet_lite0@imagenet"
    assert float(rows[2]["value"]) == 0.912
    assert float(rows[2]["trainable_params"]) == 3.2e6
    assert rows[2]["freeze_depth"] == "6"
    assert rows[3]["value"] == ""
    assert rows[4]["reason"] == "loss is not finite"
