"""Where a plugin comes from."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tlsearch.plugins import provenance as module
from tlsearch.plugins.load_status import last_known, load_and_remember
from tlsearch.plugins.provenance import plugin_digest, provenance
from tlsearch.plugins.registry import contract_fault, find_plugins, load_plugin


def test_provenance_is_distribution_and_version() -> None:
    (entry,) = [e for e in find_plugins("augmentation") if e.name == "flip"]
    assert provenance("augmentation", "flip") == f"{entry.distribution} {entry.version}"
    assert provenance("backbone", "small_cnn") == "tlsearch"


KINDS = """
class Kind:
    api_version = 1
    def __init__(self, name, distance):
        self.name, self.distance = name, distance
    def render(self, images, strength, rng):
        return images
near = Kind("near", 1)
"""


OBJECT = "from kinds import Kind\nfar = Kind('far', 9)\n"
DERIVED = "from kinds import Kind\nclass far(Kind):\n name = 'far'\n def __init__(self): pass\n"


@pytest.mark.parametrize("code", [OBJECT, DERIVED])
def test_an_object_is_told_apart_by_the_module_that_says_it(
    install: Callable[..., None], tmp_path: Path, code: str
) -> None:
    """Its class may be of another package, where nothing of it stands; or be derived from one there."""
    install("kinds", KINDS, near="near")
    install("far-plugin", code, far="far")
    plugin = load_plugin("augmentation", "far")

    def digest() -> str:
        module._source_digest.cache_clear()
        return plugin_digest(plugin)

    seen = [digest(), digest()]
    for name in ("kinds.py", "far_plugin.py"):
        with (tmp_path / "site" / name).open("a") as file:
            file.write("# edited\n")
        seen.append(digest())
    assert len(set(seen)) == 3
    assert seen[0] == seen[1]


TABLED = """
from pathlib import Path
class Kind:
    api_version = 1
    name = "near"
    settings_id = ""
    def render(self, images, strength, rng):
        return images
near = Kind()
"""


@pytest.fixture
def tabled(install: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with a table of numbers in a folder of its own."""
    monkeypatch.delitem(sys.modules, "tabled", raising=False)
    install("tabled-plugin", "", near="near")
    package = tmp_path / "site" / "tabled"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text(TABLED)
    (package / "data" / "means.json").write_text("[1, 2, 3]")
    points = tmp_path / "site" / "tabled_plugin-2.5.dist-info" / "entry_points.txt"
    points.write_text("[tlsearch.augmentations]\nnear = tabled:near\n")
    return package


def test_a_plugin_is_told_apart_by_the_numbers_in_its_package(tabled: Path) -> None:
    plugin = load_plugin("augmentation", "near")

    def digest() -> str:
        module._source_digest.cache_clear()
        return plugin_digest(plugin)

    before = digest()
    (tabled / "__pycache__").mkdir(exist_ok=True)
    for passing in ("__pycache__/odd.pyc", ".means.json.swp"):
        (tabled / passing).write_text("what an editor or Python leaves")
    assert digest() == before
    (tabled / "data" / "means.json").write_text("[1, 2, 4]")
    assert digest() != before


def test_a_plugin_is_told_apart_by_what_it_says_of_its_settings(tabled: Path) -> None:
    plugin = load_plugin("augmentation", "near")
    seen = set()
    for text in ("", "scale 1", "scale 2"):
        plugin.settings_id = text
        seen.add(plugin_digest(plugin))
    assert len(seen) == 3
    plugin.settings_id = 3
    fault = contract_fault("augmentation", plugin, "near")
    assert fault == "its settings_id is of the type int, not a string"


def test_what_is_known_of_a_plugin_ends_where_its_numbers_change(
    tabled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))
    (entry,) = [found for found in find_plugins("augmentation") if found.name == "near"]
    load_and_remember(entry)
    assert last_known([entry])[entry].status == "loads"
    (tabled / "data" / "means.json").write_text("[1, 2, 4]")
    assert last_known([entry])[entry].status == "not loaded yet"


def test_what_is_known_of_a_plugin_ends_where_any_file_of_its_package_changes(
    install: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))
    package = tmp_path / "site" / "wide"
    install("wide-plugin", "", near="near")
    (package / "kinds").mkdir(parents=True)
    for file in ("__init__.py", "helper.py", "kinds/__init__.py"):
        (package / file).write_text("")
    (package / "kinds" / "far.py").write_text(KINDS)
    points = tmp_path / "site" / "wide_plugin-2.5.dist-info" / "entry_points.txt"
    points.write_text("[tlsearch.augmentations]\nnear = wide.kinds.far:near\n")
    (entry,) = [found for found in find_plugins("augmentation") if found.name == "near"]
    load_and_remember(entry)
    assert last_known([entry])[entry].status == "loads"
    (package / "helper.py").write_text("# edited")
    assert last_known([entry])[entry].status == "not loaded yet"
