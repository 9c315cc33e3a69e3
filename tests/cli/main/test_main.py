"""The command line through its front door."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from tlsearch.cli import summary
from tlsearch.cli.main import cli
from tlsearch.cli.summary import print_summary
from tlsearch.config import RunConfig
from tlsearch.errors import DataError, Interrupted, RunError, UsageError
from tlsearch.predictor import Predictor
from tlsearch.reporter import Reporter
from tlsearch.results.result import RunResult, write_result

Search = Callable[[RunConfig, Reporter], Any]


def print_where_there_is_one(console: Console, result: RunResult | None) -> None:
    """A stand-in for a search may find nothing."""
    if result is not None:
        print_summary(console, result)


def tlsearch(*arguments: object) -> Result:
    """What the command line does with ``arguments``."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="tlsearch")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "120")


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


# --- help


def test_version() -> None:
    assert tlsearch("--version").output == "tlsearch 0.1.0\n"


def test_help_names_every_command() -> None:
    output = tlsearch("--help").output
    positions = [
        output.index(f"\n  {name} ")
        for name in (
            "run",
            "resume",
            "predict",
            "check",
            "report",
            "compare",
            "plugins",
            "weights",
            "pretrain",
            "cache",
        )
    ]
    assert positions == sorted(positions)


@pytest.mark.parametrize(
    ("option", "default"),
    [
        ("--test", "the data set's own, else drawn from it"),
        ("--group-by", "only copies and look-alikes"),
        ("--images", "where the table lies"),
        ("--image-column", "the one that names most images"),
        ("--label-column", "from its name, else the only one that can be"),
        ("--split-column", "from its name"),
        ("--group-column", "from its name"),
        ("--weight-column", "from its name"),
        ("--shared-cache", "none"),
        ("--cluster", "none"),
        ("--cpus-per-worker", "its threads"),
        ("--gpus-per-worker", "none"),
        ("--backbone", "a short list of those whose weights can be had"),
        ("--weights", "those that come with"),
        ("--augment", "none, and those that take part by default"),
        ("--trials", "40"),
        ("--time-limit", "30m"),
        ("--epochs", "from the number of images"),
        ("--freeze", "the search chooses it"),
        ("--batch-size", "32"),
        ("--image-size", "chosen for each backbone"),
        ("--metric", "accuracy"),
        ("--seed", "0"),
        ("--output", "tlsearch-runs/"),
        ("--experiment", "the name of the data set's folder"),
        ("--tracking-uri", "$MLFLOW_TRACKING_URI, else sqlite:///mlflow.db"),
        ("--storage", "study.db"),
        ("--cache-dir", "$TLSEARCH_CACHE_DIR"),
        ("--cache-limit", "10GB"),
        ("--baseline", "auto"),
        ("--refit", "off"),
        ("--early-stop", "yes, unless --trials is given"),
        ("--register", "not registered"),
        ("--force", "off"),
        ("--dry-run", "off"),
        ("--config", "none"),
    ],
)
def test_every_option_of_run_has_its_default_in_the_help(option: str, default: str) -> None:
    output = " ".join(tlsearch("run", "--help").output.split()).replace("tlsearch- runs", "tlsearch-runs")
    entry = output.split(f" {option} ", 1)[1]
    assert entry.split("[default: ", 1)[1].startswith(default)


def test_the_help_of_run_has_no_option_beyond_those() -> None:
    options = {name for param in cli.commands["run"].params for name in param.opts if name.startswith("--")}
    assert len(options) == 51


# --- run


def test_defaults(search: Callable[[Search], list[RunConfig]]) -> None:
    seen = search(lambda config, reporter: None)
    assert tlsearch("run", "data").exit_code == 0
    assert seen == [RunConfig(Path("data"))]


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
            Path("data"), test=Path("new"), group_by="p[0-9]", backbones=("vgg16", "resnet50@mine"),
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
    assert (seen, planned) == ([], [RunConfig(Path("data"))])


def test_option_goes_before_config_goes_before_default(
    search: Callable[[Search], list[RunConfig]], tmp_path: Path
) -> None:
    seen = search(lambda config, reporter: None)
    RunConfig(Path("data"), seed=7, trials=5, augment=("flip",), refit=True).to_toml(tmp_path / "run.toml")
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
    assert "accuracy on 372 test images (no run had looked at these test images before, as far as the " in result.stdout
    assert "winner confirmed on 3 resampled folds: seeds +- 0.006, sampling +- 0.017" in result.stdout
    assert "gain over training from scratch +0.301 [+0.249 +0.353] p < 0.001" in result.stdout
    assert "gain over the linear probe +0.043 [+0.017 +0.071] p = 0.002" in result.stdout
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


