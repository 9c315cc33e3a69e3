"""What must not change between two attempts at a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tlsearch.errors import UsageError
from tlsearch.runs.budget import TimeBudget
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.runs.identity import Identity, check_unchanged

HUB = "tlsearch-hub 0.1.0"


def test_a_plugin_with_other_settings_is_named(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, TimeBudget(limit=None), {})
    first = Identity(images=9, fingerprint="f", split="s", plugins={"vit": f"{HUB}, settings 1a"}, space="x")
    check_unchanged(first, checkpoint, tmp_path)
    check_unchanged(first, checkpoint, tmp_path)
    with pytest.raises(UsageError, match=rf"the plugin vit was {HUB}, settings 1a and is {HUB}, settings 2b since it"):
        check_unchanged(replace(first, plugins={"vit": f"{HUB}, settings 2b"}), checkpoint, tmp_path)
