"""A model exported through the front door: files, proofs, names, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import tlsearch
from benchmarks.use.export_proofs import Swapped as SwappedOnnx
from tests.helpers.models.changed_formats import Doubtful, Rounded, Swapped
from tests.helpers.runs.exported_run import LABELS, SIDE, write_images, write_run
from tlsearch.cli.main import cli
from tlsearch.data.images.decode import read_square
from tlsearch.errors import RunError, UsageError
from tlsearch.export import export as exporting
from tlsearch.export.card import proofs_in
from tlsearch.export.export import ExportOptions, export_model
from tlsearch.export.formats import FORMATS
from tlsearch.export.formats.keras_file import KerasFile
from tlsearch.export.logged import record_of
from tlsearch.export.place import file_hash
from tlsearch.results.result import read_result
from tlsearch.results.schema import Mlflow
from tlsearch.tracking.exported import MODEL_URI, OnnxModel

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("folds"), temperature=2.0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlsearch.export.speed.MOST_SECONDS", 0.0)


def export(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["export", *map(str, arguments)])


def read_proof(path: Path) -> Any:
    return json.loads(path.with_name(f"{path.name}.proof.json").read_text(encoding="utf-8"))


def test_a_file_with_its_proof_and_a_card(model_dir: Path, tmp_path: Path) -> None:
    done = export(model_dir, "--format", "keras", "--to", tmp_path)
    assert done.exit_code == 0, done.output
    names = ["README.md", "model.keras", "model.keras.json", "model.keras.proof.json"]
    assert sorted(file.name for file in tmp_path.iterdir()) == names
    proof = read_proof(tmp_path / "model.keras")
    assert proof["proven"] is True
    assert proof["comparison"]["equal_answers"] == 1.0
    assert proof["comparison"]["accuracy"] == proof["comparison"]["model_accuracy"] > 0.9
    assert proof["seen"] is True
    assert "training images of the run" in proof["source"]
    assert {timing["batch"] for timing in proof["timings"]} == {1, 32}
    assert all(timing["ms_per_image"] > 0 for timing in proof["timings"])
    assert json.loads(proof["metadata"]["labels"]) == list(LABELS)
    assert proof["megabytes"] == pytest.approx((tmp_path / "model.keras").stat().st_size / 1e6)
    assert proof["model"] == file_hash(model_dir / "model.keras")
    assert proof["sha256"] == {"model.keras": file_hash(tmp_path / "model.keras")}
    assert "proven" in done.output
    assert "rounding" in done.output or "equal to the last bit" in done.output
    assert "alone" in done.output
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| model.keras | proven | 100.0 % of 27 |" in card
    (tmp_path / "model.keras").unlink()
    assert not proofs_in(tmp_path, proof["model"])


def test_swapped_channels_are_found(model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "keras", Swapped())
    done = export(model_dir, "--format", "keras", "--to", tmp_path)
    assert done.exit_code == 1, done.output
    assert "NOT PROVEN" in done.output
    assert (tmp_path / "model.keras.unproven").is_file()
    assert not (tmp_path / "model.keras").exists()
    proof = read_proof(tmp_path / "model.keras.unproven")
    assert proof["comparison"]["equal_answers"] < 0.5
    assert proof["comparison"]["ci95"][1] < 0
    accepted = export(model_dir, "--format", "keras", "--to", tmp_path, "--accept-loss")
    assert accepted.exit_code == 0, accepted.output
    assert (tmp_path / "model.keras").is_file()
    assert not (tmp_path / "model.keras.unproven").exists()
    assert (read_proof(tmp_path / "model.keras")["proven"], read_proof(tmp_path / "model.keras")["accepted"]) == (
        False,
        True,
    )


def test_swapped_channels_in_an_onnx_file_are_found(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx", reason="the extra tlsearch[onnx] is not installed")
    pytest.importorskip("tf2onnx", reason="the extra tlsearch[onnx] is not installed")
    pytest.importorskip("onnxruntime", reason="the extra tlsearch[onnx] is not installed")

    good = export_model(model_dir, ExportOptions(formats=("onnx",), to=tmp_path / "good"))
    assert good[0].proof.proven
    assert good[0].proof.comparison.largest_difference < 1e-4
    monkeypatch.setitem(FORMATS, "onnx", SwappedOnnx())
    bad = export_model(model_dir, ExportOptions(formats=("onnx",), to=tmp_path / "bad"))
    assert bad[0].path.name == "model.onnx.unproven"
    assert not bad[0].proof.proven
    assert bad[0].proof.comparison.equal_answers < 0.5


@pytest.fixture
def rounded(monkeypatch: pytest.MonkeyPatch) -> Rounded:
    form = Rounded()
    monkeypatch.setitem(FORMATS, "keras", form)
    return form


def test_int8_is_calibrated_with_training_images_and_too_few_images_prove_nothing(
    model_dir: Path, tmp_path: Path, rounded: Rounded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "SAMPLES", 6)
    (file,) = export_model(model_dir, ExportOptions(formats=("keras",), precision="int8", to=tmp_path))
    assert [sample.shape for sample in rounded.samples] == [(1, SIDE, SIDE, 3)] * 6
    assert not file.proof.proven
    assert file.path.name == "model-int8.keras.unproven"
    assert "was trained on these images" in file.proof.reason
    assert "--precision float16" in file.proof.reason


def test_no_network_sees_a_test_image(
    model_dir: Path, tmp_path: Path, rounded: Rounded, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set[Path]()

    def noting(path: Path, *rest: Any) -> Any:
        seen.add(path)
        return read_square(path, *rest)

    monkeypatch.setattr("tlsearch.export.images.read_square", noting)
    export_model(model_dir, ExportOptions(formats=("keras",), precision="int8", to=tmp_path))
    from tlsearch.data.split import split
    from tlsearch.data.survey import scan

    index = scan(model_dir.parents[1] / "images")
    parts = split(index, 0)
    assert parts.test
    assert seen == {index.file(row) for row in parts.train}


def test_images_of_a_user_take_the_place_of_those_of_the_run(model_dir: Path, tmp_path: Path, rounded: Rounded) -> None:
    own = write_images(tmp_path / "own", per_class=130, seed=9)
    (file,) = export_model(
        model_dir, ExportOptions(formats=("keras",), precision="float16", to=tmp_path / "to", images=own)
    )
    assert file.proof.comparison.images == 390
    assert file.proof.seen is False
    assert file.proof.proven
    assert "The loss of accuracy is at most" in file.proof.reason


def test_a_converter_that_fails_ends_in_a_sentence_and_leaves_nothing(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("no such operation: Fold.\nmore")

    monkeypatch.setattr(KerasFile, "write", fail)
    with pytest.raises(RunError, match=r"cannot be converted to keras in float32 \(no such operation: Fold\): choose"):
        export_model(model_dir, ExportOptions(formats=("keras",), to=tmp_path / "to"))
    assert not list((tmp_path / "to").iterdir())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "No format is named: choose one of onnx, litert"),
        (["--format", "onx"], "did you mean 'onnx'?"),
        (["--format", "saved_model", "--precision", "int8"], "has no precision int8: choose float32 for it"),
        (["--format", "keras", "--card"], "leave --format out"),
    ],
)
def test_mistakes_end_in_one_sentence(model_dir: Path, arguments: list[str], sentence: str) -> None:
    done = export(model_dir, *arguments)
    assert done.exit_code == 2
    assert sentence in " ".join(done.output.split())


def test_from_python_options_are_given_by_name(model_dir: Path, tmp_path: Path) -> None:
    (file,) = tlsearch.export_model(str(model_dir), "keras", to=str(tmp_path), reporter=tlsearch.SilentReporter())
    assert (file.path, file.proof.proven) == (tmp_path / "model.keras", True)
    assert file.parts == tuple(tmp_path / f"model.keras{ending}" for ending in ("", ".json", ".proof.json"))
    with pytest.raises(UsageError, match="did you mean 'precision'"):
        tlsearch.export_model(model_dir, "keras", precison="float16")


def test_files_and_proofs_are_logged_with_the_run(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[tuple[Mlflow, list[Path]]] = []
    monkeypatch.setattr("tlsearch.tracking.exported_files.log_files", lambda *given: logged.append(given))
    done = export(model_dir, "--format", "keras", "--to", tmp_path, "--log")
    assert done.exit_code == 0, done.output
    ((record, files),) = logged
    assert record == read_result(model_dir.parent).mlflow
    assert files == [tmp_path / f"model.keras{ending}" for ending in ("", ".json", ".proof.json")]
    assert record.parent_run_id in done.output


def test_an_onnx_file_is_logged_as_a_model_unless_it_is_unproven(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("onnx", "tf2onnx", "onnxruntime"):
        pytest.importorskip(module, reason="the extra tlsearch[onnx] is not installed")
    logged: list[OnnxModel] = []

    def note(record: Mlflow, model: OnnxModel, folder: Path) -> str:
        logged.append(model)
        return "models:/m-1"

    monkeypatch.setattr("tlsearch.tracking.exported_files.log_files", lambda *given: None)
    monkeypatch.setattr("tlsearch.tracking.exported_files.log_onnx", note)
    done = export(model_dir, "--format", "onnx", "--format", "keras", "--to", tmp_path, "--log")
    assert done.exit_code == 0, done.output
    assert "model.onnx is the model models:/m-1" in " ".join(done.output.split())
    (model,) = logged
    proof = read_proof(tmp_path / "model.onnx")
    assert (model.name, model.side, model.sha256) == ("winner-onnx", SIDE, proof["sha256"]["model.onnx"])
    assert model.metadata == proof["metadata"]
    assert {entry.key: entry.value for entry in model.network.metadata_props} == proof["metadata"]
    assert model.page.params["proven"] == "yes"
    assert "Proven: " in model.page.note
    assert MODEL_URI in model.page.note
    monkeypatch.setitem(FORMATS, "onnx", Doubtful())
    assert export(model_dir, "--format", "onnx", "--to", tmp_path / "bad", "--log").exit_code == 1
    assert len(logged) == 1
    accepted = ("--accept-loss", "--precision", "float16")
    assert export(model_dir, "--format", "onnx", "--to", tmp_path / "bad", "--log", *accepted).exit_code == 0
    assert (logged[1].name, logged[1].page.params["proven"]) == ("winner-onnx-float16", "no")
    assert "Not proven, and taken as it is: " in logged[1].page.note


def test_a_missing_runtime_is_named_with_its_extra(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "find_spec", lambda name: None if name == "openvino" else object())
    with pytest.raises(UsageError, match=r"needs openvino, which is not installed: pip install 'tlsearch\[openvino\]'"):
        export_model(model_dir, ExportOptions(formats=("openvino",)))


def test_what_int8_needs_besides_is_named_with_its_own_extra(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "find_spec", lambda name: None if name == "nncf" else object())
    missing = r"openvino in int8 needs nncf, which is not installed: pip install 'tlsearch\[nncf\]'"
    with pytest.raises(UsageError, match=missing):
        exporting.wanted_formats(("openvino",), "int8")
    assert [form.name for form in exporting.wanted_formats(("openvino",), "float16")] == ["openvino"]


def test_neither_the_model_nor_a_file_of_somebody_else_is_replaced(model_dir: Path, tmp_path: Path) -> None:
    before = file_hash(model_dir / "model.keras")
    inside = export(model_dir, "--format", "keras", "--to", model_dir)
    assert (inside.exit_code, "lies in the folder of the model" in inside.output) == (2, True)
    assert file_hash(model_dir / "model.keras") == before
    (tmp_path / "model.keras").write_text("mine")
    refused = export(model_dir, "--format", "keras", "--to", tmp_path)
    assert (refused.exit_code, "as tlsearch exports it" in refused.output) == (2, True)
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]
    (tmp_path / "model.keras").unlink()
    for _ in range(2):
        assert export(model_dir, "--format", "keras", "--to", tmp_path).exit_code == 0


def test_a_proof_on_training_images_is_none(model_dir: Path, tmp_path: Path, rounded: Rounded) -> None:
    images = model_dir.parents[1] / "images"
    options = ExportOptions(formats=("keras",), precision="float16", to=tmp_path, images=images)
    with pytest.raises(UsageError, match="only images that the model was trained on"):
        export_model(model_dir, options)
    assert not list(tmp_path.iterdir())


def test_a_model_of_no_run_needs_images(tmp_path: Path, model_dir: Path) -> None:
    import shutil

    alone = tmp_path / "alone" / "model"
    shutil.copytree(model_dir, alone)
    with pytest.raises(UsageError, match=r"validation images are needed: name a model that is, or .*--images"):
        export_model(alone, ExportOptions(formats=("keras",)))
    own = write_images(tmp_path / "own", seed=4)
    done = export(alone, "--format", "keras", "--images", own)
    assert "it cannot be known whether the model was trained on the images of --images" in " ".join(done.output.split())
    (file,) = export_model(alone, ExportOptions(formats=("keras",), images=own))
    assert "not known whether the model was trained on them" in file.proof.source
    assert file.path == tmp_path / "alone" / "exported" / "model.keras"
    with pytest.raises(UsageError, match="--log out"):
        record_of(alone)
