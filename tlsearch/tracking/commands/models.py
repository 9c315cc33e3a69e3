"""Commands that write models: logged with what their page says, with their metrics, and registered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tlsearch.plugins.api import Images
from tlsearch.tracking.commands.base import Command, Point, Store
from tlsearch.tracking.commands.runs import dataset_key
from tlsearch.tracking.exported import MODEL_PREFIX, ExportedModel, ModelPage
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

    def apply(self, store: Store) -> str:
        """Log the model, or find it where it was logged before."""
        from tlsearch.tracking.model import find_model, log_model

        run_id, folder = store.real(self.run), store.home / self.folder
        exported = ExportedModel(folder=folder, example=self.example, classes=self.classes, page=self.page)
        with quiet():
            uri = find_model(store.client, store.experiment_id, run_id) if store.retry else ""
            uri = uri or log_model(store.client, store.experiment_id, run_id, exported)
        if store.retry:
            store.ids[self.own] = uri
        return uri


@dataclass(frozen=True, kw_only=True)
class LogModelMetrics(Command[None]):
    """Metrics of a run that are those of a logged model, too; ``dataset`` and ``fingerprint`` say on which images."""

    run: str
    model: str
    points: Sequence[Point]
    dataset: str = ""
    fingerprint: str = ""

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

    def apply(self, store: Store) -> str:
        """Register the model, or find the version where it was registered before."""
        version = Version(self.figures, self.tags, self.note)
        with quiet():
            return register(store.client, self.name, store.real(self.model), store.real(self.run), version)
