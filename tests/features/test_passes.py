"""Counting what is asked of frozen layers: every reading, every view once in a job, and what was really computed."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.networks.tiny import Speckle, make_extractor, make_network, make_pool
from tlsearch.features.extractor import Extractor
from tlsearch.features.passes import Amount, FrozenCounts, PassCounter
from tlsearch.features.prefix import Network
from tlsearch.features.view import PLAIN, View

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

COUNT = 70
VIEW = View(policy="speckle", strength=0.5, number=1, seed=7)


@pytest.fixture(scope="module")
def network() -> Network:
    """One network for all tests."""
    return make_network()


def extractor_in(folder: Path, limit: int = 10**9) -> Extractor:
    """An extractor for 70 pictures."""
    return make_extractor(folder, make_pool(COUNT), limit, Speckle())


def share(network: Network, depth: int) -> float:
    """The share of the network's work before a cut."""
    return network.cuts[depth - 1].work / network.cuts[-1].work


def test_of_several_depths_of_a_view_the_deepest_counts() -> None:
    counter = PassCounter()
    for view, part in ((PLAIN, 0.25), (PLAIN, 1.0), (PLAIN, 0.5), (VIEW, 0.5)):
        counter.asked("net", view, 10, part)
    counter.read("net", 4, 0.5)
    counter.read("other", 3, 1.0)
    assert counter.take() == {
        "net": FrozenCounts(Amount(4, 2.0), Amount(20, 15.0), Amount()),
        "other": FrozenCounts(read=Amount(3, 3.0)),
    }
    assert counter.take() == {}


def test_what_is_stored_is_read_again_but_computed_once(tmp_path: Path, network: Network) -> None:
    extractor, label, part = extractor_in(tmp_path), network.candidate.label, share(network, 2)
    assert 0 < part < 1
    for _ in range(2):
        rows = extractor.counted(network, VIEW, 2, extractor.maps(network, VIEW, 2))
        for batch in (np.arange(32), np.arange(32, 70)):
            assert len(rows.take(batch)) == len(batch)
    counts = extractor.passes.take()[label]
    assert (counts.read.images, counts.asked.images, counts.computed.images) == (2 * COUNT, COUNT, COUNT)
    assert counts.read.passes == pytest.approx(2 * COUNT * part)
    assert counts.asked.passes == counts.computed.passes == pytest.approx(COUNT * part)
    extractor.counted(network, VIEW, 2, extractor.maps(network, VIEW, 2))  # the next job: asked, not computed
    assert extractor.passes.take()[label] == FrozenCounts(asked=Amount(COUNT, COUNT * part))


def test_from_a_stored_cut_only_the_rest_is_computed(tmp_path: Path, network: Network) -> None:
    extractor, label = extractor_in(tmp_path), network.candidate.label
    first = next(d for d, cut in enumerate(network.cuts, 1) if cut.stage_end)
    extractor.maps(network, PLAIN, first)
    extractor.passes.take()
    extractor.pooled(network, PLAIN, [len(network.cuts)])
    computed = extractor.passes.take()[label].computed
    assert astuple(computed) == pytest.approx((COUNT, COUNT * (1 - share(network, first))))


def test_what_does_not_fit_the_store_is_computed_at_every_reading(tmp_path: Path, network: Network) -> None:
    extractor = extractor_in(tmp_path, 0)
    rows = extractor.counted(network, PLAIN, 1, extractor.maps(network, PLAIN, 1))
    for _ in range(3):
        rows.take(np.arange(10))
    counts = extractor.passes.take()[network.candidate.label]
    assert counts.read == counts.computed
    assert astuple(counts.read) == pytest.approx((30, 30 * share(network, 1)))


def test_pixels_are_behind_no_frozen_layer(tmp_path: Path, network: Network) -> None:
    extractor = extractor_in(tmp_path)
    extractor.counted(network, VIEW, 0, extractor.maps(network, VIEW, 0)).take(np.arange(5))
    assert extractor.passes.take() == {}
