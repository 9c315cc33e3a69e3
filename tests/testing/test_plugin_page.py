"""Every plugin on the pages in docs/plugins keeps its contract, and every command and name there is real."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tlsearch.cli.main import cli
from tlsearch.plugins.kinds import GROUPS, NAMES
from tlsearch.testing import check_plugin

FOLDER = Path(__file__).parents[2] / "docs" / "plugins"
STEMS = ("backbone", "augmentation", "weights", "metric", "callback", "reader", "contract", "conformance-kit", "index")
PAGE = "\n".join((FOLDER / f"{name}.md").read_text(encoding="utf-8") for name in STEMS)
BLOCKS = re.findall(r"<!-- ([^\n]*) -->\n```python\n(.*?)```", PAGE, re.DOTALL)

ALL_PLUGINS = [(mark, code) for mark, code in BLOCKS if mark.startswith("plugin: ")]
PLUGINS = [(mark, code) for mark, code in ALL_PLUGINS if mark.split()[1] in NAMES]


def test_all_pages_are_read() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} == set(STEMS)


def test_every_block_has_its_mark() -> None:
    assert len(BLOCKS) == PAGE.count("```python")
    assert [mark for mark, _ in BLOCKS if mark == "tests"] == ["tests"]


@pytest.mark.parametrize(
    ("mark", "code"),
    [
        pytest.param(mark, code, id=mark, marks=pytest.mark.networks if mark.endswith("mobilenet_v2") else ())
        for mark, code in PLUGINS
    ],
)
def test_the_plugins_keep_their_contract(mark: str, code: str) -> None:
    _, kind, name = mark.split()
    names: dict[str, Any] = {}
    exec(code, names)
    (plugin,) = (v() for v in names.values() if isinstance(v, type) and v.__dict__.get("name") == name)
    assert [result for result in check_plugin(kind, plugin) if not result.ok] == []


def test_the_tests_are_given_the_plugins() -> None:
    names: dict[str, Any] = {}
    for mark, code in BLOCKS:
        if mark == "tests" or (mark, code) in PLUGINS:
            exec(code, names)
    assert set(names) >= {"PlainNet", "Occlude", "Sketch", "TopTwoAccuracy"}
    for kind in ("PlainNet", "Occlude", "Sketch", "TopTwoAccuracy"):
        tests = f"Test{kind}"
        fixture = names[tests].plugin
        assert isinstance(fixture.__wrapped__(names[tests]()), names[kind])
        assert names[tests].checks


def test_lengths_are_as_the_titles_say() -> None:
    lengths = {mark.split()[2]: len(code.splitlines()) for mark, code in PLUGINS}
    assert lengths["plainnet"] <= 40
    assert lengths["occlude"] <= 20
    assert lengths["vgg16@sketch"] <= 20
    keras = next(code for mark, code in PLUGINS if mark == "plugin: backbone mobilenet_v2")
    assert len([line for line in keras.splitlines() if line]) <= 10


def test_the_commands_exist() -> None:
    group: Any = cli.commands["plugins"]
    used = set(re.findall(r"tlsearch plugins (\w+)", PAGE))
    assert used == {"new", "check", "list", "show"} <= set(group.commands)


def test_what_is_registered_is_what_the_page_defines() -> None:
    blocks = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]
    groups = [group for block in blocks for group in block["project"]["entry-points"].items()]
    assert set(GROUPS.values()) <= {group for group, _ in groups}
    registered = {name for _, points in groups for name in points}
    assert registered == {mark.split()[2] for mark, _ in ALL_PLUGINS}