# --- the other commands


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """A model folder whose network thinks the greener a picture, the more it is a newt; what its config has besides."""
    config: dict[str, Any] = {}

    def answer(images: Any) -> Any:
        green = images[..., 1].mean(axis=(1, 2)) / 255
        return np.stack([0.25 * (1 - green), 0.75 * (1 - green), green], axis=1)

    def load(folder: Path, max_pixels: int | None = None) -> Predictor:
        assert folder == Path("model")
        network = SimpleNamespace(predict_on_batch=answer)
        return Predictor(network, ("cat", "dog", "newt"), {"image_size": 8, **config}, folder)

    from PIL import Image

    monkeypatch.setattr("tlsearch.predictor.load", load)
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (8, 8), (0, 255, 0)).save("pictures/a,b.png")
    Image.new("RGB", (8, 8), (255, 0, 0)).save("pictures/red.png")
    Path("pictures/z.png").write_text("no picture")
    return config


@pytest.mark.usefixtures("model")
def test_predict_json() -> None:
    result = tlsearch("predict", "model", "pictures", "--format", "json", "--top", "2")
    assert result.exit_code == 0, result.output
    green, red, broken = json.loads(result.stdout)
    assert (green["path"], green["label"], green["probability"]) == ("pictures/a,b.png", "newt", 1.0)
    assert [entry["label"] for entry in red["top"]] == ["dog", "cat"]
    assert [entry["probability"] for entry in red["top"]] == [0.75, 0.25]
    assert broken["label"] is None
    assert broken["error"]


@pytest.mark.usefixtures("model")
def test_predict_csv() -> None:
    result = tlsearch("predict", "model", "pictures/a,b.png", "pictures/red.png", "--format", "csv", "--top", "2")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["path"], row["rank"], row["label"], float(row["probability"])) for row in rows] == [
        ("pictures/a,b.png", "1", "newt", 1.0),
        ("pictures/a,b.png", "2", "cat", 0.0),
        ("pictures/red.png", "1", "dog", 0.75),
        ("pictures/red.png", "2", "cat", 0.25),
    ]


@pytest.mark.usefixtures("model")
def test_predict_table() -> None:
    lines = tlsearch("predict", "model", "pictures").stdout.splitlines()
    assert lines[2].split() == ["pictures/a,b.png", "newt", "1.000"]
    assert lines[3].split() == ["pictures/red.png", "dog", "0.750"]
    assert "not read: " in lines[4]


def test_predict_says_which_probabilities_it_gives(model: dict[str, Any]) -> None:
    """All formats and both directions of the option, from .75 and .25 to the square roots of them."""
    model["calibration"] = {"temperature": 2.0, "fitted_on": 90, "by_default": True, "reason": "it is too sure"}
    softer = 3**0.5 / (1 + 3**0.5)
    for options, calibrated in (([], True), (["--calibrated"], True), (["--no-calibrated"], False)):
        expected = softer if calibrated else 0.75
        arguments = ["predict", "model", "pictures/red.png", *options]
        (entry,) = json.loads(tlsearch(*arguments, "--format", "json").stdout)
        assert (entry["label"], entry["calibrated"]) == ("dog", calibrated)
        assert entry["probability"] == pytest.approx(expected, abs=1e-5)
        (row,) = csv.DictReader(io.StringIO(tlsearch(*arguments, "--format", "csv").stdout))
        assert (row["label"], row["calibrated"]) == ("dog", str(calibrated).lower())
        assert float(row["probability"]) == pytest.approx(expected, abs=1e-5)
        heading, _, line = tlsearch(*arguments).stdout.splitlines()
        assert heading.split("probability")[1].strip() == ("(calibrated)" if calibrated else "(not calibrated)")
        assert line.split() == ["pictures/red.png", "dog", f"{expected:.3f}"]
    model["calibration"]["by_default"] = False
    assert "probability (not calibrated)" in tlsearch("predict", "model", "pictures/red.png").stdout


@pytest.mark.usefixtures("model")
def test_predict_calibrated_without_a_temperature() -> None:
    result = tlsearch("predict", "model", "pictures", "--calibrated")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "model/config.json has no temperature" in result.stderr
    assert tlsearch("predict", "model", "pictures", "--no-calibrated").exit_code == 0
    assert "calibrated" not in tlsearch("predict", "model", "pictures").stdout


@pytest.mark.usefixtures("model")
def test_predict_fails_where_nothing_could_be_read() -> None:
    assert tlsearch("predict", "model", "pictures/z.png").exit_code == 1
    result = tlsearch("predict", "model", "nowhere.png")
    assert result.exit_code == 1
    assert "not read: it does not exist" in result.stdout


@pytest.mark.usefixtures("model")
def test_a_missing_path_stops_nothing() -> None:
    result = tlsearch("predict", "model", "nowhere.png", "pictures/red.png", "--format", "jsonl")
    missing, red = map(json.loads, result.stdout.splitlines())
    assert (missing["path"], missing["label"], missing["error"]) == ("nowhere.png", None, "it does not exist")
    assert (red["label"], red["error"], result.exit_code) == ("dog", None, 0)


def test_predict_without_a_model(tmp_path: Path) -> None:
    result = tlsearch("predict", "nowhere", "x.png")
    assert result.exit_code == 2
    assert "holds no model.keras" in result.stderr


