"""Opening an MLflow store: its tables, the experiment, and runs that a process which is gone has left open."""

from __future__ import annotations

import hashlib
import re
import shlex
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tlsearch.errors import TrackingError
from tlsearch.tracking.location import Location
from tlsearch.tracking.quiet import first_line, ignore
from tlsearch.tracking.servers.answer import server_client
from tlsearch.tracking.servers.database import check_database
from tlsearch.utils.files import file_lock
from tlsearch.utils.sqlite_urls import PREFIX, sqlite_fault

if TYPE_CHECKING:
    from mlflow import MlflowClient

_TRIES = 4

_WORKSPACE_NAME = ", which in Databricks is a path such as /Users/you@example.org/flowers"

# What MLflow and Alembic say of tables of another version; older databases have no version at all.
_REVISION = re.compile(r"found version (?P<found>\w+), but expected|locate revision identified by '(?P<unknown>\w+)'")


def open_client(location: Location, warn: Callable[[str], None] = ignore) -> MlflowClient:
    """Give a client whose store has answered once, its tables made where they were missing.

    Two processes that make the tables of one database at once disturb each other, so that they take turns where the
    system has locks; elsewhere the one that fails finds them made a moment later. ``warn`` is told of a server that
    takes long.

    Raises:
        TrackingError: The store cannot be used.
    """
    from mlflow import MlflowClient

    if location.is_server:
        return server_client(location, warn)
    _check_locks(location)
    check_database(location)
    for attempt in range(_TRIES):
        try:
            with _turn(location.uri):
                _make_tables(location)
                client = MlflowClient(location.connection)
                client.search_experiments(max_results=1)
            _remove_stray_folder(location)
            return client
        except Exception as error:
            other = _other_version(location, error)
            if other or attempt == _TRIES - 1 or not location.artifacts:
                raise other or TrackingError(
                    f"The MLflow store {location.uri} cannot be used ({first_line(error)}): "
                    "fix it, or choose another one with --tracking-uri."
                ) from error
            time.sleep(0.5 * 2**attempt)
    raise AssertionError("unreachable")


def _check_locks(location: Location) -> None:
    """Raise ``TrackingError`` where the folder of a database cannot hold one; MLflow would try for a while."""
    if location.artifacts is not None and (fault := sqlite_fault(location.artifacts.parent)):
        raise TrackingError(
            f"The MLflow database {location.uri} cannot be kept there, for the file system has no locks that SQLite "
            f"can use ({fault}): name a database on a local disk, or a server, with --tracking-uri."
        )


def _remove_stray_folder(location: Location) -> None:
    """Remove the empty folder that MLflow makes where an address with escaped signs seems to say it."""
    if location.artifacts is not None and "%" in location.uri:
        stray = Path(location.uri.removeprefix(PREFIX)).parent
        if stray != location.artifacts.parent:
            with suppress(OSError):
                stray.rmdir()


def _make_tables(location: Location) -> None:
    """Make the tables where the folder has a quotation mark in its name, with which MLflow cannot make them itself.

    It writes the folder for files of its experiment "Default" into a statement as it is; as an address it has no marks.
    """
    if location.artifacts is None or "'" not in f"{location.artifacts}{Path.cwd()}":
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(location.connection, location.artifacts.as_uri())  # type: ignore[no-untyped-call]


def _other_version(location: Location, error: Exception) -> TrackingError | None:
    """The sentence where the tables are those of another MLflow; MLflow calls those of a newer one out of date too."""
    found = _REVISION.search(str(error))
    if found is None:
        return None
    from mlflow.store import db_migrations

    revision = found["found"] or found["unknown"]
    migrations = (Path(place) / "versions" for place in db_migrations.__path__)
    if any(next(folder.glob(f"{revision}_*.py"), None) for folder in migrations):
        shown = shlex.quote(location.uri)
        return TrackingError(
            f"The MLflow database {location.uri} was made by an older MLflow than {version('mlflow')}: make a copy of "
            f"it, then upgrade it with `mlflow db upgrade {shown}`, or choose another one with --tracking-uri."
        )
    return TrackingError(
        f"The MLflow database {location.uri} was made by a newer MLflow than {version('mlflow')}: upgrade MLflow with "
        "`pip install --upgrade mlflow`, or choose another database with --tracking-uri."
    )


