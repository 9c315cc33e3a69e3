"""``tlsearch run`` through the front door: what reaches the search, how a run ends, and the table that it prints."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console

from tests.helpers.runs.small_run import tlsearch
from tlsearch.cli import summary
from tlsearch.cli.summary import print_summary
from tlsearch.config import RunConfig
from tlsearch.errors import DataError, Interrupted, RunError
from tlsearch.reporter import Reporter
from tlsearch.results.result import RunResult

Search = Callable[[RunConfig, Reporter], Any]


def print_where_there_is_one(console: Console, result: RunResult | None) -> None:
    """A stand-in for a search may find nothing."""
    if result is not None:
        print_summary(console, result)


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Callable[[Search], list[RunConfig]]:
    """Puts a function in the place of the search; gives the list of configurations that it was called with."""

    def replace(stand_in: Search) -> list[RunConfig]:
        seen: list[RunConfig] = []

        def run(config: RunConfig, reporter: Reporter) -> Any:
            seen.append(config)
            return stand_in(config, reporter)

        module = ModuleType("tlsearch.pipeline.run")
        vars(module).update(run=run, plan=run)
        monkeypatch.setitem(sys.modules, "tlsearch.pipeline.run", module)
        monkeypatch.setattr(summary, "print_summary", print_where_there_is_one)
        return seen

    return replace


def raising(error: BaseException) -> Search:
    def run(config: RunConfig, reporter: Reporter) -> Any:
        raise error

    return run


def test_defaults(search: Callable[[Search], list[RunConfig]]) -> None:
    seen = search(lambda config, reporter: None)
    assert tlsearch("run", "data").exit_code == 0
    assert seen == [RunConfig(dataset=Path("data"))]


def test_options_reach_the_configuration(search: Callable[[Search], list[RunConfig]]) -> None:
    seen = search(lambda config, reporter: None)
    arguments = (
        "run data --test new --group-by p[0-9] --backbone vgg16 --backbone resnet50@mine --weights vgg16@x=w.h5 "
        "--augment flip --freeze block4_pool --trials 3 "
        "--time-limit 1h30m --epochs 2 --batch-size 8 --image-size 64 --metric macro_f1 --seed 0 --output out "
        "--experiment e --tracking-uri sqlite:///x.db --storage sqlite:///s.db --cache-dir c --cache-limit 2GB "
        "--baseline none --refit --no-early-stop"
    )
    result = tlsearch(*arguments.split())
    assert result.exit_code == 0, result.output
    assert seen == [
        RunConfig(
            dataset=Path("data"), test=Path("new"), group_by="p[0-9]", backbones=("vgg16", "resnet50@mine"),
            weights=("vgg16@x=w.h5",), augment=("flip",), freeze="block4_pool", trials=3, time_limit=5400.0,
            epochs=2, batch_size=8, image_size=64, metric="macro_f1", seed=0, output=Path("out"), experiment="e",
            tracking_uri="sqlite:///x.db", storage="sqlite:///s.db", cache_dir=Path("c"), cache_limit=2 * 10**9,
            baseline="none", refit=True, early_stop=False,
        )
    ]  # fmt: skip


def test_a_dry_run_asks_for_the_plan_only(search: Callable[[Search], list[RunConfig]]) -> None:
    seen = search(lambda config, reporter: None)
    planned: list[RunConfig] = []
    vars(sys.modules["tlsearch.pipeline.run"])["plan"] = lambda config, reporter: planned.append(config)
    assert tlsearch("run", "data", "--dry-run").exit_code == 0
    assert (seen, planned) == ([], [RunConfig(dataset=Path("data"))])


def test_option_goes_before_config_goes_before_default(
    search: Callable[[Search], list[RunConfig]], tmp_path: Path
) -> None:
    seen = search(lambda config, reporter: None)
    RunConfig(dataset=Path("data"), seed=7, trials=5, augment=("flip",), refit=True).to_toml(tmp_path / "run.toml")
    assert tlsearch("run", "--config", "run.toml", "--seed", "0", "--time-limit", "none").exit_code == 0
    assert (seen[0].seed, seen[0].trials, seen[0].augment, seen[0].refit) == (0, 5, ("flip",), True)
    assert seen[0].dataset == tmp_path / "data"
    assert seen[0].effective_time_limit is None
    assert seen[0].batch_size == 32
    assert tlsearch("run", "other", "--config", "run.toml").exit_code == 0
    assert seen[1].dataset == Path("other")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "No data set is named"),
        (["check", ""], "DATASET is '', but it must be a path"),
        (["check", "a\0b"], "DATASET is 'a\\x00b', but it must be a path"),
        (["run", ""], "DATASET is '', but it must be a path"),
        (["run", "data", "--test", ""], "--test is '', but it must be a path"),
        (["run", "data", "--trials", "0"], "--trials is 0, but it must be a whole number from 1"),
        (["run", "data", "--trials", "x"], "--trials is 'x', but it must be a whole number from 1 to 100000."),
        (["run", "data", "--time-limit", "soon"], "--time-limit is 'soon', but it must be a duration above 0"),
        (["run", "data", "--cache-limit", "big"], "--cache-limit is 'big', but it must be a size"),
        (["run", "data", "--metric", "my auc"], "the name of an installed metric"),
        (["run", "data", "--bogus"], "`tlsearch run` has no option --bogus"),
        (["run", "--config", "nowhere.toml"], "No such file"),
    ],
)
def test_a_bad_request_is_a_sentence_and_exit_code_2(
    search: Callable[[Search], list[RunConfig]], arguments: list[str], message: str
) -> None:
    seen = search(lambda config, reporter: None)
    result = tlsearch(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert seen == []


def test_a_folder_that_holds_a_run_is_refused(search: Callable[[Search], list[RunConfig]], tmp_path: Path) -> None:
    seen = search(lambda config, reporter: None)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "result.json").touch()
    result = tlsearch("run", "data", "--output", "out")
    assert (result.exit_code, seen) == (2, [])
    assert result.stderr.startswith("error: --output out already holds a run")


@pytest.mark.parametrize("arguments", [["run", "data", "--output", "data/out"], ["run", "."]])
def test_results_are_not_written_among_the_images(
    search: Callable[[Search], list[RunConfig]], arguments: list[str]
) -> None:
    seen = search(lambda config, reporter: None)
    result = tlsearch(*arguments)
    assert (result.exit_code, seen) == (2, [])
    assert result.stderr == (
        f"error: The results would be written into {arguments[1]}, where the images are: name a folder elsewhere with "
        "--output.\n"
    )


@pytest.mark.parametrize(
    ("error", "code"), [(DataError("the folder is empty; add images"), 2), (RunError("it failed; run again"), 1)]
)
def test_an_expected_error_is_its_sentence(
    search: Callable[[Search], list[RunConfig]], error: Exception, code: int
) -> None:
    search(raising(error))
    result = tlsearch("run", "data")
    assert result.exit_code == code
    assert result.stderr == f"error: {str(error)[0].upper()}{str(error)[1:]}.\n"
    assert result.stdout == ""


def test_an_interruption_is_130(search: Callable[[Search], list[RunConfig]]) -> None:
    search(raising(Interrupted(Path("my out"))))
    result = tlsearch("run", "data")
    assert result.exit_code == 130
    assert result.stderr == (
        "error: interrupted; what was found out is kept, and the run goes on with: tlsearch resume 'my out'\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_second_interruption_ends_at_once(number: signal.Signals) -> None:
    code = (
        "import signal\nfrom tlsearch.utils.signals import interruptible\n"
        f"with interruptible(program=True):\n    try:\n        signal.raise_signal({number.value})\n"
        "    except KeyboardInterrupt:\n        print('closing', flush=True)\n"
        f"        signal.raise_signal({number.value})\n        print('closed', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-number, "closing\n")


LEAVING = """
import atexit, sys, threading, time
import click
from tlsearch.cli.main import cli, main

