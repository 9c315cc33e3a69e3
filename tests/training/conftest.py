"""The small network."""

from __future__ import annotations

import pytest

from tests.helpers.networks.tiny import make_network
from tlsearch.features.prefix import Network


@pytest.fixture(scope="module")
def network() -> Network:
    """One network for all tests."""
    return make_network()
