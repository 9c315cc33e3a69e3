"""Logging an exported Keras model in MLflow without importing a backend."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import packages_distributions, version
from pathlib import Path

from mlflow import MlflowClient, pyfunc
from mlflow.entities import LoggedModelOutput
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array

from tlsearch.backend import graph, private_api
from tlsearch.data.images import memory_needed, rgb
from tlsearch.models import pooling, temperature
from tlsearch.models.temperature import Temperature
from tlsearch.plugins.registry import find_plugins
from tlsearch.predictor import own_layers
from tlsearch.predictor.folder import MODEL_FILE, read_config
from tlsearch.tracking.exported import INPUT, MODEL_PREFIX, MODEL_URI, RUN_PREFIX, ExportedModel, ModelPage
from tlsearch.tracking.quiet import first_line
from tlsearch.tracking.servers.refusals import is_absent
from tlsearch.tracking.trial_fields import cut_tags
from tlsearch.uncertainty import inner_features, prediction_sets, reference
from tlsearch.uncertainty.prediction_sets import ConformalScores

MODEL_NAME = "winner"
NOTE_TAG = "mlflow.note.content"
HISTORY_TAG = "mlflow.log-model.history"
"""By this the UI of MLflow 2 knows the models among the files of a run."""

_CODE = Path(__file__).with_name("pyfunc_model.py")

_COPIED = (
    memory_needed, rgb, temperature, pooling, private_api, graph, prediction_sets, reference, inner_features,
    own_layers,
)  # fmt: skip
"""The modules that lie beside a model, each after those that it imports; they import no other module of tlsearch."""

# Named, because MLflow would load the model, and with it a backend, to find them out.
_REQUIREMENTS = ("mlflow", "keras", "tensorflow", "numpy", "pandas", "pillow")

OUTPUTS = Schema(
    [
        ColSpec(DataType.string, "label"),
        ColSpec(DataType.double, "probability"),
        ColSpec(Array(DataType.double), "probabilities"),
    ]
)
"""A row with the best class and all probabilities for each picture. Where a coverage is asked for the model gives more,
which stands here not: who takes the columns of a signature would miss them otherwise.

