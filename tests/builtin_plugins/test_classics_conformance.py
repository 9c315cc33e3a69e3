"""The networks of 2012 to 2014 are checked by the same kit as anybody's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builtin_plugins.test_conformance import CLASSICS, large_ones_apart
from tlsearch.plugins import registry
from tlsearch.testing import BackboneTests


class TestClassics(BackboneTests):
    # One backbone after the other, because checks in a row share its network.
    @pytest.fixture(scope="class", params=large_ones_apart(CLASSICS))
    @classmethod
    def plugin(cls, request: pytest.FixtureRequest) -> Any:
        return registry.load_plugin("backbone", request.param)
