"""``tlsearch predict`` that its reader or its user ends: what was written is whole, and its name says so."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.helpers.predictions import answer, read_rows, tlsearch
from tlsearch.cli.predictions import destination
from tlsearch.errors import UsageError
from tlsearch.predictor import Predictor

ROOT = Path(__file__).parents[3]

SCRIPT = textwrap.dedent(
    """
    import sys, time
    from types import SimpleNamespace
    import numpy as np
    import tlsearch.predictor
    from tlsearch.cli.main import main
    from tlsearch.predictor import Predictor

    def answer(images):
        time.sleep(0.01)
        return np.full((len(images), 2), 0.5)

    def load(folder, max_pixels=None):
        return Predictor(SimpleNamespace(predict_on_batch=answer), ("cat", "dog"), {"image_size": 8}, folder)

    tlsearch.predictor.load = load
    main(sys.argv[1:])
    """
)
"""The command line with a network that takes its time."""

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts ``tlsearch predict model`` on 2,000 images in a process of its own."""
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "many").mkdir()
    for number in range(2000):
        os.link("pictures/red.png", tmp_path / "many" / f"{number:04}.png")

    def run(*arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, "script.py", "predict", "model", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
        return subprocess.Popen(command, env=environment, **streams)

    return run


def test_a_reader_that_has_enough_ends_it_quietly(start: Start) -> None:
    process = start("many", "--format", "csv", "--batch-size", "2", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout as stdout, process.stderr as stderr:
        assert stdout.readline().startswith(b"path,rank,label,probability,error,calibrated,prediction_set,")
        assert stdout.readline().startswith(b"many/0000.png,1,cat,0.5")
        stdout.close()
        assert stderr.read() == b""
    process.wait(60)


@pytest.mark.parametrize("form", ["json", "csv"])
def test_an_interruption_leaves_what_was_printed_whole(form: str, start: Start) -> None:
    process = start("many", "--format", form, "--batch-size", "2", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout as stdout, process.stderr as stderr:
        begun = stdout.readline() + stdout.readline()
        process.send_signal(signal.SIGINT)
        text, said = (begun + stdout.read()).decode(), stderr.read()
    process.wait(60)
    rows = json.loads(text) if form == "json" else list(csv.DictReader(io.StringIO(text)))
    assert [row["path"] for row in rows] == [f"many/{number:04}.png" for number in range(len(rows))]
    assert 0 < len(rows) < 2000
    assert text.endswith("]\n" if form == "json" else "\n")
    assert said.decode() == f"error: interrupted after {len(rows):,} image{'s' if len(rows) > 1 else ''}.\n"
    assert process.returncode == 130


@pytest.mark.parametrize("ending", ["parquet", "json", "csv"])
def test_an_interruption_leaves_a_part_under_a_name_that_says_so(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    assert tlsearch("predict", "model", "pictures/red.png", "--to", f"out.{ending}").exit_code == 0
    yesterday = Path(f"out.{ending}").read_bytes()

    def interrupted(images: Any) -> Any:
        told.append(len(images))
        if len(told) == 3:
            signal.raise_signal(signal.SIGTERM)
        return answer(images)

    network = SimpleNamespace(predict_on_batch=interrupted)
    predictor = Predictor(network, ("cat", "dog", "newt"), {"image_size": 8}, Path("model"))
    monkeypatch.setattr("tlsearch.predictor.load", lambda *_: predictor)
    names = ["pictures/red.png", "pictures/z.png"] * 4
    result = tlsearch("predict", "model", *names, "--to", f"out.{ending}", "--batch-size", "2")
    assert result.exit_code == 130
    assert result.stderr == (f"error: interrupted after 4 images, 2 not read; they are in out.partial.{ending}.\n")
    assert [path for path, _ in read_rows(f"out.partial.{ending}")] == names[:4]
    assert Path(f"out.{ending}").read_bytes() == yesterday
    assert len(list(Path.cwd().iterdir())) == 3


@pytest.mark.parametrize("ending", ["parquet", "json", "csv"])
def test_a_failure_on_the_way_leaves_a_part_too(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the disk of the heat maps is full: what was predicted before took hours."""
    batches: list[int] = []

    def full(batch: Any) -> None:
        batches.append(len(batch))
        if len(batches) == 3:
            raise UsageError("maps cannot be written (No space left on device): name a folder that has room.")

    network = SimpleNamespace(predict_on_batch=answer)
    predictor = Predictor(network, ("cat", "dog", "newt"), {"image_size": 8}, Path("model"))
    monkeypatch.setattr("tlsearch.predictor.load", lambda *_: predictor)
    monkeypatch.setattr("tlsearch.cli.predict._map_writer", lambda *_: full)
    names = ["pictures/red.png", "pictures/z.png"] * 4
    command = ("predict", "model", *names, "--explain", "maps", "--batch-size", "2")
    result = tlsearch(*command, "--to", f"out.{ending}")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"out.partial.{ending}: 4 images, 2 not read",
        "error: maps cannot be written (No space left on device): name a folder that has room.",
    ]
    assert [path for path, _ in read_rows(f"out.partial.{ending}")] == names[:4]
    assert not Path(f"out.{ending}").exists()
    batches[:] = [0, 0]  # at the first picture there is nothing to keep
    Path(f"out.partial.{ending}").unlink()
    result = tlsearch(*command, "--to", f"out.{ending}")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert [path.name for path in Path.cwd().iterdir()] == ["pictures"]


def test_a_terminal_sees_how_far_it_is_and_a_file_does_not(start: Start) -> None:
    main, other = pty.openpty()
    process = start("many", "--to", "out.csv", "--batch-size", "16", stderr=other)
    os.close(other)
    seen = b""
    while True:
        try:
            block = os.read(main, 4096)
        except OSError:  # the other side is closed
            break
        if not block:
            break
        seen += block
    os.close(main)
    assert process.wait(60) == 0
    plain = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", seen).decode()
    assert re.search(r"\d+/2,000 images  [\d,.]+ a second", plain)
    assert plain.rstrip().endswith("out.csv: 2,000 images")
    process = start("many", "--to", "out.csv", "--batch-size", "64", stderr=subprocess.PIPE)
    assert process.communicate(timeout=60)[1] == b"out.csv: 2,000 images\n"


def test_the_name_of_a_part() -> None:
    assert destination.partial(Path("a/found.csv")) == Path("a/found.partial.csv")
    assert destination.partial(Path("found")) == Path("found.partial")
