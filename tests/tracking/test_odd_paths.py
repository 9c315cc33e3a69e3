"""Records in folders of any name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tlsearch.tracking.location import locate
from tlsearch.tracking.store import find_experiment, open_client
from tlsearch.tracking.tracker import Tracker

LONG = "a" * 150 + "é" * 50
"""200 characters, which are 250 bytes; file systems take 255."""


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
@pytest.mark.parametrize("name", ['it\'s "both"', "it's", 'say "so"', "a\\b`c", "50% _", LONG])
def test_what_a_killed_process_left_open_is_closed_whatever_its_folder_is_called(
    tmp_path: Path, tables: Path, name: str
) -> None:
    shutil.copy(tables, tmp_path)
    told: list[str] = []
    output, other = str(tmp_path / name), str(tmp_path / f"{name}2")
    first = Tracker.open("sqlite:///mlflow.db", "pets", directory=tmp_path)
    left, elsewhere, trial = (
        first.start_parent("search", {}, {"role": role, "output": place})
        for role, place in (("search", output), ("search", other), ("trial", output))
    )
    again = Tracker.open("sqlite:///mlflow.db", "pets", directory=tmp_path, warn=told.append)
    again.close_left_open(output)
    client = MlflowClient(again.uri)
    states = [client.get_run(run).info.status for run in (left, elsewhere, trial)]
    assert states == ["KILLED", "RUNNING", "RUNNING"]
    assert told == []
    assert not again.send_waiting()


# Reading a run, MLflow asks SQLAlchemy for something that a later SQLAlchemy will not have.
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
@pytest.mark.parametrize("name", ["50% off?", 'it\'s #1 "here"', LONG])
def test_a_record_lies_in_its_folder_and_leaves_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    location = locate("sqlite:///mlflow.db", folder)
    client = open_client(location)
    experiment = find_experiment(client, location, "pets")
    run = client.create_run(experiment)
    (folder / "note.txt").write_text("kept")
    client.log_artifact(run.info.run_id, str(folder / "note.txt"))
    assert [found.path for found in MlflowClient(location.connection).list_artifacts(run.info.run_id)] == ["note.txt"]
    assert {path.name for path in folder.iterdir()} == {"mlflow.db", "mlartifacts", "note.txt"}
    assert list(tmp_path.iterdir()) == [folder]
