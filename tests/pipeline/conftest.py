"""Steps of a run, on a machine that does nothing else: what the tests expect does not hang on what else it does."""

from __future__ import annotations

import pytest

from tlsearch.utils import machine


@pytest.fixture(autouse=True)
def _idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "contention", lambda: 1.0)
