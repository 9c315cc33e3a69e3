"""A folder that a server of this machine shows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MakeDataset
from tests.helpers.servers.folder_server import Server


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def served(tmp_path: Path, make_dataset: MakeDataset) -> Path:
    """The folder that lies at the addresses of the tests."""
    make_dataset(tmp_path / "served", classes=("ash", "blue birch"), per_class=4, size=24, splits=("train", "test"))
    return tmp_path / "served"


@pytest.fixture
def server(served: Path) -> Iterator[Server]:
    with Server(served) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()
