"""Help in groups: every option below a heading, and no name broken."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from tlsearch.cli.main import cli
from tlsearch.cli.terminal.help import Heading, Option


def help_of(*command: str) -> str:
    """What --help prints in a terminal of 80 columns."""
    return CliRunner().invoke(cli, [*command, "--help"], prog_name="tlsearch").output


def groups(text: str) -> dict[str, list[str]]:
    """The options that stand below each heading."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if match := re.fullmatch(r"(\S.*):", line):
            found[match[1]] = []
        elif found and (option := re.match(r"  (?:-h, )?(--[a-z-]+)", line)):
            found[list(found)[-1]].append(option[1])
    return found


def test_the_options_of_run_stand_below_headings_in_the_order_in_which_a_run_needs_them() -> None:
    found = groups(help_of("run"))
    assert list(found) == [heading.value for heading in Heading]
    assert {"--train", "--test", "--exclude", "--split-column"} <= set(found["What is read"])
    assert {"--group-by", "--look-alikes", "--resize"} <= set(found["How images are used"])
    assert {"--backbone", "--augment", "--metric"} <= set(found["What is tried"])
    assert found["How long it takes"] == [
        *("--trials", "--time-limit", "--epochs", "--batch-size", "--early-stop"),
    ]
    assert found["Where it runs"] == [
        *("--workers", "--memory", "--cluster", "--cpus-per-worker", "--gpus-per-worker"),
        *("--threads", "--round-size", "--solve-apart"),
    ]
    assert found["What is recorded"] == ["--experiment", "--tracking-uri", "--storage", "--register"]
    assert found["Other options"] == ["--dry-run", "--config", "--help"]
    assert max(map(len, found.values())) <= 11


@pytest.mark.parametrize("name", list(cli.commands))
def test_no_option_is_lost_in_the_groups(name: str) -> None:
    command = cli.commands[name]
    listed = [option for options in groups(help_of(name)).values() for option in options]
    known = [p.opts[-1 if p.opts[0].startswith("-h") else 0] for p in command.params if isinstance(p, click.Option)]
    assert sorted(listed) == sorted([*known, "--help"])


def test_an_option_has_one_heading_in_every_command() -> None:
    headings: dict[str, set[Heading]] = {}
    for command in cli.commands.values():
        for param in command.params:
            if isinstance(param, Option) and param.name not in ("seed",):  # in check it is that of the split
                headings.setdefault(param.opts[0], set()).add(param.heading)
    assert {name for name, found in headings.items() if len(found) > 1} == set()


def test_few_options_are_not_grouped() -> None:
    assert list(groups(help_of("compare"))) == ["Options"]
    assert list(groups(help_of())) == ["Options", "Commands"]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_names_in_help_are_whole(width: int) -> None:
    command = cli.commands["run"]
    text = command.get_help(command.make_context("run", [], resilient_parsing=True, terminal_width=width))
    for name in ("tlsearch-runs/<dataset>-<time>", "sqlite:///mlflow.db", "class-splits", "look-alikes"):
        assert name in text
    assert re.findall(r"\w-\n", text) == []
    too_long = [line.strip() for line in text.splitlines() if len(line) > width]
    assert [line for line in too_long if " " in line.removeprefix("--layout ")] == []  # but for a list of choices
