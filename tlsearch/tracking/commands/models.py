"""Commands that write models: logged with what their page says, with their metrics, and registered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tlsearch.plugins.api import Images
from tlsearch.predictor.folder import MODEL_FILE
from tlsearch.tracking.commands.base import Command, Point, Store
from tlsearch.tracking.commands.runs import dataset_key
from tlsearch.tracking.exported import MODEL_PREFIX, ExportedModel, ModelPage, is_model_address
from tlsearch.tracking.quiet import quiet
from tlsearch.tracking.register import Figures, Version, register


@dataclass(frozen=True, kw_only=True)
class LogModel(Command[str]):
    """The exported model in ``folder`` as the model ``own`` of a run; gives its URI."""

    own: str
    run: str
    folder: str
    example: Images
    classes: tuple[str, ...]
    page: ModelPage = field(default_factory=ModelPage)

    @property
    def file(self) -> str:
        """The model."""
        return "the model"

    def is_gone(self, store: Store) -> bool:
        """Whether the model was removed."""
        return not (store.home / self.folder / MODEL_FILE).exists()

    def apply(self, store: Store) -> str:
        """Log the model, or find it where it was logged before; a server of MLflow 2 gets it as a file of the run."""
        from tlsearch.tracking.model import NoLoggedModelsError, find_model, log_as_artifact, log_model

        run_id, folder = store.real(self.run), store.home / self.folder
        page = replace(self.page, note=store.with_real_ids(self.page.note))
        exported = ExportedModel(folder=folder, example=self.example, classes=self.classes, page=page)
        with quiet():
            try:
                uri = find_model(store.client, store.experiment_id, run_id) if store.retry else ""
                uri = uri or log_model(store.client, store.experiment_id, run_id, exported)
            except NoLoggedModelsError as error:
                uri = log_as_artifact(store.client, run_id, exported)
                store.tell(
                    f"the MLflow server keeps no logged models, as before MLflow 3 ({error}): the model is {uri}"
                )
        if store.retry:
            store.ids[self.own] = uri
        return uri


@dataclass(frozen=True, kw_only=True)
class LogModelMetrics(Command[None]):
    """Metrics of a run that are those of a logged model, too; ``dataset`` and ``fingerprint`` say on which images.

    Without a ``model`` they are those of the run alone.
    """

    run: str
    model: str
    points: Sequence[Point]
    dataset: str = ""
    fingerprint: str = ""

    @property
    def file(self) -> str:
        """They wait with a model that is known by an id of our own only."""
        return "" if not self.model or is_model_address(self.model) else "the metrics of the model"

    @property
    def needs(self) -> str:
        """The model."""
        return self.model

    def apply(self, store: Store) -> None:
        """Write them with one call; where the model could not be logged, they are those of the run alone."""
        from mlflow.entities import Metric

        address = store.real(self.model)
        known = address.startswith(MODEL_PREFIX)
        model = address.removeprefix(MODEL_PREFIX) if known else None
        name, digest = dataset_key(self.dataset, self.fingerprint) if known and self.dataset else (None, None)
        metrics = [Metric(*point, model, name, digest) for point in self.points]
        store.client.log_batch(store.real(self.run), metrics)


@dataclass(frozen=True, kw_only=True)
class RegisterModel(Command[str]):
    """A logged model as a version of ``name``; gives a sentence that says what became of it."""

    name: str
    model: str
    run: str
    figures: Figures
    tags: Mapping[str, str]
    note: str

    @property
    def file(self) -> str:
        """A version of what is kept there."""
        return f"the version of {self.name}"

    @property
    def needs(self) -> str:
        """The model."""
        return self.model

    def apply(self, store: Store) -> str:
        """Register the model, or find the version where it was registered before."""
        version = Version(self.figures, self.tags, self.note)
        with quiet():
            return register(store.client, self.name, store.real(self.model), store.real(self.run), version)
