"""Every kind is known through its descriptor alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tlsearch import testing
from tlsearch.plugins.guard import Guarded
from tlsearch.plugins.kinds import GROUPS, NAMES, kind_named
from tlsearch.plugins.registry import contract_fault, find_plugins
from tlsearch.plugins.scaffold import TEMPLATES

PAGES = Path(__file__).parents[3] / "docs" / "plugins"


class Nothing:
    """A plugin without any method."""

    api_version = 1
    name = "nothing"


def test_names_and_groups_are_those_of_the_descriptors() -> None:
    kinds = [kind_named(name) for name in NAMES]
    assert {kind.name: kind.group for kind in kinds} == GROUPS
    assert len(set(GROUPS.values())) == len(NAMES)
    assert kind_named("augmentation").methods == ("render",)
    assert kind_named("backbone").methods == ("build", "cut_points", "preprocess")


@pytest.mark.parametrize("name", NAMES)
def test_a_kind_is_known_everywhere(name: str) -> None:
    kind = kind_named(name)
    assert f"no method {' or '.join(kind.methods)}" in str(contract_fault(name, Nothing(), "nothing"))
    assert next(iter(kind.load_checks())) == "keeps the contract"
    assert (TEMPLATES / name / "plugin.py.j2").is_file()
    tests: Any = getattr(testing, f"{name.capitalize()}Tests")
    assert (tests.kind, list(tests.checks)) == (name, list(kind.load_checks()))
    assert getattr(testing, f"check_{name}")(Nothing())[0].status == "failed"
    assert {entry.kind for entry in find_plugins(name)} <= {name}


@pytest.mark.parametrize("name", NAMES)
def test_the_pages_tell_of_every_kind(name: str) -> None:
    kind = kind_named(name)
    row = f"| [{name}]({name}.md) | `{kind.group}` | {kind.summary} |"
    assert row in (PAGES / "index.md").read_text(encoding="utf-8")
    assert (PAGES / f"{name}.md").is_file()


def test_a_kind_without_a_guard_of_its_own_gets_the_common_one() -> None:
    assert [name for name in NAMES if kind_named(name).wrap is None][:1] == ["weights"]
    guarded = Guarded("weights", Nothing(), kind_named("weights").methods)
    assert guarded.name == "nothing"


def test_what_is_no_kind_has_no_tests() -> None:
    with pytest.raises(AttributeError, match="NetworkTests"):
        _ = testing.NetworkTests
