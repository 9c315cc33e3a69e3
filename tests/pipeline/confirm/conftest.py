"""A confirmation whose scores are made up."""

from __future__ import annotations

import pytest

from tests.helpers.pipeline.confirming import Confirming


@pytest.fixture
def confirming(monkeypatch: pytest.MonkeyPatch) -> Confirming:
    return Confirming(monkeypatch)