def find_experiment(client: MlflowClient, location: Location, name: str) -> str:
    """Give the id of the experiment ``name``, made where it is missing.

    Raises:
        TrackingError: It was deleted, or it cannot be made.
    """
    from mlflow.exceptions import MlflowException

    try:
        found = client.get_experiment_by_name(name)
        if found is None:
            try:
                folder = location.artifacts.as_uri() if location.artifacts else None
                return str(client.create_experiment(name, artifact_location=folder))
            except MlflowException:
                # Another process may have made it in this moment.
                found = client.get_experiment_by_name(name)
                if found is None:
                    raise
    except Exception as error:
        raise TrackingError(
            f"The MLflow experiment {name!r} cannot be made at {location.uri} ({first_line(error)}): "
            f"choose another name with --experiment{_WORKSPACE_NAME if location.is_workspace else ''}."
        ) from error
    if found.lifecycle_stage != "active":
        raise TrackingError(
            f"The MLflow experiment {name!r} was deleted: bring it back with `mlflow experiments restore "
            f"--experiment-id {found.experiment_id}`, or choose another name with --experiment."
        )
    return str(found.experiment_id)


def lead_files(client: MlflowClient, location: Location, experiment_id: str) -> str:
    """Lead the files of an experiment to where its database is now, if that was moved; gives what a person should know.

    MLflow keeps the folder for files of an experiment as an absolute address. If nothing is there any more, it becomes
    a link to the folder beside the database; MLflow would make a folder there. If something is, as where a project was
    copied, it is left alone, and a sentence says so. The sentence is empty where nothing was moved or copied.
    """
    if location.artifacts is None:
        return ""
    here, found = location.artifacts, client.get_experiment(experiment_id)
    address = urlsplit(found.artifact_location or "")
    kept = Path(url2pathname(address.path))
    if address.scheme != "file" or kept.name != here.name or kept == here or kept.resolve() == here.resolve():
        return ""
    if not kept.exists():
        with suppress(OSError):
            here.mkdir(exist_ok=True)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.unlink(missing_ok=True)  # a link that leads nowhere, as where it was moved twice
            kept.symlink_to(here, target_is_directory=True)
            return f"MLflow looks for files in {kept}, from where they were moved: that is a link to {here} now"
    return (
        f"files of the MLflow experiment {found.name!r} go into {kept}, beside which its database lay before it was "
        f"copied or moved to {here.parent}: choose another --experiment to have them here"
    )


def open_runs(client: MlflowClient, experiment_id: str, tags: Mapping[str, str]) -> set[str]:
    """Give the ids of the runs with these tags that nobody has ended. Raises what the store raises."""
    clauses = [f"tags.`{name}` = {quoted(value)}" for name, value in tags.items() if can_be_quoted(value)]
    wanted = " and ".join([*clauses, "attributes.status = 'RUNNING'"])
    found: set[str] = set()
    token = None
    while True:
        page = client.search_runs([experiment_id], wanted, page_token=token)
        # Asked here too, for what cannot be said in the filter.
        found.update(str(run.info.run_id) for run in page if tags.items() <= run.data.tags.items())
        token = page.token
        if not token:
            return found


def can_be_quoted(text: str) -> bool:
    """Whether MLflow's filter language, which knows no escapes, can say a value: one with both quotes it cannot."""
    return not ("'" in text and '"' in text)


def quoted(text: str) -> str:
    """Give a value that ``can_be_quoted`` in MLflow's filter language: in the quotes that it does not hold itself."""
    return f'"{text}"' if "'" in text else f"'{text}'"


@contextmanager
def _turn(uri: str) -> Iterator[None]:
    """Wait while another process of this machine is inside with the same store."""
    name = f"tlsearch-{hashlib.sha256(uri.encode()).hexdigest()[:16]}.lock"
    with ExitStack() as stack:
        with suppress(OSError):  # where no lock can be had, the tries have to do
            stack.enter_context(file_lock(Path(tempfile.gettempdir()) / name))
        yield
