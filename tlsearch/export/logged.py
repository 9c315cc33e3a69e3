"""Exported files in MLflow: the run that they belong to, and an ONNX file as a model: its name, what its page says."""

from __future__ import annotations

from pathlib import Path

from tlsearch.errors import UsageError
from tlsearch.export.export import ExportedFile
from tlsearch.export.place import run_of
from tlsearch.export.proof import Proof
from tlsearch.results.result import read_result
from tlsearch.results.schema import Mlflow
from tlsearch.tracking.exported import MODEL_URI, ModelPage, OnnxModel

NAME = "winner-onnx"
"""What the logged model is called; behind it stands a precision that is not float32."""


def record_of(model_dir: Path) -> Mlflow:
    """Give where the run of a model is recorded in MLflow.

    Raises:
        UsageError: The folder is in no output folder of a run, or that run does not say.
    """
    run = run_of(model_dir)
    record = read_result(run).mlflow if run is not None else None
    if record is None:
        raise UsageError(f"{model_dir} is of no run that MLflow has a record of: leave --log out.")
    return record


def is_loggable(file: ExportedFile) -> bool:
    """Whether a file can be logged as a model: it is ONNX, and proven or taken as it is."""
    return file.proof.format == "onnx" and (file.proof.proven or file.proof.accepted)


def onnx_model(file: ExportedFile) -> OnnxModel:
    """Read an exported ONNX file as a model for MLflow.

    Raises:
        UsageError: It is no file for which ``is_loggable``.
    """
    import onnx

    proof = file.proof
    if not is_loggable(file):
        raise UsageError(f"{file.path} is no ONNX file whose proof holds: log it as a file.")
    name = NAME if proof.precision == "float32" else f"{NAME}-{proof.precision}"
    return OnnxModel(
        name=name,
        network=onnx.load(str(file.path)),
        side=int(proof.metadata["image_size"]),
        metadata=proof.metadata,
        sha256=proof.sha256[file.path.name],
        page=ModelPage(note="\n".join(_note(proof)), params=_params(proof)),
    )


def _note(proof: Proof) -> list[str]:
    side = proof.metadata["image_size"]
    verdict = "Proven" if proof.proven else "Not proven, and taken as it is"
    return [
        f"The winner as ONNX, {proof.precision}. {verdict}: {proof.reason[0].lower()}{proof.reason[1:]}",
        f"Compared with the Keras model on {proof.source}, by {proof.runtime}.",
        "",
        "```python",
        "import mlflow",
        "",
        f'model = mlflow.pyfunc.load_model("{MODEL_URI}")',
        f'model.predict(pixels)["probabilities"]  # RGB values 0..255, float32 (N, {side}, {side}, 3)',
        "```",
        "",
        "It takes squares, not files: its metadata say how a picture becomes one.",
    ]


def _params(proof: Proof) -> dict[str, str]:
    found = proof.comparison
    params = {
        "precision": proof.precision,
        "proven": "yes" if proof.proven else "no",
        "largest_difference": f"{found.largest_difference:.1e}",
        "equal_answers": f"{found.equal_answers:.4f}",
        "images_compared": str(found.images),
        "megabytes": f"{proof.megabytes:.1f}",
        "backbone": proof.metadata.get("backbone", ""),
    }
    return {name: value for name, value in params.items() if value}
