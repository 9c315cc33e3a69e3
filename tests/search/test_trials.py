"""Where a study is kept, and under which name."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import optuna
from made_up import LITE, VGG, make_costs, make_space

from tlsearch.search.plan import Plan
from tlsearch.search.session import Session
from tlsearch.search.space import SearchSpace
from tlsearch.search.trials import open_study


def study_name(folder: Path, space: SearchSpace, fingerprint: str = "aa", metric: str = "accuracy") -> str:
    """The name of the study of a run into ``folder``, all in one storage."""
    session: Any = SimpleNamespace(
        config=SimpleNamespace(storage=f"sqlite:///{folder.parent / 'shared.db'}"),
        output=folder,
        data=SimpleNamespace(index=SimpleNamespace(fingerprint=fingerprint), metric=metric),
    )
    study = open_study(cast("Session", session), Plan(space, make_costs(space), (), None))
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    return str(study.study_name)


def test_runs_that_share_a_storage_share_a_study_only_where_their_trials_are_comparable(tmp_path: Path) -> None:
    space = make_space()
    name = study_name(tmp_path / "a", space)
    assert study_name(tmp_path / "a", space) == name  # opened again, not an error
    assert name.startswith("a-")
    others = [
        study_name(tmp_path / "b", space),
        study_name(tmp_path / "a", make_space(LITE)),
        study_name(tmp_path / "a", make_space(LITE, VGG, steps=500)),
        study_name(tmp_path / "a", space, fingerprint="bb"),
        study_name(tmp_path / "a", space, metric="macro_f1"),
    ]
    assert len({name, *others}) == 6
