"""The tiny network, installed as a plugin and measured."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.networks import tiny_source
from tests.helpers.workers.handling import SIZE, opened
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.plugins import registry
from tlsearch.types import Candidate
from tlsearch.worker.protocol import MeasureCandidate


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The distribution ``tiny-backbone`` on the path, whose network is built at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_cache", {})
        patch.syspath_prepend(site := tiny_source.install(tmp_path_factory.mktemp("site")))
        yield site
        sys.modules.pop("tiny_backbone", None)


@pytest.fixture(scope="module")
def candidate(site: Path) -> Candidate:
    """The tiny network, as it was asked for."""
    return Candidate(
        backbone="tiny",
        weights="random",
        weights_file=str(site / "tiny.npz"),
        weights_id="id",
        image_size=SIZE,
        depth=0,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder with one store for all tests."""
    return tmp_path_factory.mktemp("jobs")


@pytest.fixture(scope="module")
def facts(folder: Path, candidate: Candidate) -> MeasuredCandidate:
    """The tiny network as it was measured."""
    return opened(folder).send(MeasureCandidate(candidate=candidate, train_at=0.8))
