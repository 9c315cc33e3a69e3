"""The page of the command line has every command with its options below their headings."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import click

from tlsearch.cli.main import cli
from tlsearch.cli.terminal.help import Heading

DOCS = Path(__file__).parents[2] / "docs"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGE: str = load("commands").command_pages()
OPTIONS = (DOCS / "guides" / "options.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The part of the page from a command to the next one."""
    return PAGE.partition(f" {title} {{")[2].partition("\n##")[0]


def test_every_command_has_a_section_with_all_its_options() -> None:
    for name, command in cli.commands.items():
        inner = command.commands.items() if isinstance(command, click.Group) else []
        for title, each in [(name, command), *((f"{name} {sub}", found) for sub, found in inner)]:
            text = section(f"tlsearch {title}")
            assert f"tlsearch {title}" in text
            for param in each.params:
                assert param.opts[0] in text or isinstance(param, click.Argument)


def test_the_sections_have_the_addresses_that_pages_link_to() -> None:
    for anchor in ("#tlsearch", "#tlsearch-run", "#tlsearch-plugins-new", "#tlsearch-weights-fetch"):
        assert f"{{ {anchor} data-toc-label=" in PAGE


def test_the_options_of_run_are_in_groups_here_and_in_the_guide() -> None:
    run = section("tlsearch run")
    assert [line.strip("*:") for line in run.splitlines() if line.startswith("**")] == [h.value for h in Heading]
    guide = OPTIONS.split("\n## ")[0]
    assert [line.removeprefix("### ") for line in guide.splitlines() if line.startswith("### ")] == [
        heading.value for heading in Heading
    ]
    for heading in Heading:
        named = guide.partition(f"### {heading.value}\n")[2].partition("\n### ")[0]
        here = run.partition(f"**{heading.value}:**")[2].partition("\n**")[0]
        for param in cli.commands["run"].params:
            if isinstance(param, click.Option):
                assert (f"`{param.opts[0]}" in named) == (re.search(rf"^{param.opts[0]}\b", here, re.M) is not None)
