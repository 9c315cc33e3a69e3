"""How do time and memory of a whole `tlsearch run` grow with the number of images?

    python -m benchmarks.speed.scale --sizes 1000,10000,50000

Images of ten classes are made up at 64 px and written to a temporary folder before the clock starts. The run is
that of a user, in a process of its own with an empty store, on a small plan that is the same for every size: the
bundled EfficientNet-Lite0 at 64 px and the first trials of the warm start, no augmentation and no network from
scratch. Three trials by default, all of them linear probes, which hold the features of all images at once; the fourth
(`--trials 4`) tunes everything after a third of the cut points for two epochs, batch by batch, and makes the run
several times as long. Everything else is done as always: look-alikes are looked for, candidates are measured and
profiled, the best trials are confirmed on resampled folds, the winner is tested, the report is written.

Memory is anonymous resident memory (RssAnon) summed over the process tree, sampled twice a second.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.common.memory import watch_memory
from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.synthetic_images import write_images

BENCHMARK = "speed.scale"
QUICK = {"sizes": [60], "trials": 1, "epochs": 1, "image_size": 32}

WANTED_GROWTH = 1.2
"""Times as long for each time as many images: 6 times from 10,000 to 50,000."""

WANTED_GIGABYTES = 3.0

REST = "start, report, record and end"
"""What a run takes beside the steps whose seconds its result holds."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every size, print. Raises ``SystemExit`` where a run fails."""
    parser = make_parser(__doc__)
    parser.add_argument("--sizes", type=_sizes, default="1000,10000,50000", help="images (default 1000,10000,50000)")
    parser.add_argument("--trials", type=int, default=3, help="trials of the warm start (default 3)")
    parser.add_argument("--epochs", type=int, default=2, help="epochs of a trained trial (default 2)")
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--image-size", type=int, default=64)
    options = parse_options(parser, arguments, QUICK)
    rows = []
    for size in options.sizes:
        say(f"{size:,} images")
        with tempfile.TemporaryDirectory(prefix="tlsearch-benchmark-") as folder:
            rows.append(run_size(size, options, Path(folder)))
        say(json.dumps(rows[-1]))
    report(options, rows)
    return 0


def _sizes(text: str) -> list[int]:
    sizes = [int(part) for part in text.split(",")]
    if sizes != sorted(set(sizes)):
        raise argparse.ArgumentTypeError("sizes go from small to large")
    return sizes


def run_size(size: int, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """One run on ``size`` images.

    Gives seconds in all and by step, peak memory, the size of the store, and what was found.
    """
    write_images(folder / "images", {"": size}, options.image_size, options.seed)
    output, cache = folder / "output", folder / "cache"
    command = [sys.executable, "-m", "tlsearch", "run", str(folder / "images")]
    command += ["--backbone", options.backbone, "--image-size", str(options.image_size)]
    command += ["--trials", str(options.trials), "--epochs", str(options.epochs), "--augment", "none"]
    command += ["--baseline", "none", "--seed", str(options.seed), "--output", str(output), "--cache-dir", str(cache)]
    command += ["--tracking-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    started = time.monotonic()
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        peak = watch_memory(process)
    seconds = time.monotonic() - started
    if process.returncode:
        raise SystemExit(f"the run failed:\n{(folder / 'log').read_text(encoding='utf-8')[-3000:]}")
    result = json.loads((output / "result.json").read_text(encoding="utf-8"))
    timings = {step: spent for step, spent in result["timings"].items() if step != "total"}
    timings[REST] = seconds - sum(timings.values())
    return {
        "images": size,
        "seconds": seconds,
        "peak_gigabytes": peak / 1e9,
        "store_gigabytes": sum(file.stat().st_size for file in cache.rglob("*") if file.is_file()) / 1e9,
        "timings": timings,
        "trials": [row["spec"]["freeze_depth"] for row in result["trials"] if row["role"] == "trial"],
        "confirmations": sum(row["role"] == "confirmation" for row in result["trials"]),
        "lookalikes": sum(len(f["files"]) for f in result["dataset"]["findings"] if "lookalikes" in f["kind"]),
        "test": result["metrics"]["test"],
    }


def growth(small: dict[str, Any], large: dict[str, Any]) -> dict[str, float]:
    """How many times as long a run on more images takes, in all and by step; only steps that take a second."""
    steps = {"seconds": large["seconds"] / small["seconds"]}
    for step, seconds in large["timings"].items():
        if seconds >= 1 and small["timings"].get(step, 0) > 0:
            steps[step] = seconds / small["timings"][step]
    return steps


def report(options: argparse.Namespace, rows: Sequence[dict[str, Any]]) -> None:
    """A table for people, and the result."""
    pairs = list(pairwise(rows))
    grown = [growth(small, large) for small, large in pairs]
    table = Table("figure", *(f"{row['images']:,} images" for row in rows), title="one run at growing sizes")
    for small, large in pairs:
        table.add_column(f"{large['images'] / small['images']:.3g} times as many")

    def add(name: str, values: Sequence[float], digits: int, key: str = "") -> None:
        ratios = [f"x {g[key]:.2f}" if key in g else "" for g in grown]
        table.add_row(name, *(f"{value:.{digits}f}" for value in values), *ratios)

    add("seconds", [row["seconds"] for row in rows], 1, "seconds")
    for step in dict.fromkeys(step for row in rows for step in row["timings"]):
        add(f"  {step}", [row["timings"].get(step, 0.0) for row in rows], 1, step)
    add("peak memory, GB", [row["peak_gigabytes"] for row in rows], 2)
    add("store, GB", [row["store_gigabytes"] for row in rows], 2)
    add("confirming trials", [row["confirmations"] for row in rows], 0)
    add("test accuracy", [row["test"] for row in rows], 3)
    console = Console(width=140)
    console.print(table)
    for (small, large), ratios in zip(pairs, grown, strict=True):
        wanted = WANTED_GROWTH * large["images"] / small["images"]
        console.print(
            f"{large['images']:,} images take {ratios['seconds']:.2f} times as long as {small['images']:,} "
            f"(wanted from 10,000 images on: at most {wanted:.3g})"
        )
    console.print(f"peak memory {max(row['peak_gigabytes'] for row in rows):.2f} GB (wanted: under {WANTED_GIGABYTES})")
    asked = {name: getattr(options, name) for name in ("trials", "epochs", "backbone", "image_size")}
    publish(BENCHMARK, options, {**asked, "runs": rows, "growth": grown})


if __name__ == "__main__":
    sys.exit(main())
