"""Whatever is given for an option is taken, or refused with one sentence that names the option."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tlsearch.cli.main import cli
from tlsearch.config import RunConfig
from tlsearch.errors import UsageError

TYPED = {"backbones": "backbone"}  # fields whose option has another name
TEXTS = some.text(some.characters(codec=None, exclude_categories=()), max_size=12)  # lone surrogates too
NEAR = some.sampled_from(["0", "-1", "1", "1e9", "999999999999", "inf", "nan", "", " ", "none", "a=b", "a@b", "../x"])
JUNK = some.one_of(
    some.none(), some.booleans(), some.integers(), some.floats(), TEXTS, NEAR, some.lists(TEXTS), some.just(b"bytes")
)
NAMES = [f.name for f in fields(RunConfig) if f.name != "dataset"]


@given(some.sampled_from(NAMES), JUNK)
def test_any_value_is_taken_or_named(name: str, value: Any) -> None:
    try:
        config = RunConfig(dataset=Path("images"), **{name: value})
    except UsageError as error:
        said = str(error)
        assert said.startswith(f"--{TYPED.get(name, name).replace('_', '-')} is ")
        assert " must be " in said
        assert said.endswith(".")
        assert "\n" not in said
    else:
        # What is taken can be kept, and comes back.
        assert getattr(config, name) is not None or value is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=some.sampled_from(NAMES), value=JUNK)
def test_what_is_taken_comes_back_from_its_file(tmp_path: Path, name: str, value: Any) -> None:
    try:
        config = RunConfig(dataset=Path("/images"), **{name: value})
    except UsageError:
        return
    config.to_toml(tmp_path / "run.toml")
    again = RunConfig.from_toml(tmp_path / "run.toml")
    assert not config.differences(again)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=some.one_of(some.binary(max_size=60), TEXTS.map(lambda t: t.encode(errors="replace"))))
def test_any_file_is_taken_or_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "run.toml"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"run\.toml"):
        RunConfig.from_toml(file)


def options() -> Iterator[tuple[str, str]]:
    """Every option of every command that takes a value."""
    for name, command in cli.commands.items():
        group = command.commands if isinstance(command, click.Group) else {"": command}
        for inner, leaf in group.items():
            for parameter in leaf.params:
                if isinstance(parameter, click.Option) and not parameter.is_flag:
                    yield f"{name} {inner}".strip(), parameter.opts[0]


@pytest.mark.parametrize(("command", "option"), list(options()))
def test_all_options_are_refused_in_one_style(
    command: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--seed is 'x', but it must be a whole number from 0 to 4294967295.``; what takes any text takes this one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))
    for value in ("-- no such\tvalue", ""):
        done = CliRunner().invoke(cli, [*command.split(), "no-such-folder", f"{option}={value}"], prog_name="tlsearch")
        if done.exit_code == 2 and option in done.output:
            said = " ".join(done.output.split())
            assert re.search(rf"error: {option} is .*, but it must |error: .*{option}(?! is wrong)", said), said
            assert " is wrong: " not in said


@pytest.mark.parametrize(("command", "option"), list(options()))
def test_junk_for_an_option_is_never_a_crash(
    command: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))

    @settings(max_examples=25)
    @given(some.one_of(NEAR, TEXTS.filter(lambda text: "\0" not in text)))  # which no command line can hold
    def check(value: str) -> None:
        done = CliRunner().invoke(cli, [*command.split(), "no-such-folder", option, value], prog_name="tlsearch")
        assert done.exit_code in (0, 2), (value, done.output)
        assert "unexpectedly" not in done.output, (value, done.output)

    check()
