"""A run in a notebook: shown, interrupted as the kernel is, resumed, and complete though its report cannot be drawn."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from click.testing import CliRunner
from mlflow import MlflowClient
from nbclient import NotebookClient

from tests.helpers.runs.small_run import MARKS
from tlsearch.cli.main import cli
from tlsearch.results.result import read_result

pytestmark = [*MARKS, pytest.mark.slow]

# A backend of another environment's notebook, with which neither matplotlib nor Keras can be imported.
BEGIN = """
import os, signal, threading, time
from pathlib import Path
os.environ["MPLBACKEND"] = "no_such_backend"
import tlsearch, tlsearch.pipeline.confirm, tlsearch.pipeline.scan
tlsearch.pipeline.confirm.MOST_FOLDS = 1
tlsearch.pipeline.confirm.REPEATS = 0
tlsearch.pipeline.scan.SELECTION_FOLDS = 2
images, options = os.environ["IMAGES"], dict(
    backbones="tiny", trials=3, epochs=1, image_size=32, output="out", baseline="none", memory="16GB")
"""

INTERRUPTED = """
def interrupt():
    # As the kernel does, once the search has begun.
    while not list(Path("out").rglob("*.npz")) and not Path("out/study.db").exists():
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
try:
    tlsearch.run(images, **options)
except tlsearch.Interrupted as error:
    print("interrupted:", error)
"""

RESUMED = """
import tlsearch.pipeline.report.finish
def broken(*_):
    raise ValueError("no ink")
tlsearch.pipeline.report.finish.write_report = broken
result = tlsearch.run(images, **options)
result
"""


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A kernel of the Python that runs the tests."""
    folder = tmp_path / "jupyter" / "kernels" / "here"
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "here", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    return "here"


def shown(cell: Any) -> str:
    """Everything that the outputs of a cell say."""
    texts = []
    for output in cell.outputs:
        texts.append(output.get("text", ""))
        texts += [str(text) for text in output.get("data", {}).values()]
    return re.sub(r"\x1b\[[\d;]*m", "", "\n".join(texts))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_notebook(tmp_path: Path, images: Path, kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGES", str(images))
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"cell{number}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": text,
        }
        for number, text in enumerate((BEGIN, INTERRUPTED, RESUMED))
    ]
    book: Any = nbformat.from_dict({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})  # type: ignore[no-untyped-call]
    NotebookClient(book, timeout=280, kernel_name=kernel, resources={"metadata": {"path": str(tmp_path)}}).execute()
    _, interrupted, resumed = book.cells

    assert "3 classes, 60 images" in shown(interrupted)
    assert "interrupted: " in shown(interrupted)

    said, output = shown(resumed), tmp_path / "out"
    assert "the report could not be made (ValueError: no ink)" in said
    assert "no ink" in (output / "report-error.log").read_text()
    result = read_result(output)
    last = resumed.outputs[-1]["data"]
    assert last["text/plain"] == repr(result)
    assert f"<b>{result.winner.label}</b>" in last["text/html"]
    assert (output / "model" / "model.keras").exists()
    assert not (output / "report.html").exists()
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert result.mlflow is not None
    assert client.get_run(result.mlflow.parent_run_id).info.status == "FINISHED"
    assert "result.json" in {file.path for file in client.list_artifacts(result.mlflow.parent_run_id)}

    assert CliRunner().invoke(cli, ["report", str(output)]).exit_code == 0
    assert (output / "report.html").exists()
