"""The page of recipes: its commands are understood. test_vgg_facts has its table."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tlsearch.cli.main import cli

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "recipes.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^tlsearch run (.*)$", PAGE, re.MULTILINE)
FROZEN = ["all", "block4_pool", "7"]


def test_there_is_a_command_for_each_recipe() -> None:
    assert len(re.findall(r"^## \d\. ", PAGE, re.MULTILINE)) == len(COMMANDS) == len(FROZEN) == 3


@pytest.mark.parametrize(("command", "freeze"), list(zip(COMMANDS, FROZEN, strict=True)))
def test_the_command_line_takes_it(command: str, freeze: str) -> None:
    context = cli.commands["run"].make_context("run", shlex.split(command))
    assert context.params["freeze"] == freeze
    assert tuple(context.params["backbones"]) == ("vgg16",)
