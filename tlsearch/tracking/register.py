"""The model registry: the winner as a new version of a named model, and the alias ``champion``.

The champion is chosen by validation figures alone, and only among models of the same images: a test split that chooses
a champion is no test any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tlsearch.errors import TrackingError
from tlsearch.tracking.exported import MODEL_PREFIX, RUN_PREFIX
from tlsearch.tracking.store import can_be_quoted, quoted
from tlsearch.utils.passwords import without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

ALIAS = "champion"


@dataclass(frozen=True)
class Figures:
    """What a version is compared by: its ``val`` in the ``metric``, on the data set ``fingerprint``.

    ``greater_is_better`` is no tag of a version: the metric of the new one says it.
    """

    fingerprint: str
    metric: str
    val: float
    greater_is_better: bool = field(default=True, kw_only=True)

    def tags(self) -> dict[str, str]:
        """Give the tags of the version; ``Figures.of`` reads them."""
        return {"dataset_fingerprint": self.fingerprint, "metric": self.metric, "val": f"{self.val:.6f}"}

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> Figures | None:
        """Read the tags of a version; None where it has no figures, as when another program registered it."""
        try:
            return cls(tags["dataset_fingerprint"], tags["metric"], float(tags["val"]))
        except (KeyError, ValueError):
            return None


def check_registry(client: MlflowClient, name: str) -> None:
    """Raise ``TrackingError`` where no model can be registered as ``name``; asked before any work, writes nothing."""
    from tlsearch.tracking.quiet import first_line

    try:
        client.search_registered_models(max_results=1)
        taken = client.get_prompt(name) is not None
    except Exception as error:  # whatever a store raises that keeps no models
        store = without_password(client.tracking_uri)
        raise TrackingError(
            f"The MLflow store {store} has no model registry that answers ({first_line(error)}): "
            "leave --register out, or name another store with --tracking-uri."
        ) from error
    if taken:
        raise TrackingError(
            f"The registry of {without_password(client.tracking_uri)} has a prompt of the name {name!r}: "
            "choose another one for --register."
        )


@dataclass(frozen=True)
class Version:
    """What is kept of a version: figures to compare it by, further tags, and its description in Markdown."""

    figures: Figures
    tags: Mapping[str, str]
    note: str


def register(client: MlflowClient, name: str, model_uri: str, run_id: str, version: Version) -> str:
    """Register the logged model at ``model_uri`` as the next version of ``name``.

    The alias moves to the new version where there is no champion, or where the champion has the same fingerprint and
    metric and a worse validation figure.

    Returns:
        A sentence that says what became of the version and of the alias.
    """
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    champion = _champion(client, name)
    named = f"name = {quoted(name)} and " if can_be_quoted(name) else ""
    made = client.search_model_versions(f"{named}run_id = {quoted(run_id)}")
    registered = next((one for one in made if one.name == name), None) or client.create_model_version(
        name,
        _place(client, model_uri),
        run_id,
        {**version.figures.tags(), **version.tags},
        description=version.note,
        model_id=None if model_uri.startswith(RUN_PREFIX) else model_uri.removeprefix(MODEL_PREFIX),
    )
    if champion is not None and champion.version == registered.version:
        return f"{name} version {registered.version}; it is {ALIAS} already"
    better, why = _better(version.figures, champion)
    if better:
        client.set_registered_model_alias(name, ALIAS, str(registered.version))
    return f"{name} version {registered.version}; {why}"


def _place(client: MlflowClient, model_uri: str) -> str:
    """Where a model lies; its address the store would look up at MLflow's global tracking URI."""
    if model_uri.startswith(RUN_PREFIX):
        run_id, _, path = model_uri.removeprefix(RUN_PREFIX).partition("/")
        return f"{client.get_run(run_id).info.artifact_uri}/{path}"
    return str(client.get_logged_model(model_uri.removeprefix(MODEL_PREFIX)).artifact_location)


def _champion(client: MlflowClient, name: str) -> ModelVersion | None:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(name, ALIAS)
    except MlflowException:  # which the stores raise with different codes where there is no such alias
        return None


def _better(new: Figures, champion: ModelVersion | None) -> tuple[bool, str]:
    """Whether the new version becomes the champion, and what is said of it."""
    if champion is None:
        return True, f"it is the first {ALIAS}"
    kept = f"version {champion.version} stays {ALIAS}"
    old = Figures.of(champion.tags)
    if old is None:
        return False, f"{kept}, for it has no figures to compare with"
    if old.fingerprint != new.fingerprint:
        return False, f"{kept}, for it was chosen on other images, and the two cannot be compared"
    name = new.metric.replace("_", " ")
    if old.metric != new.metric:
        return False, f"{kept}, for it was chosen by {old.metric.replace('_', ' ')}, and this one by {name}"
    figures = f"validation {name} {new.val:.3f}, that of version {champion.version} {old.val:.3f}"
    gain = round(new.val, 6) - old.val
    if (gain if new.greater_is_better else -gain) > 0:
        return True, f"it takes the place of version {champion.version} as {ALIAS}: {figures}"
    return False, f"{kept}, for this one is not better: {figures}"
