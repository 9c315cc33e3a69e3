"""Logging an exported Keras model in MLflow without importing a backend."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from mlflow import MlflowClient, pyfunc
from mlflow.entities import LoggedModelOutput
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array

from tlsearch.data.images import memory_needed, rgb
from tlsearch.models import temperature
from tlsearch.models.temperature import Temperature
from tlsearch.tracking.exported import INPUT, MODEL_PREFIX, MODEL_URI, RUN_PREFIX, ExportedModel
from tlsearch.tracking.naming import cut_tags
from tlsearch.tracking.quiet import first_line
from tlsearch.tracking.servers.refusals import is_absent

MODEL_NAME = "winner"
NOTE_TAG = "mlflow.note.content"
_CODE = Path(__file__).with_name("pyfunc_model.py")

# Named, because MLflow would load the model, and with it a backend, to find them out.
_REQUIREMENTS = ("mlflow", "keras", "tensorflow", "numpy", "pandas", "pillow")

OUTPUTS = Schema(
    [
        ColSpec(DataType.string, "label"),
        ColSpec(DataType.double, "probability"),
        ColSpec(Array(DataType.double), "probabilities"),
    ]
)
"""A row with the best class and all probabilities for each picture.

The input is left open, for MLflow enforces one form of it: with a tensor it refuses tables of paths, with columns it
refuses arrays of images. ``INPUT`` says in words what the model takes, and the model checks it.
"""


class NoLoggedModelsError(Exception):
    """The server has no logged models: it is of MLflow 2, or another product that speaks as MLflow 2 did."""


def find_model(client: MlflowClient, experiment_id: str, run_id: str) -> str:
    """Give the URI of the model that was logged for the run, empty where there is none that is whole.

    Raises ``NoLoggedModelsError``.
    """
    with _asking_for_models():
        found = client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'")
    for model in found:
        if model.name == MODEL_NAME and str(model.status) == "READY":
            return f"{MODEL_PREFIX}{model.model_id}"
    return ""


def log_model(client: MlflowClient, experiment_id: str, run_id: str, exported: ExportedModel) -> str:
    """Log an exported model as an output of the run and give its URI (``models:/<id>``).

    The steps of ``Model.log`` one by one: that function validates the input example by loading the model,
    which would bring a backend into this process, and it works on the global tracking URI.

    Raises:
        NoLoggedModelsError: The server has no such thing.
    """
    with _asking_for_models():
        logged = client.create_logged_model(
            experiment_id,
            name=MODEL_NAME,
            source_run_id=run_id,
            model_type="image-classifier",
            params=dict(exported.page.params),
        )
    uri = f"{MODEL_PREFIX}{logged.model_id}"
    meta = Model(
        artifact_path=logged.artifact_location,
        model_uuid=logged.model_id,
        model_id=logged.model_id,
        run_id=run_id,
    )
    try:
        with _saved(exported, meta) as folder:
            client.log_model_artifacts(logged.model_id, str(folder))
    except BaseException:
        with suppress(Exception):  # else every try would leave a model without files
            client.delete_logged_model(logged.model_id)
        raise
    if exported.page.note:
        note = exported.page.note.replace(MODEL_URI, uri)
        client.set_logged_model_tags(logged.model_id, cut_tags({NOTE_TAG: note}))
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return uri


def log_as_artifact(client: MlflowClient, run_id: str, exported: ExportedModel) -> str:
    """Keep an exported model as files of the run, as MLflow 2 did; gives its URI (``runs:/<id>/winner``).

    Its page, which a server of MLflow 2 has not, becomes the file ``README.md`` beside the model.
    """
    uri = f"{RUN_PREFIX}{run_id}/{MODEL_NAME}"
    meta = Model(artifact_path=MODEL_NAME, run_id=run_id)
    with _saved(exported, meta) as folder:
        if exported.page.note:
            note = exported.page.note.replace(MODEL_URI, uri)
            (folder / "README.md").write_text(note, encoding="utf-8")
        client.log_artifacts(run_id, str(folder), MODEL_NAME)
    # By this the UI of MLflow 2 knows a model among the files of a run.
    client.set_tag(run_id, "mlflow.log-model.history", json.dumps([meta.get_tags_dict()]))
    return uri


@contextmanager
def _asking_for_models() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if is_absent(error):
            raise NoLoggedModelsError(first_line(error)) from error
        raise


@contextmanager
def _saved(exported: ExportedModel, meta: Model) -> Iterator[Path]:
    """The model as MLflow keeps one, in a folder that is removed afterwards."""
    fitted = Temperature.of(json.loads((exported.folder / "config.json").read_text(encoding="utf-8")))
    calibration = "none" if fitted is None else f"temperature {fitted.value:.3f}: {fitted.reason}"
    with tempfile.TemporaryDirectory(prefix="tlsearch-model-") as folder:
        path, code = Path(folder) / "model", Path(folder) / "code"
        code.mkdir()
        for module in (rgb, memory_needed, temperature):
            shutil.copy(str(module.__file__), code)
        pyfunc.save_model(
            path=str(path),
            python_model=str(_CODE),
            artifacts={"model": str(exported.folder), "code": str(code)},
            signature=_signature(fitted),
            input_example=exported.example,
            pip_requirements=[f"{name}=={version(name)}" for name in _REQUIREMENTS],
            metadata={"classes": list(exported.classes), "input": INPUT, "calibration": calibration},
            mlflow_model=meta,
        )
        yield path


def _signature(fitted: Temperature | None) -> ModelSignature:
    """What the model gives, and whether that has its temperature: as ``tlsearch predict``, unless asked otherwise."""
    if fitted is None:
        return ModelSignature(outputs=OUTPUTS)
    params = ParamSchema([ParamSpec("calibrated", DataType.boolean, default=fitted.by_default)])
    return ModelSignature(outputs=OUTPUTS, params=params)
