"""What may have been meant by a name that there is not: what is near, and nothing absurd."""

from __future__ import annotations

import csv
import io

import pytest

from tlsearch.cli.main import cli
from tlsearch.utils.texts import csv_line, either, first_line, hint, nearest

OPTIONS = [name for param in cli.commands["run"].params for name in param.opts if name.startswith("--")]
NETWORKS = ["efficientnet_lite0", "resnet50", "vgg16", "vgg19"]
METRICS = ["accuracy", "balanced_accuracy", "macro_f1"]
COMMANDS = ["run", "resume", "predict", "check", "report", "compare", "sync", "plugins", "weights", "cache"]


@pytest.mark.parametrize(
    ("typed", "known", "near"),
    [
        ("--epoch", OPTIONS, ["--epochs"]),
        ("--epcohs", OPTIONS, ["--epochs"]),
        ("--batchsize", OPTIONS, ["--batch-size"]),
        ("--batch_size", OPTIONS, ["--batch-size"]),
        ("--Seed", OPTIONS, ["--seed"]),
        ("--backbones", OPTIONS, ["--backbone"]),
        ("--time", OPTIONS, ["--time-limit"]),
        ("--limit", OPTIONS, ["--cache-limit", "--time-limit"]),
        ("--size", OPTIONS, ["--batch-size", "--image-size", "--max-size"]),
        ("--augmentation", OPTIONS, ["--augment"]),
        ("--no-refit", OPTIONS, ["--refit"]),
        ("--out", OPTIONS, ["--output"]),
        ("vgg61", NETWORKS, ["vgg16"]),
        ("vgg", NETWORKS, ["vgg16", "vgg19"]),
        ("vgg-16", NETWORKS, ["vgg16"]),
        ("ResNet50", NETWORKS, ["resnet50"]),
        ("efficientnet", NETWORKS, ["efficientnet_lite0"]),
        ("eficientnet_lite", NETWORKS, ["efficientnet_lite0"]),
        ("acuracy", METRICS, ["accuracy"]),
        ("f1", METRICS, ["macro_f1"]),
        ("f1-macro", METRICS, ["macro_f1"]),
        ("rnu", COMMANDS, ["run"]),
        ("rum", COMMANDS, ["run"]),
        ("predcit", COMMANDS, ["predict"]),
        ("plugin", COMMANDS, ["plugins"]),
    ],
)
def test_what_is_near_is_suggested(typed: str, known: list[str], near: list[str]) -> None:
    assert nearest(typed, known) == near


@pytest.mark.parametrize(
    ("typed", "known"),
    [
        *((word, OPTIONS) for word in ("--bogus", "--lr", "--verbose", "--jobs", "--optimizer", "--model")),
        *((word, OPTIONS) for word in ("--foo", "--name", "--data", "--fold", "--x", "-z", "--", "")),
        *((word, NETWORKS) for word in ("mobilenet", "inception", "densenet121", "vit", "net", "")),
        *((word, METRICS) for word in ("auc", "recall", "mae", "loss")),
        *((word, COMMANDS) for word in ("my-images", "train", "help", "x", "delete")),
    ],
)
def test_what_is_not_near_is_not_suggested(typed: str, known: list[str]) -> None:
    assert nearest(typed, known) == []


def test_no_more_than_three_are_suggested() -> None:
    assert nearest("color", [f"color_{n}" for n in range(9)]) == ["color_0", "color_1", "color_2"]


def test_the_hint_ends_a_sentence() -> None:
    assert hint("vgg17", NETWORKS, "choose another") == "did you mean 'vgg16' or 'vgg19'?"
    assert hint("zzz", NETWORKS, "choose another") == "choose another."
    assert hint("--epoch", OPTIONS, "", show=str) == "did you mean --epochs?"


def test_either() -> None:
    assert [either(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a or b", "a, b or c"]


def test_the_first_line_of_an_error_fits_into_a_sentence() -> None:
    errors = ValueError(" no such layer.\nmore"), ValueError("a"), ValueError(), OSError(" ")
    said = [first_line(error) for error in errors]
    assert said == ["no such layer", "a", "ValueError", "OSError"]


def test_a_row_of_csv_is_read_back_as_it_was_written() -> None:
    cells = ["a\rb", "c\nd", "e\r\nf", 'g"h,i', "", "ü 走", "plain"]
    line = csv_line([*cells, 1.5])
    assert line.endswith(",plain,1.5\n")
    assert list(csv.reader(io.StringIO(line + line, newline=""))) == [[*cells, "1.5"]] * 2
    assert csv_line(["a", "b"]) == "a,b\n"
