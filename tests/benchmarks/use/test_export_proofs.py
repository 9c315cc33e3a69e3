"""The table of proofs: a quick run, and the images that it is made on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.common.results import Result
from benchmarks.common.synthetic_images import write_images
from benchmarks.figures.groups import GROUPS
from benchmarks.use import export_proofs

Quick = Callable[..., Result]

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_images_that_the_runs_have_seen_are_left_out(tmp_path: Path) -> None:
    known = write_images(tmp_path / "known", {"": 20}, 16, 0)
    more = write_images(tmp_path / "more", {"train": 30, "val": 20}, 16, 1)
    for number, file in enumerate(sorted(known.rglob("*.jpg"))):
        shutil.copy(file, more / "val" / file.parent.name / f"again{number}.jpg")
    found = export_proofs.unseen(more, known, 30, tmp_path / "unseen")
    assert sorted(folder.name for folder in found.iterdir()) == [f"class{label}" for label in range(10)]
    contents = [file.read_bytes() for file in found.rglob("*.jpg")]
    assert len(contents) == len(set(contents)) == 30
    assert not {file.read_bytes() for file in known.rglob("*.jpg")} & set(contents)


@pytest.mark.slow
def test_a_quick_run_proves_files_and_finds_the_fault(quick: Quick) -> None:
    for module in ("onnx", "onnxruntime", "tf2onnx"):
        pytest.importorskip(module, reason="the extra tlsearch[onnx] is not installed")
    result = quick(export_proofs.main)
    models = [export_proofs.LITE0, export_proofs.JOINED]
    files = [("onnx", "float32"), ("keras", "float32"), ("onnx", "float16"), ("onnx", "int8")]
    proofs, faults = result.figures["proofs"], result.figures["faults"]
    assert [(row["model"], row["format"], row["precision"]) for row in proofs] == [
        (model, *file) for model in models for file in files
    ]
    assert all(row["proven"] for row in proofs if row["precision"] == "float32")
    assert all(row["images"] == 60 for row in proofs)
    assert [(row["model"], row["proven"]) for row in faults] == [(model, False) for model in models]
    group = GROUPS["export-proofs"]
    assert "channels swapped | not proven" in group.render(result)
    assert "2 of 2 planted faults found" in group.brief(result)