class Library:
    def __del__(self):
        print("taken apart", flush=True)

sys.modules["library"] = library = Library()

def end():
    atexit.register(lambda: print("at the exit"))
    threading.Thread(target=lambda: (time.sleep(0.3), print("thread"))).start()
    {what}

cli.add_command(click.Command("end", callback=end))
main(["end"])
"""


@pytest.mark.parametrize(
    ("what", "code", "printed"),
    [
        ("raise KeyboardInterrupt", 130, ["thread", "at the exit"]),
        ("raise SystemExit(3)", 3, ["thread", "at the exit", "taken apart"]),
    ],
)
def test_an_interrupted_process_keeps_all_that_ends_by_itself_and_takes_no_library_apart(
    what: str, code: int, printed: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEAVING.format(what=what)], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout.split("\n")[:-1]) == (code, printed)
    assert done.stderr == ("error: interrupted.\n" if code == 130 else "")


def test_what_cannot_go_on_is_told(tmp_path: Path) -> None:
    result = tlsearch("resume", "nowhere")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: nowhere holds no run that could go on (there is no run.toml): name its output folder.\n"
    )


@pytest.mark.parametrize("output", [None, "out"])
def test_an_unexpected_error_is_a_sentence_and_a_file(
    search: Callable[[Search], list[RunConfig]], tmp_path: Path, output: str | None
) -> None:
    search(raising(ZeroDivisionError("by zero\nmore")))
    if output:
        (tmp_path / output).mkdir()
    result = tlsearch("run", "data", *(["--output", output] if output else []))
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    sentence, _, file = result.stderr.rstrip(".\n").partition("; the details are in ")
    assert sentence == "error: tlsearch failed unexpectedly (ZeroDivisionError: by zero)"
    text = Path(file).read_text()
    assert "Traceback" in text
    assert "by zero\nmore" in text
    assert (Path(file).parent == tmp_path / "out") is (output is not None)
    Path(file).unlink()


def test_a_run_ends_with_its_table(search: Callable[[Search], list[RunConfig]], sample: RunResult) -> None:
    def run(config: RunConfig, reporter: Reporter) -> RunResult:
        reporter.say("data", "4 classes")
        reporter.progress("search", 1, 2, "never seen")
        return sample

    search(run)
    result = tlsearch("run", "data")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines() if line.strip()]
    assert lines[0] == ["data", "4", "classes"]
    assert "never seen" not in result.stdout
    assert "\x1b" not in result.stdout
    rows = {" ".join(line[:2]): line for line in lines}
    assert rows["winner 0.912"] == ["winner", "0.912", "0.905", "0.903", "[0.869", "0.929]"]
    assert rows["linear probe"] == ["linear", "probe", "0.876", "0.868", "0.860", "[0.821", "0.892]"]
    assert rows["from scratch"] == ["from", "scratch", "0.613", "0.598", "0.602", "[0.551", "0.650]"]
    assert rows["also from"] == ["also", "from", "scratch", "0.571", "none", "0.566", "[0.515", "0.615]"]
    assert lines.index(["small_cnn"]) == lines.index(rows["from scratch"]) + 1
    for heading in ("(selected,", "optimistic)", "confirmed on", "resampled", "tested once"):
        assert heading in result.stdout
    assert "accuracy on 372 test images (no recorded run had looked at these test images before)" in result.stdout
    assert "winner confirmed on 3 resampled folds: seeds +- 0.006, sampling +- 0.017" in result.stdout
    said = " ".join(result.stdout.split())
    assert "trained from scratch by +30.1 points [+24.9, +35.3], p < 0.001" in said
    assert "the winner gains +4.3 points [+1.7, +7.1], p = 0.002" in said
    assert f"report  {Path('/runs/clothing-1/report.html')}" in result.stdout
    assert "mlflow ui --backend-store-uri sqlite:///m.db" in result.stdout


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits(sample: RunResult, width: int) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None, highlight=False)
    print_summary(console, sample)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    table = [line for line in lines if "mlflow ui" not in line]
    assert max(map(len, table)) <= width
    assert any("0.903" in line and "[0.869 0.929]" in line for line in table)
