"""Where the record of a run lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlsearch.config import RunConfig
from tlsearch.pipeline.preflight import record_folder


@pytest.fixture(autouse=True)
def _nothing_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_it_lies_where_the_run_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert record_folder(RunConfig(dataset=tmp_path / "images")) == tmp_path


@pytest.mark.parametrize("inside", [".", "cat"])
def test_it_never_lies_among_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str) -> None:
    images = tmp_path / "data" / "images"
    (images / "cat").mkdir(parents=True)
    monkeypatch.chdir(images / inside)
    assert record_folder(RunConfig(dataset=images)) == tmp_path / "data"
    assert record_folder(RunConfig(dataset=images, output=tmp_path / "runs" / "one")) == tmp_path / "runs"
    assert record_folder(RunConfig(dataset=tmp_path / "other", test=images)) == tmp_path / "data"


def test_what_is_asked_for_begins_where_the_user_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert record_folder(RunConfig(dataset=tmp_path, tracking_uri="sqlite:///here.db")) == tmp_path
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///there.db")
    assert record_folder(RunConfig(dataset=tmp_path)) == tmp_path
