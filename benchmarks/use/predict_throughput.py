"""How much memory does `tlsearch predict` need for many images, and how near does it come to its network's speed?

    python -m benchmarks.use.predict_throughput [DATASET]

A model is made by a short run on DATASET, by default examples/clothing. Then, twice:

- small files: photographs of DATASET as JPEG files of 64 px, each linked many times, in one folder (100,000 files);
- photographs: the same as JPEG files of 500 px, whose decoding takes longer than the network does.

`tlsearch predict MODEL FOLDER --format jsonl` answers them in a process of its own. Its lines are counted as they
come, and its anonymous resident memory (RssAnon) is taken at each hundredth. Before it and behind it, the bare network
answers the same pictures in batches of the same size that lie in memory, decoded: `model.predict_on_batch` and nothing
else. The share is the speed of predict, from its second batch to its last line, by the mean of the two; the share of
processor time is the same of the seconds that all threads took, which other work on the machine does not change. Takes
about 15 minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import psutil
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.common.machine import ROOT
from benchmarks.common.memory import anonymous_bytes
from benchmarks.common.results import make_parser, parse_options, publish, say
from tlsearch.config import RunConfig
from tlsearch.pipeline.run import run
from tlsearch.predictor import Predictor, find_pictures, load

BENCHMARK = "use.predict_throughput"

BATCH = 32
QUICK = {"small": 300, "photographs": 60, "seconds": 1.0, "image_size": 32}

SMALL_SIDE, PHOTOGRAPH_SIDE = 64, 500
DISTINCT = 1000
SAMPLES = 100


@dataclass(frozen=True, kw_only=True)
class Passage:
    """One call of predict.

    Attributes:
        files: How many files it answered.
        seconds: From the end of the first batch to its last line.
        rate: Files a second, in that time.
        cpu_milliseconds: Processor time of all its threads for a file, in that time.
        megabytes: Anonymous memory at each hundredth of the files, the last at their end.
    """

    files: int
    seconds: float
    rate: float
    cpu_milliseconds: float
    megabytes: list[float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a model and files, measure, print."""
    parser = make_parser(__doc__)
    parser.add_argument("dataset", nargs="?", type=Path, default=ROOT / "examples" / "clothing", metavar="DATASET")
    parser.add_argument("--model", type=Path, metavar="DIR", help="a model folder, instead of a run")
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--small", type=int, default=100_000, help="small files (default 100,000)")
    parser.add_argument("--photographs", type=int, default=3000, help="files of 500 px (default 3,000)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of the bare network, each time (default 20)")
    options = parse_options(parser, arguments, QUICK)
    with tempfile.TemporaryDirectory(prefix="tlsearch-benchmark-") as folder:
        home = Path(folder)
        model = options.model or make_model(home, options.dataset, options.backbone, options.image_size)
        config = json.loads((model / "config.json").read_text(encoding="utf-8"))
        originals = find_pictures([options.dataset])
        measured = {}
        for kind, side, count in (
            ("small", SMALL_SIDE, options.small),
            ("photographs", PHOTOGRAPH_SIDE, options.photographs),
        ):
            say(f"{kind}: {count:,} files of {side} px")
            files = write_files(home / kind, originals, side, count)
            measured[kind] = {"side": side, **measure(model, files, options.seconds)}
    figures = {
        "backbone": config["backbone"],
        "image_size": config["image_size"],
        "batch_size": BATCH,
        **measured,
    }
    print_table(figures)
    publish(BENCHMARK, options, figures)
    return 0


def make_model(home: Path, dataset: Path, backbone: str, image_size: int) -> Path:
    """The model of a short run; how good it is does not matter here."""
    run(
        RunConfig(
            dataset=dataset,
            backbones=(backbone,),
            trials=1,
            epochs=1,
            image_size=image_size,
            augment=(),
            baseline="none",
            output=home / "output",
            cache_dir=home / "cache",
            tracking_uri=f"sqlite:///{home / 'mlflow.db'}",
        )
    )
    return home / "output" / "model"


