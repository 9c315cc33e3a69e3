"""Weights that other packages bring: they take part beside the default, and end a run only where they were named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.pipeline.made_up import backbone_facts, broken_plugin, installed, online, plugin_facts
from tests.pipeline.candidates.test_candidates import labels, no_file
from tlsearch.config import RunConfig
from tlsearch.errors import PluginError, PluginFailedError, WeightsError
from tlsearch.listeners.callback_list import CallbackList
from tlsearch.pipeline.candidates import find_candidates
from tlsearch.plugins.facts import PluginFacts
from tlsearch.plugins.registry import BrokenPlugin, PluginEntry
from tlsearch.results.schema import LeftOut


def installed_path(folder: Path) -> Path:
    """A file of weights."""
    path = installed(folder, "hed").path
    assert path is not None
    return path


def with_added(*broken: BrokenPlugin) -> PluginFacts:
    """VGG16 with published weights that are not here, and weights of another package."""
    added = PluginEntry(kind="weights", name="vgg16@hed", distribution="hed-weights", version="1.0", target="hed:Hed")
    return plugin_facts(backbone_facts("vgg16", imagenet=online("vgg16")), broken=broken, weights=[added])


def test_weights_of_another_package_take_part_beside_the_default(tmp_path: Path, asked: list[object]) -> None:
    made: list[str] = []

    def make_file(name: str) -> Path:
        made.append(name)
        return installed_path(tmp_path)

    found, left_out = find_candidates(RunConfig(dataset=tmp_path), with_added(), CallbackList(), make_file)
    assert labels(found) == ["vgg16@hed"]
    assert made == ["vgg16@hed"]
    assert [item.name for item in left_out] == ["vgg16"]
    find_candidates(RunConfig(dataset=tmp_path, weights=(f"vgg16={installed_path(tmp_path)}",), backbones=("vgg16",)),
                    with_added(), CallbackList(), make_file)  # fmt: skip
    assert made == ["vgg16@hed"]  # nothing is written for what nobody asks for


@pytest.mark.parametrize(
    ("backbones", "expected"),
    [((), ["vgg16@tuned", "vgg16@hed"]), (("vgg16",), ["vgg16@tuned"]), (("vgg16@hed",), ["vgg16@tuned", "vgg16@hed"])],
)
def test_a_file_stands_beside_weights_of_another_package(
    tmp_path: Path, file: Path, backbones: tuple[str, ...], expected: list[str]
) -> None:
    config = RunConfig(dataset=tmp_path, backbones=backbones, weights=(f"vgg16={file}",))
    found, _ = find_candidates(config, with_added(), CallbackList(), lambda name: installed_path(tmp_path))
    assert labels(found) == expected


def failing_file(name: str) -> Path:
    raise PluginFailedError(f"The weights plugin '{name}' raised OSError: torn.")


def test_weights_whose_package_fails_are_fatal_only_when_named(tmp_path: Path, asked: list[object], file: Path) -> None:
    config = RunConfig(dataset=tmp_path, weights=(f"vgg16={file}",))
    _, left_out = find_candidates(config, with_added(), CallbackList(), failing_file)
    assert [item.name for item in left_out] == ["vgg16@hed"]
    assert "its package hed-weights 1.0 fails: The weights plugin 'vgg16@hed' raised OSError" in left_out[0].reason
    with pytest.raises(PluginError, match="vgg16@hed cannot be used: its package hed-weights"):
        find_candidates(
            RunConfig(dataset=tmp_path, backbones=("vgg16@hed",)), with_added(), CallbackList(), failing_file
        )


def test_broken_weights_of_another_package_are_fatal_only_when_named(tmp_path: Path, asked: list[object]) -> None:
    torn = broken_plugin("weights", "vgg16@edges", "edges-weights", "there is no file")
    _, left_out = find_candidates(
        RunConfig(dataset=tmp_path), with_added(torn), CallbackList(), lambda name: installed_path(tmp_path)
    )
    assert LeftOut("vgg16@edges", "the plugin of edges-weights is broken: there is no file") in left_out
    with pytest.raises(PluginError, match="'vgg16@edges' of edges-weights cannot be used: there is no file"):
        find_candidates(
            RunConfig(dataset=tmp_path, backbones=("vgg16@edges",)), with_added(torn), CallbackList(), no_file
        )


def test_an_installed_file_that_is_gone_leaves_its_backbone_out(
    tmp_path: Path, plugins: PluginFacts, file: Path
) -> None:
    (tmp_path / "lite.npz").unlink()
    config = RunConfig(dataset=tmp_path, weights=(f"vgg16={file}", f"vgg19={file}"))
    found, left_out = find_candidates(config, plugins, CallbackList(), no_file)
    assert labels(found) == ["vgg16@tuned", "vgg19@tuned"]
    assert {item.name for item in left_out} == {"lite", "torn"}
    assert "reinstall the plugin" in next(item.reason for item in left_out if item.name == "lite")
    with pytest.raises(WeightsError, match="reinstall the plugin"):
        find_candidates(RunConfig(dataset=tmp_path, backbones=("lite",)), plugins, CallbackList(), no_file)
