"""The command line through its front door."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.runs.small_run import tlsearch
from tlsearch.cli.main import cli
from tlsearch.config import RunConfig
from tlsearch.errors import UsageError
from tlsearch.results.result import RunResult, write_result


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
        ("--solve-apart", "yes, where --gpus-per-worker is given"),
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
    assert len(options) == 52


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


def test_a_broken_plugin_keeps_nobody_from_fetching_the_others(install: Callable[..., None]) -> None:
    install("torn-plugin", "raise OSError('torn')", group="tlsearch.backbones", efficientnet_lost="Torn")
    result = tlsearch("weights", "fetch", "efficientnet_l*")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "efficientnet_lite0@imagenet comes with its plugin; nothing to fetch" in result.output


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
    assert "Pre-training helped." in result.stdout
    assert "<html" in (tmp_path / "out" / "report.html").read_text()[:500]
    assert f"report  {tmp_path / 'out' / 'report.html'}" in result.stdout  # where it is now, not where it was made


def test_report_keeps_photographs_that_are_gone_from_the_data_set(sample: RunResult, tmp_path: Path) -> None:
    shown = sample.mistakes[0].path
    photograph = tmp_path / "data" / shown
    photograph.parent.mkdir(parents=True)
    Image.new("RGB", (40, 30), "red").save(photograph)
    labels = replace(sample.insights, label_errors=None)
    data = replace(sample.dataset, path=str(tmp_path / "data"))
    write_result(replace(sample, dataset=data, mistakes=sample.mistakes[:1], insights=labels), tmp_path / "out")
    page, sheet = tmp_path / "out" / "report.html", tmp_path / "out" / "pictures" / "mistakes.png"
    assert tlsearch("report", "out").stderr == ""
    before = page.read_text(), sheet.read_bytes()
    photograph.rename(tmp_path / "elsewhere.png")  # as where the disk of the images is not mounted
    done = tlsearch("report", "out")
    assert done.exit_code == 0, done.output
    assert "Pre-training helped." in done.stdout
    assert f"report.html stays as it is, for 1 photograph of it is no longer in {tmp_path / 'data'}" in done.stderr
    assert (page.read_text(), sheet.read_bytes()) == before
    page.unlink()
    said = tlsearch("report", "out").stderr
    assert f"report.html has blanks, for 1 photograph of it is no longer in {tmp_path}" in said
    assert page.read_text() != before[0]


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
