"""A package that ``plugins new`` writes works as it is. That it installs too is seen by .ci/run."""

from __future__ import annotations

import importlib
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tlsearch.errors import UsageError
from tlsearch.plugins.scaffold import write_package
from tlsearch.testing import check_augmentation, check_backbone


def load(package: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The plugin of a package, by its entry point."""
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    (group,) = project["entry-points"].values()
    ((name, target),) = group.items()
    module, attribute = target.split(":")
    monkeypatch.syspath_prepend(str(package))
    monkeypatch.delitem(sys.modules, module, raising=False)
    plugin = getattr(importlib.import_module(module), attribute)()
    assert plugin.name == name
    return plugin


def test_a_new_backbone_passes_every_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = write_package("backbone", "my_net", tmp_path)
    results = check_backbone(load(package, monkeypatch))
    assert [result for result in results if not result.ok] == []
    assert package.name == "tlsearch-my-net"


def test_a_new_augmentation_passes_every_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = write_package("augmentation", "noise", tmp_path)
    results = check_augmentation(load(package, monkeypatch))
    assert [result for result in results if result.status != "passed"] == []


@pytest.mark.parametrize("kind", ["backbone", "augmentation"])
def test_a_package_is_complete_and_short(kind: str, tmp_path: Path) -> None:
    package = write_package(kind, "mine", tmp_path)
    files = sorted(str(file.relative_to(package)) for file in package.rglob("*") if file.is_file())
    expected = [
        "README.md",
        "pyproject.toml",
        "tests/test_mine.py",
        "tlsearch_mine/__init__.py",
        "tlsearch_mine/py.typed",
    ]
    assert files == expected
    module = (package / "tlsearch_mine" / "__init__.py").read_text()
    assert len(module.splitlines()) <= 60
    assert max(map(len, module.splitlines())) <= 120
    assert "{{" not in "".join((package / file).read_text() for file in files)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_package("backbone", "mine", tmp_path / "file")
