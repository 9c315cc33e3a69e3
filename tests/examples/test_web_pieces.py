"""The parts of the example page that need no browser: resizing as Pillow's, and the metadata of an ONNX file."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from benchmarks.common.web_page import SOURCE
from tests.helpers.models.doubting_model import SIDE, colours
from tlsearch.data.images.rgb import RESIZES, to_square
from tlsearch.predictor import Predictor

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SQUARES = """
import { readFileSync, writeFileSync } from "node:fs";
import { squareOf, reduced } from "%s/resize.js";
for (const task of JSON.parse(readFileSync(0, "utf8"))) {
  const picture = { data: new Uint8Array(readFileSync(task.file)), width: task.width, height: task.height };
  const made = task.reduce ? reduced(picture, task.reduce, task.reduce) : squareOf(picture, task.side, task.how);
  writeFileSync(task.file, made.data);
}
"""

METADATA = """
import { readFileSync } from "node:fs";
import { metadataOf } from "%s/metadata.js";
console.log(JSON.stringify(metadataOf(new Uint8Array(readFileSync(process.argv[1])))));
"""


def node(code: str, *arguments: object, given: Any = None) -> str:
    """What a module prints that node runs."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed: apt-get install nodejs")
    command = ["node", "--input-type=module", "--eval", code % SOURCE.as_uri(), *map(str, arguments)]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def computed(tasks: list[tuple[npt.NDArray[np.uint8], Mapping[str, Any]]], folder: Path) -> list[npt.NDArray[np.uint8]]:
    """What the page makes of pictures (height, width, 3), as flat arrays."""
    given = []
    for number, (pixels, task) in enumerate(tasks):
        file = folder / f"{number}.rgb"
        file.write_bytes(pixels.tobytes())
        given.append({**task, "file": str(file), "height": pixels.shape[0], "width": pixels.shape[1]})
    node(SQUARES, given=given)
    return [np.frombuffer(Path(task["file"]).read_bytes(), np.uint8) for task in given]


# Width, height and side: smaller, larger, the same, far larger (reduced before it is resized), narrow, odd.
CASES = [
    *[(160, 120, 96), (120, 160, 224), (96, 96, 96), (1000, 750, 64), (2000, 300, 32), (7, 300, 16), (301, 299, 100)],
    *[(1, 1, 5), (640, 481, 31), (97, 1024, 61), (33, 32, 32)],
]


@pytest.mark.parametrize("how", RESIZES)
def test_squares_are_those_of_pillow_to_the_last_bit(how: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tasks: list[tuple[npt.NDArray[np.uint8], Mapping[str, Any]]] = []
    for width, height, side in CASES:
        pixels = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
        tasks.append((pixels, {"side": side, "how": how}))
    for (pixels, task), made in zip(tasks, computed(tasks, tmp_path), strict=True):
        ours = to_square(Image.fromarray(pixels), task["side"], how)
        assert (made.reshape(ours.shape) == ours).all(), (pixels.shape, task)


@pytest.mark.parametrize("factor", [2, 3, 4, 5, 7, 8])
def test_means_of_blocks_are_those_of_pillow(factor: int, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (101, 94, 3)).astype(np.uint8)
    (made,) = computed([(pixels, {"reduce": factor})], tmp_path)
    ours = np.asarray(Image.fromarray(pixels).reduce(factor))
    assert (made.reshape(ours.shape) == ours).all()


def test_metadata_are_read_from_the_file(exported: tuple[Predictor, Path]) -> None:
    onnx = pytest.importorskip("onnx", reason="the extra tlsearch[onnx] is not installed")
    told = json.loads(node(METADATA, exported[1]))
    assert told == {entry.key: entry.value for entry in onnx.load(str(exported[1])).metadata_props}
    assert json.loads(told["labels"]) == list(exported[0].labels)


DOUBTS = """
import { readFileSync } from "node:fs";
import { isUnlike, predictionSet } from "%s/doubts.js";
const { told, rows, distances, coverage } = JSON.parse(readFileSync(0, "utf8"));
const found = rows.map((row) => predictionSet(row, told, coverage));
console.log(JSON.stringify({ found, unlike: distances.map((one) => isUnlike(one, told)) }));
"""


@pytest.mark.parametrize("coverage", ["0.8", "0.95"])
def test_doubts_are_those_of_predict(coverage: str, doubting: tuple[Predictor, Path]) -> None:
    onnx = pytest.importorskip("onnx", reason="the extra tlsearch[onnx] is not installed")
    predictor, model = doubting
    told = {entry.key: entry.value for entry in onnx.load(str(model)).metadata_props}
    seen = np.concatenate([colours(12, 6), [[150, 140, 30], [20, 160, 150], [250, 250, 250]]]).astype(np.uint8)
    pictures = list(np.broadcast_to(seen[:, None, None], (len(seen), SIDE, SIDE, 3)))
    expected = predictor.predict(pictures, coverage=float(coverage))
    rows = predictor.probabilities(pictures).tolist()
    distances = [one.distance for one in expected]
    given = json.loads(node(DOUBTS, given={"told": told, "rows": rows, "distances": distances, "coverage": coverage}))
    names = [tuple(predictor.labels[at] for at in places) for places in given["found"]]
    assert names == [one.prediction_set for one in expected]
    assert len({len(one) for one in names}) > 1
    assert given["unlike"] == [one.unlike for one in expected]
    without = json.loads(node(DOUBTS, given={"told": {}, "rows": rows, "distances": distances, "coverage": coverage}))
    assert without == {"found": [[]] * len(rows), "unlike": [False] * len(rows)}


def test_what_is_no_onnx_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"\x72\xff\x01")
    with pytest.raises(AssertionError, match="ends too early"):
        node(METADATA, tmp_path / "model.onnx")


def test_the_lock_file_names_no_host() -> None:
    text = (SOURCE / "package-lock.json").read_text(encoding="utf-8")
    lock = json.loads(text)
    assert "resolved" not in text
    assert "http" not in text.replace("https://github.com", "")
    wanted = json.loads((SOURCE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    found = lock["packages"]["node_modules/onnxruntime-web"]
    assert found["version"] == wanted["onnxruntime-web"]
    assert all("integrity" in package for name, package in lock["packages"].items() if name)
