"""The example server when it is busy, and when it cannot start: every refusal is a sentence."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.common.servers import APP, Question, ask, example_server, free_port
from tests.helpers.servers.requests import ask_health, form, raw, refusal
from tlsearch.export.network import metadata
from tlsearch.export.place import sidecar_name
from tlsearch.predictor import Predictor

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
for module in ("fastapi", "uvicorn", "python_multipart"):
    pytest.importorskip(module, reason="the server is not installed: pip install -r examples/serve/requirements.txt")


def test_more_than_can_wait_is_turned_away(
    exported: tuple[Predictor, Path], pictures: list[Path], tmp_path: Path
) -> None:
    variables = {"MAX_WAITING": 3, "BATCH": 8, "BATCH_MS": 3000}
    with example_server(exported[1], tmp_path / "server.log", **variables) as address, ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, f"{address}/predict", form(*pictures[:3]))
        until_waiting(address, 2)  # the third is taken, and waits for others
        assert refusal(address, form(*pictures[:2])) == (503, "Too many pictures are waiting: try again later.")
        assert len(first.result()["predictions"]) == 3
        status, sentence = refusal(address, form(*pictures[:4]))  # which would never find room
        assert status == 400
        assert "Maximum number of files is 3" in sentence


def until_waiting(address: str, count: int) -> None:
    """Wait until so many pictures wait."""
    for _ in range(200):
        if ask_health(address)["waiting"] == count:
            return
        time.sleep(0.05)
    raise AssertionError(f"{ask_health(address)['waiting']} pictures wait")


def test_a_server_that_takes_one_at_a_time_answers_and_says_when_it_is_busy(
    exported: tuple[Predictor, Path], pictures: list[Path], tmp_path: Path
) -> None:
    """Connections that are open and ask nothing, as browsers keep them, take nobody's place."""
    variables = {"MAX_WAITING": 1, "BATCH": 4, "BATCH_MS": 3000}
    with example_server(exported[1], tmp_path / "server.log", **variables) as address:
        host, _, port = address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=30), ThreadPoolExecutor(3) as pool:
            told = pool.map(lambda file: status_of(address, raw(file.read_bytes())), pictures[:3])
            busy = (503, "Too many requests are waiting: try again later.")
            assert sorted(told) == [(200, ""), busy, busy]
            assert ask_health(address)["pictures"] == 1


def status_of(address: str, question: Question) -> tuple[int, str]:
    """The status of an answer, and the sentence of one that is none."""
    try:
        ask(f"{address}/predict", question)
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, json.load(answer)["detail"]
    return 200, ""


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"MODEL": "nope.onnx"}, "MODEL=nope.onnx is no file: name the .onnx file that tlsearch export wrote."),
        ({"MODEL": "damaged.onnx"}, "MODEL=damaged.onnx is damaged or not by tlsearch export"),
        ({"MODEL_DIR": "nodir"}, "MODEL_DIR=nodir is no folder: name the folder of the model that was exported"),
        ({"PORT": "abc"}, "PORT is 'abc', but it must be a whole number from 0 to 65,535, such as PORT=8000."),
        ({"PORT": "99999"}, "PORT is '99999', but"),
        ({"BATCH": "0"}, "BATCH is '0', but it must be a whole number from 1 to 4,096"),
        ({"BATCH_MS": "nan"}, "BATCH_MS is 'nan', but it must be a number from 0 to 60000"),
        ({"COVERAGE": "1"}, "COVERAGE is 1, but it must be a number above 0 and below 1, such as COVERAGE=0.9."),
        ({"COVERAGE": "0"}, "COVERAGE is 0, but it must be a number above 0 and below 1"),
        ({"MAX_PIXELS": "many"}, "MAX_PIXELS is 'many', but it must be a whole number from 1"),
    ],
)
def test_mistakes_of_whoever_starts_it_are_told_in_one_sentence(
    exported: tuple[Predictor, Path], tmp_path: Path, variables: dict[str, str], sentence: str
) -> None:
    (tmp_path / "damaged.onnx").write_bytes(exported[1].read_bytes()[:500])
    said = start({"MODEL": str(exported[1]), "PORT": str(free_port()), **variables}, tmp_path)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith(f"error: {sentence}")
    assert len(said.stderr.splitlines()) == 1


def test_the_sidecar_of_another_file_is_refused(
    exported: tuple[Predictor, Path], doubting: tuple[Predictor, Path], tmp_path: Path
) -> None:
    """As where one of the two files was copied alone: sets would be made by thresholds of another model."""
    model = tmp_path / "model.onnx"
    model.write_bytes(exported[1].read_bytes())
    beside, other = tmp_path / "model.onnx.json", sidecar_name(doubting[1]).read_text()
    for content, words in (
        (other, "is not of model.onnx: copy both from one export"),
        ("[]", "is not of"),
        ("{", "read"),
    ):
        beside.write_text(content)
        said = start({"MODEL": "model.onnx", "PORT": str(free_port())}, tmp_path)
        assert (said.returncode, said.stdout) == (2, "")
        assert said.stderr.startswith("error: model.onnx.json ")
        assert words in said.stderr
        assert len(said.stderr.splitlines()) == 1


def test_heat_maps_of_another_model_than_the_exported_one_are_refused(
    doubting: tuple[Predictor, Path], tmp_path: Path
) -> None:
    """Its classes would be called by the names of those of the file."""
    folder = shutil.copytree(doubting[0].folder, tmp_path / "model")
    with (folder / "model.keras").open("ab") as stream:
        stream.write(b"\0")
    said = start({"MODEL": str(doubting[1]), "MODEL_DIR": str(folder), "PORT": str(free_port())}, tmp_path)
    assert (said.returncode, said.stdout) == (2, "")
    sentence = f"MODEL_DIR={folder} is not the model that MODEL={doubting[1]} was exported from: name that one."
    assert said.stderr.splitlines()[-1] == f"error: {sentence}"


def test_a_model_is_known_without_a_sidecar_by_what_the_file_says(
    exported: tuple[Predictor, Path], doubting: tuple[Predictor, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(APP.parent)
    is_exported_from = importlib.import_module("doubts").is_exported_from
    own, other = (metadata(predictor) for predictor, _ in (exported, doubting))
    folder = exported[0].folder
    assert is_exported_from(folder, own, {})
    assert not is_exported_from(folder, other, {})
    assert not is_exported_from(folder, {**own, "decode_size": "999"}, {})
    assert not is_exported_from(folder, own, {"model": "0" * 64})


def test_a_port_that_is_taken_is_named_with_a_way_out(exported: tuple[Predictor, Path], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = start({"MODEL": str(exported[1]), "PORT": str(port)}, tmp_path)
    assert said.returncode == 2
    assert said.stderr.startswith(f"error: 127.0.0.1:{port} cannot be listened on (Address already in use): end the")
    assert len(said.stderr.splitlines()) == 1


def start(variables: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """What a server says that cannot start."""
    return subprocess.run(
        [sys.executable, str(APP)],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
