"""The throughput of predict: what is written, and a quick run."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from benchmarks.common.results import Result
from benchmarks.figures.use.predictions import predict_throughput, predict_throughput_brief
from benchmarks.use.predict_throughput import SAMPLES, at_share, main, write_files
from tests.benchmarks.conftest import Quick
from tests.helpers.models.colour_model import write_model


def test_files_are_links_to_a_few_pictures(tmp_path: Path) -> None:
    originals = []
    for number in range(3):
        Image.new("RGB", (20, 10), (80 * number, 0, 0)).save(tmp_path / f"{number}.png")
        originals.append(tmp_path / f"{number}.png")
    folder = write_files(tmp_path / "files", originals, 16, 1200)
    files = sorted(folder.iterdir())
    assert len(files) == 1200
    assert files[0].samefile(files[1000])
    with Image.open(files[7]) as image:
        assert image.size == (16, 16)


def test_memory_at_a_share() -> None:
    assert at_share([1.0, 5.0, 3.0, 9.0], 0.5) == 5.0
    assert at_share([1.0], 0.1) == 1.0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_quick_run(quick: Quick, tmp_path: Path) -> None:
    figures = quick(main, "--model", str(write_model(tmp_path / "model"))).figures
    for kind, files in (("small", 300), ("photographs", 60)):
        row = figures[kind]
        assert row["files"] == files
        assert row["rate"] > 0
        assert 0 < row["cpu_share"] < 1
        assert len(row["megabytes"]) == min(SAMPLES, files)
        assert min(row["megabytes"]) > 50
    assert figures["photographs"]["side"] == 500


def test_the_figures_are_written() -> None:
    row = {"files": 1000, "side": 64, "rate": 90.0, "bare_rates": [99.0, 101.0], "share": 0.9, "cpu_share": 0.85}
    memory = [float(400 + number // 2) for number in range(100)]
    result = Result(
        benchmark="use.predict_throughput",
        command="python -m benchmarks.use.predict_throughput",
        commit="0123456789",
        machine={},
        date=None,
        versions={},
        figures={
            "backbone": "b", "image_size": 128, "batch_size": 32,
            "small": {**row, "megabytes": memory}, "photographs": {**row, "megabytes": memory},
        },
    )  # fmt: skip
    assert "| 1,000 small files of 64 px | 90 | 100 | 0.90 | 0.85 | 404 MB | 449 MB |" in predict_throughput(result)
    assert predict_throughput_brief(result) == "0.90 of the bare network's speed; +45 MB from 10 % to the end"
