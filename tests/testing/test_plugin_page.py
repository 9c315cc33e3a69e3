"""Every block of Python in docs/plugins.md is run, and its plugins keep the contract."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tlsearch.cli.main import cli
from tlsearch.plugins.registry import GROUPS
from tlsearch.testing import check_augmentation, check_backbone, check_weights

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"<!-- (.*?) -->\n```python\n(.*?)```", PAGE, re.DOTALL)
PLUGINS = [(mark, code) for mark, code in BLOCKS if mark.startswith("plugin: ")]

CHECKS: dict[str, Any] = {
    "backbone": check_backbone, "augmentation": check_augmentation, "weights": check_weights,
}  # fmt: skip


def test_every_block_has_its_mark() -> None:
    assert len(BLOCKS) == PAGE.count("```python")
    assert [mark for mark, _ in BLOCKS if mark == "tests"] == ["tests"]


@pytest.mark.parametrize(("mark", "code"), PLUGINS, ids=[mark for mark, _ in PLUGINS])
def test_the_plugins_keep_their_contract(mark: str, code: str) -> None:
    _, kind, name = mark.split()
    names: dict[str, Any] = {}
    exec(code, names)
    (plugin,) = (v() for v in names.values() if isinstance(v, type) and v.__dict__.get("name") == name)
    assert [result for result in CHECKS[kind](plugin) if not result.ok] == []


def test_the_tests_are_given_the_plugins() -> None:
    names: dict[str, Any] = {}
    for _, code in BLOCKS:
        exec(code, names)
    for kind, tests in (("PlainNet", "TestPlainNet"), ("Occlude", "TestOcclude"), ("Sketch", "TestSketch")):
        fixture = names[tests].plugin
        assert isinstance(fixture.__wrapped__(names[tests]()), names[kind])
        assert names[tests].checks


def test_lengths_are_as_the_titles_say() -> None:
    lengths = {mark.split()[1]: len(code.splitlines()) for mark, code in reversed(PLUGINS)}
    assert lengths["backbone"] <= 40
    assert lengths["augmentation"] <= 20
    assert lengths["weights"] <= 20


def test_the_commands_exist() -> None:
    group: Any = cli.commands["plugins"]
    used = set(re.findall(r"tlsearch plugins (\w+)", PAGE))
    assert used == {"new", "check", "list"} <= set(group.commands)


def test_what_is_registered_is_what_the_page_defines() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    groups = tomllib.loads(text)["project"]["entry-points"]
    assert set(groups) == set(GROUPS.values())
    registered = {name for points in groups.values() for name in points}
    assert registered <= {mark.split()[2] for mark, _ in PLUGINS}
