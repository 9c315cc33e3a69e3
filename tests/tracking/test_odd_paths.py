"""Records in folders of any name."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient

from tlsearch.tracking.location import locate
from tlsearch.tracking.store import find_experiment, open_client


# Reading a run, MLflow asks SQLAlchemy for something that a later SQLAlchemy will not have.
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
@pytest.mark.parametrize("name", ["50% off?", 'it\'s #1 "here"'])
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
