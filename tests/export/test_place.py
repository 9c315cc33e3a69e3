"""Where exported files lie, and under which names."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest

from tlsearch.errors import UsageError
from tlsearch.export import place
from tlsearch.export.formats import FORMATS
from tlsearch.export.place import Target, proof_name, sidecar_name

ONNX, OPENVINO = FORMATS["onnx"], FORMATS["openvino"]


def test_files_are_called_as_the_model_and_lie_in_the_run(tmp_path: Path) -> None:
    found = place.targets(tmp_path / "run" / "model", [ONNX, OPENVINO], "float16", None)
    assert [target.folder for target in found] == [tmp_path / "run" / "exported"] * 2
    assert [target.name for target in found] == ["model-float16.onnx", "model-float16.xml"]
    assert place.targets(tmp_path / "run" / "refit", [ONNX], "float32", None)[0].name == "refit.onnx"


def test_to_names_a_file_or_a_folder(tmp_path: Path) -> None:
    model = tmp_path / "run" / "model"
    assert place.targets(model, [ONNX], "float32", tmp_path / "a.onnx") == (Target(tmp_path, "a.onnx"),)
    assert place.targets(model, [ONNX], "float32", tmp_path / "b") == (Target(tmp_path / "b", "model.onnx"),)
    (tmp_path / "c.d").mkdir()
    assert place.targets(model, [ONNX], "float32", tmp_path / "c.d")[0].folder == tmp_path / "c.d"
    with pytest.raises(UsageError, match="names one file, but 2 formats"):
        place.targets(model, [ONNX, OPENVINO], "float32", tmp_path / "a.onnx")
    with pytest.raises(UsageError, match=r"must end in \.xml"):
        place.targets(model, [OPENVINO], "float32", tmp_path / "a.onnx")


def draft(folder: Path, content: str) -> Path:
    for name in ("draft.xml", "draft.bin"):
        (folder / name).write_text(content)
    return folder / "draft.xml"


def test_all_parts_of_a_file_that_is_not_proven_have_the_suffix(tmp_path: Path) -> None:
    target = Target(tmp_path, "model.xml")
    path = place.settle(OPENVINO, draft(tmp_path, "bad"), target, keeps_name=False)
    proof_name(path).touch()
    sidecar_name(path).touch()
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "model.bin.unproven", "model.xml.unproven", "model.xml.unproven.json", "model.xml.unproven.proof.json",
    ]  # fmt: skip
    assert set(place.hashes(OPENVINO, path)) == {"model.xml.unproven", "model.bin.unproven"}
    path = place.settle(OPENVINO, draft(tmp_path, "good"), target, keeps_name=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.bin", "model.xml"]
    assert path.read_text() == "good"


def test_a_proven_file_stays_where_its_successor_is_not_proven(tmp_path: Path) -> None:
    target = Target(tmp_path, "model.xml")
    place.settle(OPENVINO, draft(tmp_path, "good"), target, keeps_name=True)
    place.settle(OPENVINO, draft(tmp_path, "bad"), target, keeps_name=False)
    assert (tmp_path / "model.xml").read_text() == "good"
    assert (tmp_path / "model.xml.unproven").read_text() == "bad"


def proof_of(path: Path) -> None:
    sidecar_name(path).write_text(json.dumps({"file": path.name, "labels": [], "metadata": {}}))
    proof_name(path).write_text(json.dumps({"file": path.name, "sha256": place.hashes(OPENVINO, path)}))


def test_an_exported_file_is_replaced_and_no_other(tmp_path: Path) -> None:
    wanted = [Target(tmp_path, "model.xml")]
    place.require_replaceable([OPENVINO], wanted)
    for keeps_name in (True, False):
        proof_of(place.settle(OPENVINO, draft(tmp_path, "ours"), wanted[0], keeps_name=keeps_name))
        place.require_replaceable([OPENVINO], wanted)
    (tmp_path / "model.bin").unlink()
    (tmp_path / "model.xml").unlink()
    place.require_replaceable([OPENVINO], wanted)
    (tmp_path / "model.bin.unproven").write_text("theirs")
    with pytest.raises(UsageError, match=r"model\.xml\.unproven is there and not, or no longer, as tlsearch"):
        place.require_replaceable([OPENVINO], wanted)


@pytest.mark.parametrize("name", ["a.xml", "a.bin", "a.xml.json", "a.xml.proof.json", "a.xml.unproven.proof.json"])
def test_no_file_of_somebody_else_is_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"mine": 1}')
    with pytest.raises(UsageError, match="is there and not, or no longer, as tlsearch exports it: name another place"):
        place.require_replaceable([OPENVINO], [Target(tmp_path, "a.xml")])


def test_drafts_are_gone_after_an_error(tmp_path: Path) -> None:
    with suppress(ZeroDivisionError), place.workshop([Target(tmp_path, "x")]) as room:
        (room / "draft").touch()
        _ = 1 / 0
    assert not list(tmp_path.iterdir())
