"""Plugins with and without weights, on a machine that reaches no host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.pipeline.made_up import backbone_facts, broken_plugin, installed, online, plugin_facts
from tlsearch.plugins import weights
from tlsearch.plugins.facts import PluginFacts


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in Keras' cache, and no weights folder."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("TLSEARCH_WEIGHTS_DIR", raising=False)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """No host can be reached; which hosts were asked."""
    hosts: list[tuple[str, ...]] = []

    def reachable(names: tuple[str, ...], timeout: float = 5.0) -> bool:
        hosts.append(names)
        return False

    monkeypatch.setattr(weights, "reachable", reachable)
    return hosts


@pytest.fixture
def plugins(tmp_path: Path) -> PluginFacts:
    return plugin_facts(
        backbone_facts("lite", imagenet=installed(tmp_path, "lite")),
        backbone_facts("vgg16", imagenet=online("vgg16"), places=online("vgg16_places")),
        backbone_facts("vgg19", imagenet=online("vgg19")),
        backbone_facts("bare"),
        broken=(broken_plugin("backbone", "torn", "torn-plugins", "No module named 'zzz'"),),
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tuned.weights.h5"
    path.write_bytes(b"tuned")
    return path
