"""The MLflow store goes away in the middle of a run and comes back after its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.helpers.runs.small_run import MARKS, OPTIONS, TrialRecord, tlsearch
from tlsearch.tracking.outbox import Outbox

pytestmark = MARKS


@pytest.fixture
def dies_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[bool]]:
    """Has every write of MLflow fail from the given number of runs on, while the list that it gives says so."""

    def arrange(runs: int) -> list[bool]:
        dead: list[bool] = []
        begun: list[int] = []

        def guarded(name: str) -> Any:
            real = getattr(MlflowClient, name)

            def call(self: MlflowClient, *args: Any, **kwargs: Any) -> Any:
                begun.extend([1] * (name == "create_run"))
                if len(begun) > runs and not dead:
                    dead.append(True)
                if dead and dead[0]:
                    raise OSError("nobody is there")
                return real(self, *args, **kwargs)

            return call

        for name in dir(MlflowClient):
            if name.startswith(("create_", "log_", "set_term", "set_exp", "update_run")):
                monkeypatch.setattr(MlflowClient, name, guarded(name))
        return dead

    return arrange


def interrupted(*_: object) -> None:
    """As by Ctrl-C."""
    raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.usefixtures("one_fold", "_with_tables", "_worker_here")
def test_what_a_run_could_not_send_is_sent_by_sync(
    images: Path, dies_after: Callable[[int], list[bool]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = dies_after(4)
    run = tlsearch("run", images, *OPTIONS, "--baseline", "none", "--register", "flowers", "--output", "out")
    assert run.exit_code == 0, run.output
    waiting = len(Outbox(tmp_path / "out" / "unsent"))
    assert waiting > 20
    said = " ".join(run.output.split())
    assert said.count("does not answer (nobody is there)") == 1
    assert f"{waiting} writes for MLflow wait in {tmp_path}/out/unsent: `tlsearch sync" in said
    assert "the winner is not registered as flowers yet" in said

    # While nobody answers, nothing is lost by trying.
    tried = tlsearch("sync", "out")
    assert tried.exit_code == 2
    said = " ".join(tried.output.split())
    assert f"took 0 writes and {waiting} still wait: call this again when it answers" in said
    assert len(Outbox(tmp_path / "out" / "unsent")) == waiting
    assert "tlsearch sync" in tlsearch("resume", "out").output

    # It may be interrupted between sending and what follows, and a file may be gone: the next one goes on from there.
    dead[0] = False
    (tmp_path / "out" / "unsent" / ".00000099.json.part").write_text("of a killed process")
    (tmp_path / "out" / "report.html").unlink()
    with monkeypatch.context() as patch:
        patch.setattr("tlsearch.tracking.sync.name_runs", interrupted)
        assert tlsearch("sync", "out").exit_code == 130
    assert len(Outbox(tmp_path / "out" / "unsent")) == 0
    sent = tlsearch("sync", "out")
    assert sent.exit_code == 0, sent.output
    assert not (tmp_path / "out" / "unsent").exists()
    assert "Nothing waits to be sent." in tlsearch("sync", "out").output

    finished = TrialRecord(tmp_path, run.output)
    record = finished.result.mlflow
    assert record is not None
    client = MlflowClient(record.tracking_uri)
    runs = client.search_runs([record.experiment_id])
    # Every row of the result is a run of that id, and there is no other but the parent.
    rows = Counter(row.run_id for row in finished.result.trials)
    assert Counter(run.info.run_id for run in runs) == rows + Counter([record.parent_run_id])
    assert {run.info.status for run in runs} <= {"FINISHED", "KILLED"}
    parent = client.get_run(record.parent_run_id)
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["test"] == pytest.approx(finished.result.metrics.test, abs=1e-4)
    assert {run.data.tags["mlflow.parentRunId"] for run in runs if run.info.run_id != record.parent_run_id} == {
        record.parent_run_id
    }
    assert client.get_model_version_by_alias("flowers", "champion").run_id == record.parent_run_id
    assert len(client.search_model_versions("name = 'flowers'")) == 1
    kept = Path(client.download_artifacts(record.parent_run_id, "result.json"))
    assert kept.read_bytes() == (tmp_path / "out" / "result.json").read_bytes()


def test_where_there_is_no_run_there_is_nothing_to_send(tmp_path: Path) -> None:
    done = tlsearch("sync", tmp_path)
    assert done.exit_code == 2
    assert "holds no run (there is no run.toml): name its output folder" in " ".join(done.output.split())
