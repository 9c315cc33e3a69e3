"""Backbones of distributions that lie in the same checkout and are not installed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tlsearch.plugins.companions import BACKBONES, not_there

PLUGINS = Path(__file__).parents[2] / "plugins"


def test_all_of_them_are_known() -> None:
    found = {}
    for file in PLUGINS.glob("*/pyproject.toml"):
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        found[project["name"]] = set(project["entry-points"]["tlsearch.backbones"])
    assert {name: set(backbones) for name, backbones in BACKBONES.items()} == found


@pytest.mark.parametrize("kind", ["backbone", "plugin"])
def test_the_distribution_that_has_it_is_named(kind: str) -> None:
    assert not_there(kind, "efficientnet_lite1", ["efficientnet_lite0"]) == (
        "The backbone 'efficientnet_lite1' is not installed: it is one of tlsearch-efficientnet-lite, so install that "
        "with `pip install ./plugins/tlsearch-efficientnet-lite` in a checkout of tlsearch."
    )


def test_what_nobody_has_is_compared_with_what_there_is() -> None:
    assert not_there("backbone", "vgg17", ["vgg16", "vgg19"]) == (
        "There is no backbone 'vgg17': did you mean 'vgg16' or 'vgg19'?"
    )
    assert not_there("metric", "efficientnet_lite1", ["accuracy"]).startswith("There is no metric 'efficientnet_lite1'")
