"""Commands for MLflow: each comes back from a file as it went in, and folders of the former format are still read."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from tlsearch.tracking import commands
from tlsearch.tracking.commands import AnyCommand, Command
from tlsearch.tracking.outbox import Address, Outbox
from tlsearch.tracking.register import Figures

ADDRESS = Address("sqlite:///mlflow.db", "flowers")
IMAGE = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)

COMMANDS: list[Command[Any]] = [
    commands.CreateRun(own="r1", name="07 it's", tags={"role": "trial", "mlflow.parentRunId": "p"}, started=12),
    commands.LogBatch(run="r1", points=(("loss", 0.1 + 0.2, 12, 1),), params=(("units", "7"),), tags=(("a", "ü"),)),
    commands.ReopenRun(run="r1"),
    commands.EndRun(run="r1", status="KILLED", ended=13),
    commands.LogDataset(run="r1", name="images", folder="/data", fingerprint="f00", counts={"train": 3}),
    commands.TagExperiment(key="k", value="v"),
    commands.LogText(run="r1", text="Traceback: \udcff", name="a.txt"),
    commands.LogDict(run="r1", values={"a": [1, {"b": None}], "c": 0.5}, name="a.json"),
    commands.LogArtifact(run="r1", path="report.html"),
    commands.LogModel(own="m1", run="r1", folder="model", example=IMAGE, classes=("a", "b")),
    commands.RegisterModel(
        name="flowers", model="m1", run="r1", figures=Figures("f00", "accuracy", 0.5), tags={"t": "1"}, note="**a**"
    ),
    commands.LogModelMetrics(run="r1", model="m1", points=(("test", 0.5, 12, 0),), dataset="images", fingerprint="f0"),
]


def test_every_command_is_here() -> None:
    assert {type(command) for command in COMMANDS} == set(get_args(AnyCommand))
    known = {kind for kind in vars(commands).values() if isinstance(kind, type) and issubclass(kind, Command)}
    assert known - {Command} == set(get_args(AnyCommand))


def same(one: Command[Any], other: Command[Any] | None) -> bool:
    """Whether two commands would write the same."""
    if type(one) is not type(other):
        return False
    pairs = [(getattr(one, f.name), getattr(other, f.name)) for f in fields(one)]  # type: ignore[arg-type]  # records
    return all(np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b for a, b in pairs)


def sent_from(folder: Path) -> list[Command[Any] | None]:
    """What waits in a folder, read by another process."""
    found: list[Command[Any] | None] = []

    def take(command: Command[Any] | None) -> bool:
        found.append(command)
        return True

    for files in (False, True):
        Outbox(folder).send(take, files=files)
    return found


def in_lanes(commands_in_order: list[Command[Any]]) -> list[Command[Any]]:
    """Records first, then files, each in their order."""
    return sorted(commands_in_order, key=lambda command: bool(command.file))


def test_commands_come_back_as_they_went_in_and_in_their_order(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "unsent")
    for command in COMMANDS:
        outbox.add(ADDRESS, command)
    assert len(outbox) == len(COMMANDS)
    assert (Outbox(tmp_path / "unsent").records, Outbox(tmp_path / "unsent").files) == (6, 6)
    found = sent_from(tmp_path / "unsent")
    assert len(found) == len(COMMANDS)
    assert all(same(command, other) for command, other in zip(in_lanes(COMMANDS), found, strict=True))
    (model,) = (command for command in found if isinstance(command, commands.LogModel))
    assert model.example.dtype == np.uint8
    assert sent_from(tmp_path / "unsent") == []


FORMER = [
    ("create_run", {"own": "r1", "name": "07 it's", "tags": dict(COMMANDS[0].tags), "started": 12}),  # type: ignore[attr-defined]
    (
        "log_batch",
        {"run": "r1", "points": [["loss", 0.1 + 0.2, 12, 1]], "params": [["units", "7"]], "tags": [["a", "ü"]]},
    ),
    ("open_again", {"run": "r1"}),
    ("end_run", {"run": "r1", "status": "KILLED", "ended": 13}),
    ("log_dataset", {"run": "r1", "name": "images", "folder": "/data", "fingerprint": "f00", "counts": {"train": 3}}),
    ("tag_experiment", {"key": "k", "value": "v"}),
    ("log_text", {"run": "r1", "text": "Traceback: \udcff", "name": "a.txt"}),
    ("log_dict", {"run": "r1", "values": {"a": [1, {"b": None}], "c": 0.5}, "name": "a.json"}),
    ("log_artifact", {"run": "r1", "path": "report.html", "folder": None}),
    ("log_model", {"own": "m1", "run": "r1", "folder": "model", "example": IMAGE.tolist(), "classes": ["a", "b"]}),
    (
        "register",
        {
            "name": "flowers", "model": "m1", "run": "r1", "tags": {"t": "1"}, "note": "**a**",
            "figures": {"fingerprint": "f00", "metric": "accuracy", "val": 0.5},
        },
    ),
]  # fmt: skip


def test_a_folder_of_the_former_format_is_read(tmp_path: Path) -> None:
    for number, (name, arguments) in enumerate(FORMER):
        (tmp_path / f"{number:08}.json").write_text(json.dumps({"write": name, "arguments": arguments}))
    found = sent_from(tmp_path)
    former = in_lanes(COMMANDS[: len(FORMER)])  # the others came later
    assert all(same(command, other) for command, other in zip(former, found, strict=True)), found


def test_what_is_not_done_stays_and_what_is_damaged_goes_with_the_records(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "unsent")
    for command in COMMANDS:
        outbox.add(ADDRESS, command)
    (tmp_path / "unsent" / "00000002.json").write_text("{")
    outbox = Outbox(tmp_path / "unsent")
    assert (outbox.records, outbox.files) == (6, 6)
    outbox.send(lambda command: command is None)
    assert (outbox.records, outbox.files) == (5, 6)
    outbox.send(lambda command: isinstance(command, commands.LogText), files=True)
    assert (Outbox(tmp_path / "unsent").records, Outbox(tmp_path / "unsent").files) == (5, 5)


def test_metrics_wait_for_a_model_only_where_it_is_known_by_our_own_id() -> None:
    own = commands.LogModelMetrics(run="r1", model="m1", points=())
    assert [bool(replace(own, model=known).file) for known in ("m1", "", "models:/m-1", "runs:/r1/winner")] == [
        True, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        {"type": "Command"},
        {"type": "ReopenRun"},
        {"type": "ReopenRun", "run": 7},
        {"type": "EndRun", "run": "r1", "status": "LOST", "ended": 13},
        {"type": "Store", "run": "r1"},
        {"write": "reopen_run", "arguments": []},
        {"write": ["log_text"], "arguments": {}},
        {"run": "r1"},
        None,
    ],
    ids=str,
)
def test_what_is_no_command_is_none(tmp_path: Path, content: object) -> None:
    (tmp_path / "00000000.json").write_text(json.dumps(content))
    assert sent_from(tmp_path) == [None]


def test_what_is_no_command_cannot_be_kept(tmp_path: Path) -> None:
    class Other(Command[None]):
        def apply(self, store: commands.Store) -> None:
            """Write nothing."""

    with pytest.raises(TypeError, match="Other is none of"):
        Outbox(tmp_path / "unsent").add(ADDRESS, Other())
    assert len(Outbox(tmp_path / "unsent")) == 0
