"""A run that does not come to its end: what its record says."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import tlsearch.pipeline.run as module
from tlsearch.config import RunConfig
from tlsearch.errors import RunError


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (RunError("No trial was completed."), "FAILED", "No trial was completed."),
        (MemoryError(), "FAILED", "MemoryError"),
        (KeyboardInterrupt(), "KILLED", ""),
    ],
)
def test_the_record_says_why(monkeypatch: pytest.MonkeyPatch, error: BaseException, status: str, reason: str) -> None:
    told: list[tuple[str, str, str]] = []

    def finish(run_id: str, state: str, reason: str) -> None:
        told.append((run_id, state, reason))

    def spend(*_: object) -> None:
        raise error

    context = SimpleNamespace(tracker=SimpleNamespace(finish=finish), parent_run="parent")
    monkeypatch.setattr(module, "_prepare", lambda *_: (context, None))
    monkeypatch.setattr(module, "check_unchanged", lambda *_: None)
    monkeypatch.setattr(module, "_spend", spend)
    worker: Any = SimpleNamespace(start=lambda: None)
    nothing: Any = None
    with pytest.raises(type(error)):
        module._run(RunConfig(Path("images")), nothing, worker, nothing, nothing)
    assert told == [("parent", status, reason)]
