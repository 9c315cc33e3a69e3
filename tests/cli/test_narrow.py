"""What commands print in a terminal of 80 columns: every name of a network, class, file or folder is whole."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from rich.console import Console
from rich.text import Text

from tlsearch.cli.console import ConsoleReporter
from tlsearch.cli.main import cli
from tlsearch.cli.summary import print_summary
from tlsearch.predictor import Prediction
from tlsearch.results.result import RunResult, write_result

WIDTH = 80
CLASS = "an_insect_whose_name_is_so_long_that_it_fills_most_of_a_line_by_itself"
NETWORK = "a_company_wide_backbone_with_many_words@weights_of_the_third_attempt"


@pytest.fixture(autouse=True)
def _terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 columns without colours, as far as rich can tell."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))


def shown(*arguments: object) -> list[str]:
    """The lines that a command prints."""
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="tlsearch")
    assert result.exit_code == 0, result.output
    return [line.rstrip() for line in Text.from_ansi(result.stdout).plain.splitlines()]


def assert_whole(lines: Iterable[str], *names: str) -> None:
    """Each name stands in one line, and no line is too long but for one name alone."""
    lines = list(lines)
    for name in names:
        assert any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", line) for line in lines), (name, lines)
    assert [line for line in lines if len(line) > WIDTH and line.strip() not in names] == []


def test_a_run_says_the_names_of_networks_and_classes_whole() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=WIDTH, color_system=None, highlight=False)
    with ConsoleReporter(console) as reporter:
        reporter.say("plan", f"vgg16@imagenet at 224 px   {NETWORK} at 160 px")
        reporter.warn(f"the class {CLASS} has 7 images")
        reporter.say("search", f"best 0.912  {NETWORK} freeze 6/18 linear head standard 0.50")
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert_whole(lines, f"{NETWORK}", CLASS)
    assert all(line.startswith(("plan", "note", "search", "          ")) for line in lines)


def test_the_table_of_scores(sample: RunResult) -> None:
    for label in (sample.winner.label, f"{NETWORK} freeze 6/18 linear head"):
        console = Console(file=io.StringIO(), force_terminal=True, width=WIDTH, color_system=None, highlight=False)
        print_summary(console, replace(sample, winner=replace(sample.winner, label=label)))
        assert isinstance(console.file, io.StringIO)
        lines = console.file.getvalue().splitlines()
        table = lines[: next(number for number, line in enumerate(lines) if "winner confirmed on" in line)]
        assert_whole(table, label.split()[0], "efficientnet_lite0", "small_cnn", "[0.869 0.929]")
        (winner,) = [line for line in table if line.startswith("winner")]
        assert winner.split()[1:] == ["0.912", "0.905", "0.903", "[0.869", "0.929]"]


def test_check_names_classes_and_files(make_dataset: Callable[..., Path], tmp_path: Path) -> None:
    root = make_dataset(tmp_path, classes=("hat", CLASS), per_class=20, size=40)
    broken = "photographs of the second week/IMG 0001 with a blue sky and a few clouds in it.jpg"
    (root / "hat" / broken).parent.mkdir()
    (root / "hat" / broken).write_bytes(b"\xff\xd8\xff")
    lines = shown("check", root)
    assert_whole(lines, CLASS, "hat/photographs of the second week/", f"{broken.rpartition('/')[2]}:")
    counts = lines[lines.index(CLASS) + 1]
    assert sum(map(int, counts.split())) == 20
    (hat,) = [line for line in lines if re.fullmatch(r"hat( +\d+){3}", line)]
    assert len(hat) == len(counts)  # the figures stand below each other


def test_predict_names_files_and_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"/home/ada/photographs/of the trip/{number}-{'e' * 30}.jpg" for number in range(3)]
    found = [
        Prediction(name=name, path=Path(name), label=label, probability=0.9, top=((label, 0.9),))
        for name, label in zip(names, ("hat", "t-shirt", "long sleeve"), strict=True)
    ]
    predictor = SimpleNamespace(
        stream=lambda *_, **__: (each for each in found),
        applied_coverage=lambda coverage: None,
        temperature=None,
        conformal=None,
        reference=None,
    )
    monkeypatch.setattr("tlsearch.predictor.load", lambda *_: predictor)
    lines = shown("predict", "model", "photos")
    assert_whole(lines, *(Path(name).name for name in names), "t-shirt", "long sleeve")
    found[1] = replace(found[1], label=CLASS, top=((CLASS, 0.9),))
    assert_whole(shown("predict", "model", "photos"), *(Path(name).name for name in names), CLASS)


def test_weights_list_names_networks_and_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("TLSEARCH_WEIGHTS_DIR", raising=False)
    names = [f"{name}@imagenet" for name in ("efficientnet_lite0", "resnet50", "vgg16", "vgg19")]
    assert_whole(shown("weights", "list"), *names, "efficientnet_lite0.npz")


def test_plugins_list_and_show(install: Callable[..., None]) -> None:
    install("a-package-with-quite-a-long-name", "raise RuntimeError('there is no card of this kind here')", torn="Torn")
    assert shown("plugins", "show", "torn")
    lines = shown("plugins", "list")
    assert_whole(lines, "efficientnet_lite0", "balanced_accuracy", "a-package-with-quite-a-long-name 2.5", "torn")
    assert_whole(
        shown("plugins", "show", "efficientnet_lite0"),
        "efficientnet_lite0.npz",
        "tlsearch_plugins.backbones.efficientnet_lite:EfficientNetLite0",
        "block15_project_bn",
        "stage end",
        "licence Apache-2.0 (The TensorFlow Authors)",
    )


@pytest.mark.parametrize(
    ("names", "headings"),
    [
        (["one", "two"], ["one", "two"]),
        (["runs/clothing-20261122-1000", "runs/clothing-20261122-1115"], ["clothing-20261122-1000"]),
        (["one", f"a-run-{'of-many-words-' * 3}indeed"], ["run 1", "run 2"]),
    ],
)
def test_compare_names_runs(sample: RunResult, names: list[str], headings: list[str]) -> None:
    for name in names:
        write_result(replace(sample, predictions=None), Path(name))
    lines = shown("compare", *names)
    assert_whole(lines, *(Path(name).name for name in names), "efficientnet_lite0", "[+0.249 +0.353]")
    head = "\n".join(lines[: lines.index("winner")])
    assert all(heading in head for heading in headings)
    if headings[0] == "run 1":
        assert [f"run 1  {names[0]}", f"run 2  {names[1]}"] == [line for line in lines if line.startswith("run ")]


def test_what_a_program_reads_is_not_broken(
    make_dataset: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TTY_COMPATIBLE")
    root = make_dataset(tmp_path, classes=("hat", CLASS), per_class=20, size=40)
    (root / "hat" / f"{'f' * 90} of.jpg").write_bytes(b"\xff\xd8\xff")
    lines = shown("check", root)
    assert any(f"hat/{'f' * 90} of.jpg" in line for line in lines)
    assert any(re.fullmatch(rf"{CLASS}( +\d+){{3}}", line) for line in lines)