def write_files(folder: Path, originals: Sequence[Path], side: int, count: int) -> Path:
    """``count`` JPEG files in one folder, of at most ``DISTINCT`` pictures; the others are links to them."""
    folder.mkdir()
    written: list[Path] = []
    for number, original in enumerate(islice(cycle(originals), min(count, DISTINCT))):
        with Image.open(original) as image:
            square = image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
        written.append(folder / f"{number:07}.jpg")
        square.rotate(number // len(originals)).save(written[-1], quality=90)
    for number in range(len(written), count):
        os.link(written[number % len(written)], folder / f"{number:07}.jpg")
    return folder


def measure(model: Path, folder: Path, seconds: float) -> dict[str, Any]:
    """The bare network, predict, and the bare network again."""
    predictor = load(model)
    batches = decoded_batches(predictor, sorted(folder.iterdir())[: 32 * BATCH])
    before = measure_bare(predictor, batches, seconds)
    passage = watch_predict(model, folder)
    after = measure_bare(predictor, batches, seconds)
    rates, times = zip(before, after, strict=True)
    say(f"predict {passage.rate:.0f} a second, bare {rates[0]:.0f} and {rates[1]:.0f}")
    return {
        **asdict(passage),
        "bare_rates": [round(rate, 1) for rate in rates],
        "bare_cpu_milliseconds": [round(milliseconds, 3) for milliseconds in times],
        "share": round(passage.rate / fmean(rates), 3),
        "cpu_share": round(fmean(times) / passage.cpu_milliseconds, 3),
    }


def decoded_batches(predictor: Predictor, files: Sequence[Path]) -> list[Any]:
    """The pictures of files in whole batches: float32 (BATCH, S, S, 3)."""
    from tlsearch.data.images.decode import read_square

    squares = [
        read_square(file, predictor.image_size, predictor.decode_size, predictor.decoding)
        for file in (files if len(files) >= BATCH else islice(cycle(files), BATCH))
    ]
    return [
        np.stack(squares[start : start + BATCH]).astype(np.float32)
        for start in range(0, len(squares) // BATCH * BATCH, BATCH)
    ]


def measure_bare(predictor: Predictor, batches: Sequence[Any], seconds: float) -> tuple[float, float]:
    """Pictures a second of the network alone, and processor time of a picture in milliseconds.

    It works for so many seconds, after a batch that is not counted.
    """
    predictor.model.predict_on_batch(batches[0])
    begun, used, done = time.monotonic(), time.process_time(), 0
    for batch in cycle(batches):
        predictor.model.predict_on_batch(batch)
        done += len(batch)
        if time.monotonic() - begun >= seconds:
            break
    return done / (time.monotonic() - begun), (time.process_time() - used) / done * 1000


def watch_predict(model: Path, folder: Path) -> Passage:
    """Call predict in a process of its own, and count its lines."""
    total = sum(1 for _ in os.scandir(folder))
    command = [sys.executable, "-m", "tlsearch", "predict", str(model), str(folder), "--format", "jsonl"]
    megabytes, done, first, used = [], 0, 0.0, 0.0
    with subprocess.Popen([*command, "--batch-size", str(BATCH)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None, "it is a pipe"
        child = psutil.Process(process.pid)
        for done, _ in enumerate(process.stdout, 1):
            if done == BATCH:
                first, used = time.monotonic(), cpu_seconds(child)
            if done == total:
                used = cpu_seconds(child) - used
            if done * SAMPLES // total > (done - 1) * SAMPLES // total:
                megabytes.append(round(anonymous_bytes(process.pid) / 1e6, 1))
        seconds = time.monotonic() - first
    if process.returncode or done != total:
        raise RuntimeError(f"predict ended with {process.returncode} after {done:,} of {total:,} files")
    return Passage(
        files=total,
        seconds=round(seconds, 1),
        rate=round((total - BATCH) / seconds, 1),
        cpu_milliseconds=round(used / (total - BATCH) * 1000, 3),
        megabytes=megabytes,
    )


def cpu_seconds(process: psutil.Process) -> float:
    """Processor time of all threads of a process."""
    times = process.cpu_times()
    return float(times.user + times.system)


def at_share(megabytes: Sequence[float], share: float) -> float:
    """The most memory up to so many files, as a share of all."""
    return max(megabytes[: max(1, round(share * len(megabytes)))])


def print_table(figures: Mapping[str, Any]) -> None:
    """For people."""
    table = Table("", "files", "a second", "bare network", "share", "of processor time", "MB at 10 %", "MB at most")
    for kind in ("small", "photographs"):
        row = figures[kind]
        table.add_row(
            f"{kind}, {row['side']} px",
            f"{row['files']:,}",
            f"{row['rate']:.0f}",
            f"{fmean(row['bare_rates']):.0f}",
            f"{row['share']:.2f}",
            f"{row['cpu_share']:.2f}",
            f"{at_share(row['megabytes'], 0.1):.0f}",
            f"{max(row['megabytes']):.0f}",
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    sys.exit(main())
