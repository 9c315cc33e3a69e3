"""Where the Optuna study is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tlsearch.data.split import Fold
from tlsearch.errors import UsageError
from tlsearch.search.space import SearchSpace
from tlsearch.utils.passwords import hide_passwords, login_fault, remember, without_password
from tlsearch.utils.sqlite_urls import is_in_memory, sqlite_fault, sqlite_url, sqlite_url_without_locks

if TYPE_CHECKING:
    import optuna


STUDY_NAME = "study.db"
"""The database in the output folder that keeps the study where no other is named."""


def study_warning(output: Path) -> str:
    """Say what is done where the file system of ``output`` has no locks for the study's database; else empty.

    Raises ``UsageError`` where it cannot hold one.
    """
    fault = sqlite_fault(output)
    if fault and (without := sqlite_fault(output, locks=False)):
        raise UsageError(
            f"{output} cannot hold the database of the study ({without}): name a folder on a local disk with --output, "
            "or a database elsewhere with --storage."
        )
    return f"{output} has no locks for SQLite ({fault}): {STUDY_NAME} is used without them" if fault else ""


def _url_of(file: Path) -> str:
    """The address of a study's database, of which the run that has the lock of the output folder is the only user."""
    return sqlite_url_without_locks(file) if sqlite_fault(file.parent) else sqlite_url(file)


def check_storage(url: str) -> None:
    """Raise ``UsageError`` where Optuna cannot keep a study at ``url``; asked before any work."""
    import optuna

    remember(url)
    if fault := login_fault(url):
        raise UsageError(f"--storage {fault}.")
    if is_in_memory(url):
        raise UsageError(f"--storage {url} is a database in memory, which no resumed run finds: name a file.")
    try:
        optuna.storages.get_storage(url)
    except Exception as error:  # SQLAlchemy, the database's driver and Optuna each raise kinds of their own
        what = hide_passwords(str(error)).strip().splitlines()
        fix = "give the URL of a database, such as sqlite:///study.db"
        if without_password(url) == url and "@" in url:
            fix = "no password is kept: repeat the whole command, with the same --output, or keep it in ~/.pgpass"
        elif "table schema" in str(error):  # Optuna and MLflow each number their tables in one of the same name
            fix = "its tables are those of MLflow, or of another Optuna: name a database that is for studies only"
        raise UsageError(
            f"--storage {without_password(url)} cannot be opened ({what[0] if what else type(error).__name__}): {fix}."
        ) from error


def study_name(output: Path, space: SearchSpace, fingerprint: str, metric: str, folds: Sequence[Fold]) -> str:
    """The name of the study of a run into ``output``.

    It holds a digest of all that makes values comparable: search space, data set, folds and metric.
    """
    parts = [(fold.train, fold.val) for fold in folds]
    comparable = f"{space.digest} {fingerprint} {metric} {parts}"
    return f"{output.name}-{hashlib.sha256(comparable.encode()).hexdigest()[:16]}"


def own_study_name(name: str, storage: str | None) -> str:
    """Give the name of a study that no other run has, in a ``storage`` that several may share; ``name`` without one.

    Folders of two runs may have the same name, and a run that begins anew has the folder of the one before.
    """
    return name if storage is None else f"{name}-{secrets.token_hex(4)}"


def open_study(name: str, output: Path, storage: str | None, *, greater_is_better: bool = True) -> optuna.Study:
    """The study with this name, in ``study.db`` in the folder ``output`` where ``storage`` names no database.

    The run is the only one that changes it.
    """
    import optuna

    from tlsearch.search.storage.write_through import WriteThroughStorage

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    direction: Literal["maximize", "minimize"] = "maximize" if greater_is_better else "minimize"
    database = optuna.storages.get_storage(storage or _url_of(output / STUDY_NAME))
    optuna.create_study(storage=database, study_name=name, direction=direction, load_if_exists=True)
    return optuna.load_study(study_name=name, storage=WriteThroughStorage(database, name))


def sign_of(study: optuna.Study) -> float:
    """1 where the study maximises its values, -1 where it minimises them."""
    return 1.0 if study.direction.name == "MAXIMIZE" else -1.0
