"""What is checked of weights that a package brings for somebody else's backbone."""

from __future__ import annotations

import tempfile
import unittest
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tlsearch.errors import PluginError
from tlsearch.plugins import registry
from tlsearch.plugins.api import Backbone, NamedWeights
from tlsearch.testing.network import are_loaded, features_of
from tlsearch.testing.outcome import Check, needs


def check_contract(plugin: NamedWeights) -> None:
    """Attributes and methods."""
    fault = registry.contract_fault("weights", plugin, getattr(plugin, "name", ""))
    assert fault is None, fault


@needs(check_contract)
def check_file(plugin: NamedWeights) -> None:
    """``file`` gives an existing file, and the same one when it is asked again."""
    with tempfile.TemporaryDirectory() as folder:
        file = plugin.file(Path(folder))
        assert isinstance(file, Path), f"file() gives {file!r}, which is no pathlib.Path"
        assert file.is_file(), f"file() gives {file}, where there is no file"
        before = file.read_bytes()
        assert plugin.file(Path(folder)).read_bytes() == before, "file() gives another content the second time"


@needs(check_file)
def check_backbone(plugin: NamedWeights) -> None:
    """The file fits the backbone, makes another network of it than random values do, and always the same."""
    name = plugin.name.partition("@")[0]
    try:
        backbone: Backbone = registry.load_plugin("backbone", name)
    except PluginError as error:
        raise unittest.SkipTest(str(error)) from error
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        features, again = (features_of(backbone, plugin.file(Path(folder))) for folder in (one, other))
        loaded = are_loaded(backbone, plugin.file(Path(one)))
    assert np.isfinite(features).all(), f"with these weights the features of {name} are not finite"
    assert loaded, f"{name} does not load them"
    assert np.array_equal(features, again), "file() writes other values in another folder"


CHECKS: Mapping[str, Check] = {
    "keeps the contract": check_contract,
    "gives a file": check_file,
    "the file fits the backbone": check_backbone,
}
