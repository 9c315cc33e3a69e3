"""The contract, checked by tlsearch's own kit on tiny presets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlsearch.testing import check_backbone
from tlsearch_hub.any_preset import _network_of
from tlsearch_hub.presets import Preset


@pytest.mark.parametrize("name", ["vit", "vit_without_class", "deit", "dinov2_registers", "resnet"])
def test_the_contract(name: str, saved: Callable[[str], Path]) -> None:
    plugin: Any = _network_of(Preset(saved(name)))
    results = check_backbone(plugin)
    assert [result for result in results if result.status != "passed"] == []
