"""Where a study is kept and under which name; the storage is checked before any work."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import optuna
import pytest

from tests.helpers.pipeline.made_up import LITE, VGG, make_space
from tlsearch.data.split import Fold
from tlsearch.errors import UsageError
from tlsearch.search.space import SearchSpace
from tlsearch.search.storage import check_storage, open_study, study_name


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////no/such/folder/study.db"])
def test_a_storage_that_cannot_be_opened_is_named(url: str) -> None:
    with pytest.raises(UsageError, match=r"^--storage .* cannot be opened .*: give the URL of a database") as caught:
        check_storage(url)
    assert url in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_password_of_a_storage_is_not_shown() -> None:
    whole = "postgresql://ann:s3cret@127.0.0.1:1/db"
    with pytest.raises(UsageError, match=r"^--storage postgresql://ann@127\.0\.0\.1:1/db cannot be opened") as caught:
        check_storage(whole)
    assert "s3cret" not in str(caught.value)
    # Without it, as in a run that is resumed, the sentence says why.
    with pytest.raises(UsageError, match=r"no password is kept: repeat the whole command, with the same --output"):
        check_storage("postgresql://ann@127.0.0.1:1/db")


def test_a_database_that_others_use_is_no_storage(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    with contextlib.closing(sqlite3.connect(file)) as database, database:  # what MLflow keeps in its databases
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('0a8213491aaa')")
    with pytest.raises(UsageError, match="are those of MLflow, or of another Optuna: name a database that is for stud"):
        check_storage(f"sqlite:///{file}")


def test_a_good_storage_is_opened(tmp_path: Path) -> None:
    check_storage(f"sqlite:///{tmp_path / 'study.db'}")
    assert (tmp_path / "study.db").exists()


def opened(
    folder: Path, space: SearchSpace, fingerprint: str = "aa", metric: str = "accuracy", folds: tuple[Fold, ...] = ()
) -> str:
    """The name of the study of a run into ``folder``, all in one storage."""
    name = study_name(folder, space, fingerprint, metric, folds)
    study = open_study(name, folder, f"sqlite:///{folder.parent / 'shared.db'}")
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    assert study.study_name == name
    return name


def test_runs_that_share_a_storage_share_a_study_only_where_their_trials_are_comparable(tmp_path: Path) -> None:
    space = make_space()
    name = opened(tmp_path / "a", space)
    assert opened(tmp_path / "a", space) == name  # opened again, not an error
    assert name.startswith("a-")
    others = [
        opened(tmp_path / "b", space),
        opened(tmp_path / "a", make_space(LITE)),
        opened(tmp_path / "a", make_space(LITE, VGG, steps=500)),
        opened(tmp_path / "a", space, fingerprint="bb"),
        opened(tmp_path / "a", space, metric="macro_f1"),
        opened(tmp_path / "a", space, folds=(Fold((0,), (1,)), Fold((1,), (0,)))),
    ]
    assert len({name, *others}) == 7


def test_without_a_storage_the_study_lies_in_the_output_folder(tmp_path: Path) -> None:
    open_study("one", tmp_path, None)
    assert optuna.get_all_study_names(f"sqlite:///{tmp_path / 'study.db'}") == ["one"]
