"""Mistakes on the command line: one sentence each, in one style, and suggestions that make sense."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tlsearch.cli.main import cli
from tlsearch.cli.terminal.mistakes import error_line


def said(*arguments: str) -> str:
    """The only line that is printed, without ``error:``."""
    result = CliRunner().invoke(cli, list(arguments), prog_name="tlsearch")
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("error: ").rstrip("\n")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "my-images").mkdir()
    (tmp_path / "a.txt").touch()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        # options
        ("run x --epoch 3", "`tlsearch run` has no option --epoch: did you mean --epochs?"),
        ("run x --epoch=3", "`tlsearch run` has no option --epoch: did you mean --epochs?"),
        ("run x -trials 3", "`tlsearch run` has no option -trials: did you mean --trials?"),
        ("run x --limit 5m", "`tlsearch run` has no option --limit: did you mean --cache-limit or --time-limit?"),
        ("run x --no-earlystop", "`tlsearch run` has no option --no-earlystop: did you mean --no-early-stop?"),
        ("run x --gpu", "`tlsearch run` has no option --gpu: did you mean --gpus-per-worker?"),
        ("run x -z", "`tlsearch run` has no option -z: `tlsearch run --help` lists them."),
        ("check x --trials 3", "`tlsearch check` has no option --trials: it is an option of `tlsearch run`."),
        ("--trials 3 run x", "`tlsearch` has no option --trials: it is an option of `tlsearch run`."),
        ("cache info --sources", "`tlsearch cache info` has no option --sources: it is an option of "
         "`tlsearch cache clear`."),
        ("plugins show x --jsn", "`tlsearch plugins show` has no option --jsn: did you mean --json?"),
        # commands
        ("rnu x", "`tlsearch` has no command 'rnu': did you mean `tlsearch run`?"),
        ("list", "`tlsearch` has no command 'list': did you mean `tlsearch plugins list` or `tlsearch weights list`?"),
        ("plugins lst", "`tlsearch plugins` has no command 'lst': did you mean `tlsearch plugins list`?"),
        ("my-images", "`tlsearch` has no command 'my-images': did you mean `tlsearch run my-images`?"),
        ("s3://bucket/pets", "`tlsearch` has no command 's3://bucket/pets': did you mean `tlsearch run "
         "s3://bucket/pets`?"),
        ("delete", "`tlsearch` has no command 'delete': `tlsearch --help` lists them."),
        # values
        ("run x --resize squish", "--resize is 'squish', but it must be one of auto, squash, pad, crop: did you mean "
         "'squash'?"),
        ("run x --resize zzz", "--resize is 'zzz', but it must be one of auto, squash, pad, crop."),
        ("predict m x --format jsn", "--format is 'jsn', but it must be one of table, csv, json, jsonl, parquet: did "
         "you mean 'json'?"),
        ("plugins new backbon mine", "KIND is 'backbon', but it must be one of backbone, augmentation, weights, "
         "metric, callback, reader: did you mean 'backbone'?"),
        ("run x --trials many", "--trials is 'many', but it must be a whole number from 1 to 100000."),
        ("run x --trials 1.5", "--trials is '1.5', but it must be a whole number from 1 to 100000."),
        ("run x --trials 0", "--trials is 0, but it must be a whole number from 1 to 100000."),
        ("check x --seed -1", "--seed is -1, but it must be a whole number from 0 to 4294967295."),
        ("predict m x --top 0", "--top is 0, but it must be a whole number of 1 or more."),
        ("run x --time-limit 5", "--time-limit is '5', but it must have a unit: write 5s, 5m or 5h."),
        ("run x --time-limit soon", "--time-limit is 'soon', but it must be a duration above 0, such as 90s, 5m or "
         "1h30m, or none."),
        ("run x --cache-limit big", "--cache-limit is 'big', but it must be a size such as 500MB or 10GB, 0 for none."),
        ("check x --max-pixels few", "--max-pixels is 'few', but it must be a number such as 200M, 1.5G or "
         "200_000_000."),
        ("run x --config my-images", "--config is 'my-images', but it must be a file that may be read."),
        ("cache info --cache-dir a.txt", "--cache-dir is 'a.txt', but it must be a folder that may be read."),
        # arguments
        ("check", "DATASET is missing: write `tlsearch check [OPTIONS] DATASET`."),
        ("predict m", "No image is named: give images, folders or addresses behind MODEL_DIR, or a list of them with "
         "--files-from."),
        ("compare", "OUTPUT_DIR is missing: write `tlsearch compare [OPTIONS] OUTPUT_DIR OUTPUT_DIR...`."),
        ("run my holiday pictures", "'holiday pictures' is too much: write `tlsearch run [OPTIONS] DATASET`, with "
         "quotes around a name that has spaces."),
        ("run x --trials", "--trials needs a value: write --trials N."),
        ("run x --refit=yes", "--refit takes no value: leave out what stands behind it."),
        # plugins
        ("plugins show vgg61", "There is no plugin 'vgg61': did you mean 'vgg16'?"),
        ("plugins show vgg61 --kind metric", "There is no metric 'vgg61': choose one of accuracy, balanced_accuracy, "
         "macro_f1, or install its plugin."),
        ("weights fetch vgg61", "There is no backbone 'vgg61': did you mean 'vgg16'?"),
        ("weights fetch vgg16@imagnet", "The backbone 'vgg16' has no weights 'imagnet': did you mean 'imagenet'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_that_says_the_fix(typed: str, sentence: str) -> None:
    assert said(*typed.split()) == sentence


def test_an_unknown_key_of_a_file_reads_the_same(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("dataset = 'x'\nepoch = 3\n")
    assert said("run", "--config", "run.toml").endswith("run.toml has the unknown key 'epoch': did you mean 'epochs'?")
    (tmp_path / "run.toml").write_text("dataset = 'x'\nresize = 'squish'\ntime_limit = '5m'\n")
    assert said("run", "--config", "run.toml") == (
        "--resize is 'squish', but it must be one of auto, squash, pad, crop: did you mean 'squash'?"
    )
    (tmp_path / "run.toml").write_text("dataset = 'x'\ntime_limit = '5'\n")
    assert said("run", "--config", "run.toml") == ("--time-limit is '5', but it must have a unit: write 5s, 5m or 5h.")


def test_no_command_speaks_in_other_words() -> None:
    """click's own messages begin with the usage and name what is like anything."""
    for name, command in cli.commands.items():
        inner = [f"{name} {sub}" for sub in command.commands] if isinstance(command, click.Group) else [name]
        for path in inner:
            line = said(*path.split(), "--zzz")
            assert line == f"`tlsearch {path}` has no option --zzz: `tlsearch {path} --help` lists them."
    for param in cli.commands["run"].params:
        if isinstance(param, click.Option) and not param.is_flag:
            assert re.match(
                rf"{param.opts[0]} needs a value: write {param.opts[0]} \S", said("run", "x", param.opts[0])
            )


def test_a_group_alone_shows_its_help() -> None:
    result = CliRunner().invoke(cli, ["plugins"], prog_name="tlsearch")
    assert result.exit_code == 2
    assert "Commands:" in result.output


@pytest.mark.parametrize(
    ("sentence", "line"),
    [
        ("the folder is empty: add images", "error: The folder is empty: add images."),
        ("nowhere does not exist: name a folder", "error: nowhere does not exist: name a folder."),  # a name stays
        ("--trials is 0: write more.", "error: --trials is 0: write more."),
        ("did you mean 'x'?", "error: did you mean 'x'?"),
    ],
)
def test_an_error_begins_with_a_capital_letter_or_a_name_and_ends(sentence: str, line: str) -> None:
    assert error_line(sentence) == line
