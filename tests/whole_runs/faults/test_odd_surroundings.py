"""A whole run whose server has a password with quotes and spaces, between folders with long names and both quotes."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.helpers.runs.small_run import MARKS, OPTIONS, tlsearch
from tests.helpers.servers.mlflow_server import mlflow_server
from tlsearch.results.result import read_result
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.tracker import Tracker

with quiet():
    from mlflow import MlflowClient

pytestmark = MARKS

PASSWORD = 'it\'s "s3cr3t" @w0rd'
LONG = "a" * 150 + "é" * 50
"""200 characters, which are 250 bytes; file systems take 255."""
QUOTED = 'it\'s "here"'


def texts_in(*folders: Path) -> dict[Path, str]:
    """What all files below the folders hold."""
    files = (file for folder in folders for file in folder.rglob("*") if file.is_file())
    return {file: file.read_bytes().decode("latin-1") for file in files}


@pytest.mark.slow
@pytest.mark.usefixtures("one_fold", "_worker_here")
def test_no_place_has_the_password_and_every_folder_is_used(
    images: Path, tmp_path: Path, tables: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "120")
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")  # so that what the run sets is gone afterwards
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache" / LONG))
    data = shutil.copytree(images, tmp_path / "data" / LONG)
    output, home = tmp_path / QUOTED / LONG, tmp_path / "server"
    output.parent.mkdir()
    home.mkdir()
    shutil.copy(tables, home)
    unsent = tmp_path / "later" / "unsent"
    with mlflow_server(f"sqlite:///{home}/mlflow.db", home / "server.log") as address:
        login = address.replace("://", f"://ann:{PASSWORD}@")
        run = tlsearch("run", data, *OPTIONS, "--baseline", "none", "--tracking-uri", login, "--output", output)
        assert run.exit_code == 0, run.output
        tracker = Tracker.open(login, "later", unsent=unsent)
    # The server is gone: what is written from here on waits.
    tracker.finish(tracker.start_parent("search", {}, {"role": "search"}), "FAILED", reason=f"no answer of {login}")
    assert tracker.send_waiting() > 1
    again = tlsearch("resume", output)
    assert again.exit_code == 0, again.output
    record = read_result(output).mlflow
    assert record is not None
    assert record.tracking_uri == address
    runs = MlflowClient(f"sqlite:///{home}/mlflow.db").search_runs([record.experiment_id])
    assert {one.info.status for one in runs} == {"FINISHED"}
    assert [one.data.tags["output"] for one in runs if one.info.run_id == record.parent_run_id] == [str(output)]
    texts = texts_in(output, home, unsent.parent)
    assert {"run.toml", "result.json", "report.html", "mlflow.db"} <= {file.name for file in texts}
    assert any(file.is_relative_to(unsent) for file in texts)
    assert any(file.is_relative_to(home) and file.name == "run.toml" for file in texts)
    texts |= {Path("the terminal"): run.output + again.output + "".join(capfd.readouterr())}
    wanted = (PASSWORD, quote(PASSWORD, safe=""), quote(PASSWORD), "s3cr3t", "w0rd")
    assert [file for file, text in texts.items() if any(form in text for form in wanted)] == []
