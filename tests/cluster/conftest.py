"""Hosts in this process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.workers import parrot
from tests.helpers.workers.hosts_here import HostsHere


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostsHere]:
    """Room for two hosts, whose processes only repeat what they get."""
    start = subprocess.Popen

    def instead(command: list[str], **options: Any) -> Any:
        assert command == [sys.executable, "-P", "-m", "tlsearch.worker"]
        return start([sys.executable, "-c", parrot.PARROT], **options)

    monkeypatch.setattr(subprocess, "Popen", instead)
    found = HostsHere(tmp_path / "worker.log", room=2)
    yield found
    for host in found.hosts:
        host.host.close()