The input is left open, for MLflow enforces one form of it: with a tensor it refuses tables of paths, with columns it
refuses arrays of images. ``INPUT`` says in words what the model takes, and the model checks it.
"""


TAKES_COVERAGE = (
    'params={"coverage": 0.9} adds the columns prediction_set (classes of which one is the true one with this '
    "probability), not_sure (whether they are several) and unlike (whether the picture is unlike the training images)"
)
"""What a logged model with conformal scores can say of its doubts, in words."""

NO_COVERAGE = "the model has no scores to make prediction sets by"


class NoLoggedModelsError(Exception):
    """The server has no logged models: it is of MLflow 2, or another product that speaks as MLflow 2 did."""


@dataclass(frozen=True, kw_only=True)
class Loggable:
    """A model that is to be logged.

    Attributes:
        name: What it is called among the models of its run.
        page: What its page says.
        save: Gives it as MLflow keeps one, in a folder that is removed afterwards.
        tags: Further tags of the logged model.
    """

    name: str
    page: ModelPage
    save: Callable[[Model], AbstractContextManager[Path]]
    tags: Mapping[str, str] = field(default_factory=dict)


def find_model(
    client: MlflowClient, experiment_id: str, run_id: str, name: str = MODEL_NAME, tags: Mapping[str, str] | None = None
) -> str:
    """Give the URI of the model that was logged for the run, empty where there is none that is whole.

    Args:
        client: The store.
        experiment_id: The experiment of the run.
        run_id: The run.
        name: That of the model.
        tags: Tags that it must have.

    Raises:
        NoLoggedModelsError: The server has no such thing.
    """
    with _asking_for_models():
        found = client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'")
    for model in found:
        has_tags = (tags or {}).items() <= dict(model.tags).items()
        if model.name == name and str(model.status) == "READY" and has_tags:
            return f"{MODEL_PREFIX}{model.model_id}"
    return ""


def log_model(client: MlflowClient, experiment_id: str, run_id: str, exported: ExportedModel) -> str:
    """Log an exported Keras model as an output of the run and give its URI (``models:/<id>``).

    Raises:
        NoLoggedModelsError: The server has no such thing.
    """
    return log(client, experiment_id, run_id, _winner(exported))


def log(client: MlflowClient, experiment_id: str, run_id: str, model: Loggable) -> str:
    """Log a model as an output of the run and give its URI (``models:/<id>``).

    The steps of ``Model.log`` one by one: that function validates the input example by loading the model,
    which would bring a backend into this process, and it works on the global tracking URI.

    Raises:
        NoLoggedModelsError: The server has no such thing.
    """
    with _asking_for_models():
        logged = client.create_logged_model(
            experiment_id,
            name=model.name,
            source_run_id=run_id,
            model_type="image-classifier",
            params=dict(model.page.params),
        )
    uri = f"{MODEL_PREFIX}{logged.model_id}"
    meta = Model(
        artifact_path=logged.artifact_location,
        model_uuid=logged.model_id,
        model_id=logged.model_id,
        run_id=run_id,
    )
    try:
        with model.save(meta) as folder:
            client.log_model_artifacts(logged.model_id, str(folder))
    except BaseException:
        with suppress(Exception):  # else every try would leave a model without files
            client.delete_logged_model(logged.model_id)
        raise
    note = {NOTE_TAG: model.page.note.replace(MODEL_URI, uri)} if model.page.note else {}
    if tags := {**model.tags, **note}:
        client.set_logged_model_tags(logged.model_id, cut_tags(tags))
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return uri


def log_as_artifact(client: MlflowClient, run_id: str, exported: ExportedModel) -> str:
    """Keep an exported Keras model as files of the run, as MLflow 2 did; gives its URI (``runs:/<id>/winner``)."""
    return log_files_of(client, run_id, _winner(exported))


def log_files_of(client: MlflowClient, run_id: str, model: Loggable) -> str:
    """Keep a model as files of the run, as MLflow 2 did; gives its URI (``runs:/<id>/<name>``).

    Its page, which a server of MLflow 2 has not, becomes the file ``README.md`` beside the model.
    """
    uri = f"{RUN_PREFIX}{run_id}/{model.name}"
    meta = Model(artifact_path=model.name, run_id=run_id)
    with model.save(meta) as folder:
        if model.page.note:
            note = model.page.note.replace(MODEL_URI, uri)
            (folder / "README.md").write_text(note, encoding="utf-8")
        client.log_artifacts(run_id, str(folder), model.name)
    known = json.loads(client.get_run(run_id).data.tags.get(HISTORY_TAG, "[]"))
    others = [entry for entry in known if entry.get("artifact_path") != model.name]
    client.set_tag(run_id, HISTORY_TAG, json.dumps([*others, meta.get_tags_dict()]))
    return uri


def _winner(exported: ExportedModel) -> Loggable:
    return Loggable(name=MODEL_NAME, page=exported.page, save=partial(_saved, exported))


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
    config = read_config(exported.folder)
    fitted, scores = Temperature.of(config), ConformalScores.of(config)
    calibration = "none" if fitted is None else f"temperature {fitted.value:.3f}: {fitted.reason}"
    with tempfile.TemporaryDirectory(prefix="tlsearch-model-") as folder:
        path, code = Path(folder) / "model", Path(folder) / "code"
        required = (*_REQUIREMENTS, *_bringing_layers(exported.folder))
        code.mkdir()
        for module in _COPIED:
            shutil.copy(str(module.__file__), code)
        (code / "modules.json").write_text(json.dumps([module.__name__ for module in _COPIED]), encoding="utf-8")
        pyfunc.save_model(
            path=str(path),
            python_model=str(_CODE),
            artifacts={"model": str(exported.folder), "code": str(code)},
            signature=_signature(fitted, scores),
            input_example=exported.example,
            pip_requirements=[f"{name}=={version(name)}" for name in required],
            metadata={
                "classes": list(exported.classes),
                "input": INPUT,
                "calibration": calibration,
                "coverage": NO_COVERAGE if scores is None else TAKES_COVERAGE,
            },
            mlflow_model=meta,
        )
        yield path


def _bringing_layers(folder: Path) -> list[str]:
    """The distributions that bring layers of the model which are not Keras' own."""
    packages = {module.partition(".")[0] for module in own_layers.modules_of_own_layers(folder / MODEL_FILE)}
    if not packages:
        return []
    known = {package: list(names) for package, names in packages_distributions().items()}
    # One that is installed to be edited does not say its packages.
    known |= {entry.target.partition(".")[0].partition(":")[0]: [entry.distribution] for entry in find_plugins()}
    return sorted({name for package in packages for name in known.get(package, ())})


def _signature(fitted: Temperature | None, scores: ConformalScores | None) -> ModelSignature:
    """What the model gives, and what may be asked of it.

    Probabilities have their temperature as those of ``tlsearch predict``, unless asked otherwise. There are no
    prediction sets unless a coverage is asked for, so that the columns are those of ``OUTPUTS``.
    """
    params = []
    if fitted is not None:
        params.append(ParamSpec("calibrated", DataType.boolean, default=fitted.by_default))
    if scores is not None:
        params.append(ParamSpec("coverage", DataType.double, default=None))
    if not params:
        return ModelSignature(outputs=OUTPUTS)
    return ModelSignature(outputs=OUTPUTS, params=ParamSchema(params))
