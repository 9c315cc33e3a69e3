"""A whole run against a real MLflow server that asks for a login and at first takes no files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.bad_proxy import Behaviour, bad_proxy
from tests.helpers.mlflow_server import mlflow_server
from tests.helpers.small_run import MARKS, OPTIONS, tlsearch
from tlsearch.results.result import read_result
from tlsearch.tracking.outbox import Outbox
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.servers import answer

with quiet():
    from mlflow import MlflowClient

pytestmark = [*MARKS, pytest.mark.slow, pytest.mark.timeout(1200)]

PASSWORD = "s3cret-Word"


@pytest.mark.usefixtures("one_fold", "_with_tables", "_worker_here")
def test_it_comes_to_its_end_its_files_get_there_and_its_password_is_nowhere(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "120")
    monkeypatch.setattr(answer, "HINT_SECONDS", 60.0)
    options = ("--artifacts-destination", str(tmp_path / "files"))
    how = Behaviour(login=f"ann:{PASSWORD}", refuse={"/mlflow-artifacts/": 413})
    with (
        mlflow_server(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "server.log", options=options) as behind,
        bad_proxy(how) as address,
    ):
        how.behind = behind
        login = address.replace("://", f"://ann:{PASSWORD}@")
        run = tlsearch(
            "run", images, *OPTIONS, "--trials", "2", "--baseline", "none", "--tracking-uri", login, "--output", "out"
        )
        assert run.exit_code == 0, run.output
        said = " ".join(run.output.split())
        assert said.count("does not keep files (run.toml: 413 Client Error") == 1
        assert said.index("does not keep files") < said.index("search")
        waiting = Outbox(tmp_path / "out" / "unsent")
        assert (waiting.records, waiting.files > 5) == (0, True)
        assert f"{waiting.files} files for MLflow wait in {tmp_path}/out/unsent: `tlsearch sync" in said

        record = read_result(tmp_path / "out").mlflow
        assert record is not None
        assert record.tracking_uri == record.ui_command == address
        client = MlflowClient(address)
        runs = client.search_runs([record.experiment_id])
        assert {run.info.status for run in runs} <= {"FINISHED", "KILLED"}
        assert "test" in client.get_run(record.parent_run_id).data.metrics

        failed = tlsearch("sync", "out")
        assert failed.exit_code == 2
        assert f"its artifact store does not keep {waiting.files} files (" in " ".join(failed.output.split())
        how.refuse.clear()
        for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
            monkeypatch.delenv(name)  # as in another process
        refused = tlsearch("sync", "out")
        assert refused.exit_code == 2
        assert "does not let you in" in refused.output
        monkeypatch.setenv("MLFLOW_TRACKING_URI", login)
        sent = tlsearch("sync", "out")
        assert sent.exit_code == 0, sent.output
        assert not (tmp_path / "out" / "unsent").exists()
        files = {artifact.path for artifact in client.list_artifacts(record.parent_run_id)}
        assert {"report.html", "result.json", "trials.csv", "run.toml", "figures.json"} <= files
        (model,) = client.search_logged_models([record.experiment_id])
        assert {metric.key for metric in model.metrics or []} >= {"test"}
    everything = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert [file for file in everything if PASSWORD.encode() in file.read_bytes()] == []
    assert not any(PASSWORD in each.output for each in (run, failed, refused, sent))
