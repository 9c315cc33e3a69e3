"""What must not change between two attempts at a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tlsearch.errors import UsageError
from tlsearch.runs.budget import TimeBudget
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.runs.identity import Identity, check_unchanged

BEGAN = Identity(
    images=80,
    fingerprint="f",
    split="s",
    plugins={"vgg16": "tlsearch 1.0", "invert": "mine 0.1"},
    space="p",
    sources={"vgg16": "aa", "invert": "bb"},
)


def resume(folder: Path, now: Identity) -> Identity | None:
    """Begin a run and go on with it as ``now``; gives what it is known to have begun with."""
    for identity in (BEGAN, now):
        check_unchanged(identity, checkpoint_in(folder), folder)
    return checkpoint_in(folder).get(("identity",), Identity)


def checkpoint_in(folder: Path) -> Checkpoint:
    return Checkpoint(folder / "checkpoint", TimeBudget(limit=None), {})


def test_a_run_with_the_same_goes_on(tmp_path: Path) -> None:
    assert resume(tmp_path, BEGAN) == BEGAN


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"fingerprint": "g", "images": 81},
            r"the images have changed \(80 images then, 81 now\) since it began",
        ),
        ({"split": "t"}, "the images are divided differently"),
        ({"plugins": {**BEGAN.plugins, "invert": "mine 0.2"}}, "the plugin invert was mine 0.1 and is mine 0.2"),
        ({"space": "q"}, "the search space has changed"),
        ({"sources": {"vgg16": "aa", "invert": "cc"}}, "for the code of the plugin invert has changed since it began"),
        ({"sources": {"vgg16": "dd", "invert": "cc"}}, "the code of the plugins invert, vgg16 has changed since"),
    ],
)
def test_what_has_changed_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        resume(tmp_path, replace(BEGAN, **changes))


def test_of_a_plugin_whose_source_was_not_known_nothing_is_said(tmp_path: Path) -> None:
    assert resume(tmp_path, replace(BEGAN, sources={"vgg16": "aa"})) == BEGAN


HUB = "tlsearch-hub 0.1.0"


def test_a_plugin_with_other_settings_is_named(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, TimeBudget(limit=None), {})
    first = Identity(images=9, fingerprint="f", split="s", plugins={"vit": f"{HUB}, settings 1a"}, space="x")
    check_unchanged(first, checkpoint, tmp_path)
    check_unchanged(first, checkpoint, tmp_path)
    with pytest.raises(UsageError, match=rf"the plugin vit was {HUB}, settings 1a and is {HUB}, settings 2b since it"):
        check_unchanged(replace(first, plugins={"vit": f"{HUB}, settings 2b"}), checkpoint, tmp_path)
