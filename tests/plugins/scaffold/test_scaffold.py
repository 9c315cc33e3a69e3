"""A package that ``plugins new`` writes works as it is. That it installs too is seen by .ci/run."""

from __future__ import annotations

import importlib.util
import tomllib
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tlsearch.errors import UsageError
from tlsearch.plugins.kinds import NAMES, kind_named
from tlsearch.plugins.scaffold import write_package
from tlsearch.testing import check_plugin


def load(package: Path) -> Any:
    """The plugin of a package, by its entry point."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    (group,) = project["entry-points"].values()
    ((name, target),) = group.items()
    module, attribute = target.split(":")
    spec = importlib.util.spec_from_file_location(module, package / module / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    plugin = getattr(made, attribute)()
    assert plugin.name == name
    return plugin


SKIPPED = {"backbone": ["its weights are loaded"], "metric": ["a count metric scores as it says"]}
"""What a new plugin does not have, so that there is nothing to check."""

NAME = {"weights": "efficientnet_lite0@mine"}
"""What a new plugin is called; others are called "my_own"."""


@pytest.mark.parametrize("kind", NAMES)
def test_a_new_plugin_passes_every_check(kind: str, tmp_path: Path) -> None:
    name = NAME.get(kind, "my_own")
    package = write_package(kind, name, tmp_path)
    assert package.name == f"tlsearch-{name.replace('@', '-').replace('_', '-')}"
    results = check_plugin(kind, load(package))
    assert [result.name for result in results if result.status == "skipped"] == SKIPPED.get(kind, [])
    assert [result for result in results if not result.ok] == []


@pytest.mark.parametrize("kind", NAMES)
def test_a_package_is_complete_and_short(kind: str, tmp_path: Path) -> None:
    name = NAME.get(kind, "mine")
    module = name.replace("@", "_")
    package = write_package(kind, name, tmp_path)
    files = sorted(str(file.relative_to(package)) for file in package.rglob("*") if file.is_file())
    expected = [
        "README.md",
        "pyproject.toml",
        f"tests/test_{module}.py",
        f"tlsearch_{module}/__init__.py",
        f"tlsearch_{module}/py.typed",
    ]
    assert files == expected
    code = (package / f"tlsearch_{module}" / "__init__.py").read_text()
    assert len(code.splitlines()) <= 60
    assert max(map(len, code.splitlines())) <= 120
    texts = {file: (package / file).read_text() for file in files}
    assert "{{" not in "".join(texts.values())
    assert "{%" not in "".join(texts.values())
    assert f"tlsearch plugins check {name}\n" in texts["README.md"]
    assert f"tlsearch run DATASET {kind_named(kind).usage.format(name=name)}".strip() in texts["README.md"]
    compile(texts[f"tests/test_{module}.py"], "test", "exec")


@pytest.mark.parametrize("name", ["vgg16", "vgg16@", "@own", "vgg16@own@more", "vgg16@class"])
def test_weights_are_called_after_their_backbone(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="BACKBONE@WEIGHTS"):
        write_package("weights", name, tmp_path)


def test_weights_need_a_backbone_that_is_installed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no backbone 'vgg17': did you mean 'vgg16'"):
        write_package("weights", "vgg17@own", tmp_path)
    assert list(tmp_path.iterdir()) == []


class Small:
    """A backbone that is registered as an object, whose network is one convolution."""

    default_image_size = 32

    def build(self, image_size: int, weights: Path | None) -> Any:
        import keras

        inputs = keras.Input((image_size, image_size, 3))
        return keras.Model(inputs, keras.layers.Conv2D(2, 3, name="conv")(inputs))


# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("registered", [Small, Small()], ids=["class", "object"])
def test_new_weights_are_those_of_a_backbone_however_it_is_registered(
    registered: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = load(write_package("weights", "mobilenet_v3_large@own", tmp_path))
    entry = SimpleNamespace(load=lambda: registered)
    monkeypatch.setattr(metadata, "entry_points", lambda group, name: [entry] if name == "mobilenet_v3_large" else [])
    file = plugin.file(tmp_path)
    model = Small().build(32, None)
    model.load_weights(file)
    assert model.get_layer("conv").get_weights()[0].std() > 0


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_package("backbone", "mine", tmp_path / "file")
