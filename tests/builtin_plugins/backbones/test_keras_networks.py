"""The table of Keras' networks: its weights are those that Keras loads, and its work is about what they compute."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tlsearch.models.flops import Work, layer_work
from tlsearch.plugins.api import Backbone
from tlsearch.plugins.registry import find_plugins, load_plugin
from tlsearch_plugins.backbones.keras_networks import KerasNetwork

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NAMES = [e.name for e in find_plugins("backbone") if e.target.startswith("tlsearch_plugins.backbones.keras_networks")]
PAGE = (Path(__file__).parents[3] / "docs" / "guides" / "weights.md").read_text(encoding="utf-8")
SMALL = ["mobilenet_v3_large", "efficientnet_v2_b0"]


def network(name: str) -> KerasNetwork:
    found = load_plugin("backbone", name)
    assert isinstance(found, KerasNetwork)
    return found


def module_of(plugin: KerasNetwork) -> Any:
    """Keras' own module that builds a network."""
    built = getattr(keras.applications, plugin.application)
    return importlib.import_module(inspect.unwrap(built).__module__)


def test_all_of_them_are_there() -> None:
    assert len(NAMES) == 13
    assert all(isinstance(network(name), Backbone) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_those_of_keras_source(name: str) -> None:
    plugin = network(name)
    source = plugin.weights["imagenet"]
    text = inspect.getsource(module_of(plugin))
    if plugin.application.startswith("ResNet"):  # its second version takes them from where the first one does
        text += inspect.getsource(importlib.import_module("keras.src.applications.resnet"))
    assert source.file_hash is not None
    assert source.file_hash in text
    assert source.url is not None
    folder, _, file = source.url.rpartition("/")
    assert folder.rpartition("/")[2] in text
    assert source.filename is not None
    assert file == source.filename or source.filename in text
    assert "top" in file
    assert source.licence
    assert source.megabytes


class FetchedError(Exception):
    """What Keras would download."""


@pytest.mark.networks
@pytest.mark.parametrize("name", NAMES)
def test_keras_itself_would_download_the_same_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = network(name)

    def get_file(filename: str, address: str, *, file_hash: str, **options: Any) -> None:
        raise FetchedError(filename, address, file_hash)

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    with pytest.raises(FetchedError) as caught:
        getattr(keras.applications, plugin.application)(
            include_top=False, weights="imagenet", input_shape=(224, 224, 3)
        )
    source = plugin.weights["imagenet"]
    assert caught.value.args == (source.filename, source.url, source.file_hash)


def check_work(plugin: Any) -> None:
    model = plugin.build(plugin.default_image_size, None)
    work = sum((layer_work(operation) for operation in model.operations), Work()).total
    assert plugin.work == pytest.approx(work, rel=0.25)
    source = plugin.weights["imagenet"]
    assert source.megabytes is None or source.megabytes == pytest.approx(4e-6 * model.count_params(), rel=0.05)


@pytest.mark.parametrize("name", ["mobilenet_v3_large", "efficientnet_lite0", "vgg16"])
def test_work_is_about_what_a_network_computes(name: str) -> None:
    check_work(load_plugin("backbone", name))


@pytest.mark.networks
@pytest.mark.parametrize("name", sorted({e.name for e in find_plugins("backbone") if e.distribution == "tlsearch"}))
def test_work_is_about_what_every_network_computes(name: str) -> None:
    plugin = load_plugin("backbone", name)
    if not plugin.weights:
        pytest.skip("it brings no weights, so that no run chooses it by its work")
    check_work(plugin)


@pytest.mark.parametrize("name", NAMES)
def test_preprocessing_is_that_of_keras(name: str) -> None:
    plugin = network(name)
    images = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    expected = module_of(plugin).preprocess_input(images.copy())
    np.testing.assert_allclose(keras.ops.convert_to_numpy(plugin.preprocess(images)), expected, rtol=0, atol=1e-4)


def test_loading_them_loads_no_keras() -> None:
    code = "import sys, tlsearch_plugins.backbones.keras_networks as n; print(n.xception.title, 'keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Xception", "False"]


def test_the_page_has_every_network_with_its_figures() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| ([\d.]+) \| ([\d.]+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
    expected = []
    for entry in find_plugins("backbone"):
        plugin = load_plugin("backbone", entry.name) if entry.distribution == "tlsearch" else None
        if plugin is not None and plugin.weights:  # the classic networks bring none
            source = plugin.weights["imagenet"]
            size = "in the package" if source.megabytes is None else f"{source.megabytes:.0f} MB"
            facts = f"{plugin.default_image_size}", f"{plugin.work / 1e9:.1f}", f"{source.accuracy:.3f}"
            expected.append((entry.name, *facts, size, source.licence))
    assert sorted(rows) == sorted(expected)