def test_check(make_dataset: Callable[..., Path], tmp_path: Path) -> None:
    root = make_dataset(tmp_path, classes=("ash", "[birch]"), per_class=20, size=40)
    (root / "ash" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    (root / "ash" / "copy.png").write_bytes((root / "ash" / "000.png").read_bytes())
    (root / "[birch]" / "wrong.png").write_bytes((root / "ash" / "001.png").read_bytes())
    result = tlsearch("check", root)
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    held = "data 2 classes, 42 images (4 in 2 groups kept together), 1 file not used"
    assert lines[0] == ["read", "classes:", ".", "(2", "classes,", "43", "files)"]
    assert lines[1] == held.split()
    counts = {line[0]: list(map(int, line[1:])) for line in lines if line and line[0] in ("ash", "[birch]", "all")}
    assert sum(counts["ash"]) == 21
    assert sum(counts["[birch]"]) == 21
    assert counts["all"] == [a + b for a, b in zip(counts["ash"], counts["[birch]"], strict=True)]
    assert "ash/broken.jpg" in result.stdout
    assert "[birch]/wrong.png" in result.stdout
    assert "ash/copy.png" in result.stdout


def test_check_refuses_what_is_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = tlsearch("check", "empty")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1


def test_weights_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("TLSEARCH_WEIGHTS_DIR", raising=False)
    lines = {line.split()[0]: line for line in tlsearch("weights", "list").stdout.splitlines() if "@" in line}
    assert lines["efficientnet_lite0@imagenet"].rstrip().endswith("efficientnet_lite0.npz")
    assert "`tlsearch weights fetch vgg16@imagenet`" in lines["vgg16@imagenet"]


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("efficientnet_lite0", 0, "efficientnet_lite0@imagenet comes with its plugin; nothing to fetch"),
        ("efficientnet_l*", 0, "efficientnet_lite0@imagenet comes with its plugin; nothing to fetch"),
        ("alexandria*", 2, "No backbone called like 'alexandria*' has weights to fetch: `tlsearch weights list` shows"),
        ("vgg16@places", 2, "The backbone 'vgg16' has no weights 'places': choose one of imagenet."),
        ("vgg61", 2, "vgg16"),
    ],
)
def test_weights_fetch(name: str, code: int, message: str) -> None:
    result = tlsearch("weights", "fetch", name)
    assert result.exit_code == code
    assert message in result.output


def test_cache(tmp_path: Path) -> None:
    features = tmp_path / "cache" / "features"
    assert tlsearch("cache", "info").stdout == f"{features}\n0 files, 0.00 MB\n"
    np.save(features / "abc.npy", np.zeros(500_000, np.float32))
    (tmp_path / "cache" / "mine.json").touch()
    assert tlsearch("cache", "info").stdout == f"{features}\n1 files, 2.00 MB\n"
    assert tlsearch("cache", "clear").stdout == f"{features}\nremoved 1 files, 2.00 MB\n"
    assert tlsearch("cache", "info").stdout == f"{features}\n0 files, 0.00 MB\n"
    assert (tmp_path / "cache" / "mine.json").exists()


def test_unpacked_images_in_the_cache_are_removed_where_that_is_asked_for(tmp_path: Path) -> None:
    sources = tmp_path / "cache" / "sources"
    (sources / "one" / "set").mkdir(parents=True)
    (sources / "one" / "set" / "a.png").write_bytes(b"0" * 3_000_000)
    held = f"{tmp_path / 'cache' / 'features'}\n0 files, 0.00 MB\n{sources}\n1 files, 3.00 MB\n"
    assert tlsearch("cache", "info").stdout == held
    assert str(sources) not in tlsearch("cache", "clear").stdout
    assert tlsearch("cache", "info").stdout == held
    assert f"{sources}\nremoved 1 files, 3.00 MB\n" in tlsearch("cache", "clear", "--sources").stdout
    assert not sources.exists()


def test_cache_in_a_place_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = tlsearch("cache", "info", "--cache-dir", tmp_path / "file" / "below")
    assert result.exit_code == 2
    assert "cannot be used" in result.stderr


def test_report_is_written_anew(sample: RunResult, tmp_path: Path) -> None:
    write_result(sample, tmp_path / "out")
    result = tlsearch("report", "out")
    assert result.exit_code == 0, result.output
    assert "gain over training from scratch" in result.stdout
    assert "<html" in (tmp_path / "out" / "report.html").read_text()[:500]
    assert f"report  {tmp_path / 'out' / 'report.html'}" in result.stdout  # where it is now, not where it was made


def test_report_of_no_run() -> None:
    result = tlsearch("report", "nowhere")
    assert result.exit_code == 2
    assert "has no result.json" in result.stderr


def test_python_m_is_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tlsearch", "predict", "nowhere", "x.png"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: nowhere holds no model.keras")


def test_a_cache_folder_that_cannot_be_written_is_named_before_any_work(tmp_path: Path) -> None:
    from tlsearch.pipeline.preflight import check_cache

    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    with pytest.raises(UsageError, match=r"^The cache folder .* cannot be written .*--cache-dir\.$"):
        check_cache(RunConfig(dataset=tmp_path, cache_dir=in_the_way))
    check_cache(RunConfig(dataset=tmp_path, cache_dir=tmp_path / "good"))
