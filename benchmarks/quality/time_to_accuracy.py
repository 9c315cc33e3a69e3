"""How accurate on test images is what tlsearch and others make in the same seconds?

    python -m benchmarks.quality.time_to_accuracy DATASET ... --limits 120 240 480 1500

Each data set is divided into training and test images anew for every seed, every class in its share. All contestants
get the same files, the same pre-trained network (the one that tlsearch bundles) and the same seconds, each in a process
of its own (common/contestants): tlsearch, the better of two tutorials' fine-tuning loops in Keras, and random search
with that loop. The clock of a contestant starts with its process and stops when its model is made; testing does not
count. The tutorials' loop gets the whole time for each of its two schedules, which is an advantage.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.common.contestants.contestant import Contest
from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.synthetic_images import write_images
from benchmarks.common.tables import print_rows
from tlsearch.data.sources import read_source
from tlsearch.data.stratify import draw_stratified
from tlsearch.data.usable import label_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BENCHMARK = "quality.time_to_accuracy"
CONTESTANTS = {"tlsearch": "tlsearch_run", "Keras tutorial": "keras_tutorial", "random search": "keras_random"}
COLORS = {"tlsearch": "#3b82d6", "Keras tutorial": "#e0803a", "random search": "#7a8594"}
QUICK = {"limits": [20], "seeds": 1, "image_size": 32, "contestants": ["Keras tutorial"]}
QUICK_IMAGES = {"": 60}
TEST_SHARE = 0.15
FEW, TEST_SHARE_OF_FEW = 600, 0.25
"""Below so many images a quarter is for testing, as in a run."""

Row = Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Have all contestants train, and compare."""
    options = _options(arguments)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="tlsearch-contest-") as folder:
        home = Path(folder)
        datasets = options.dataset or [write_images(home / "images", QUICK_IMAGES, 32, options.seed)]
        for dataset in datasets:
            for seed in range(options.seed, options.seed + options.seeds):
                images = divide(dataset, home / f"{dataset.name}-{seed}", seed)
                rows += [
                    {"dataset": dataset.name, "seed": seed, "limit": limit, "contestant": name}
                    | _attempt(name, images, limit, seed, options)
                    for limit in options.limits
                    for name in options.contestants
                ]
    summary = summarize(rows)
    print_rows("Accuracy on test images, medians over seeds", summary)
    publish(BENCHMARK, options, {"attempts": rows, "summary": summary})
    if options.picture:
        draw(summary, options.picture)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser(__doc__)
    parser.add_argument("dataset", nargs="*", type=Path, help="folders of class folders")
    parser.add_argument("--limits", type=int, nargs="+", default=[120, 240, 480, 1500], help="seconds")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, from --seed on (default 3)")
    parser.add_argument("--image-size", type=int, default=160, help="of the Keras loops; tlsearch chooses its own")
    parser.add_argument("--contestants", nargs="+", choices=tuple(CONTESTANTS), default=tuple(CONTESTANTS))
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw accuracy against seconds as a PNG")
    return parse_options(parser, arguments, QUICK)


def divide(dataset: Path, folder: Path, seed: int) -> Path:
    """Copy a data set into "train" and "test" below ``folder``, every class in its share, and give it."""
    items = read_source(dataset).items
    names = [label_of(item) for item in items]
    classes = sorted(set(names))
    share = TEST_SHARE_OF_FEW if len(items) < FEW else TEST_SHARE
    test, _ = draw_stratified([classes.index(name) for name in names], range(len(items)), (share,), (seed,))
    tested = set(test)
    for number, (item, name) in enumerate(zip(items, names, strict=True)):
        target = folder / ("test" if number in tested else "train") / name
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(item.file, target / f"{number:06}{item.file.suffix.lower()}")
    return folder


def _attempt(name: str, images: Path, limit: int, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Have a contestant train within ``limit`` seconds; gives what it printed."""
    with tempfile.TemporaryDirectory(prefix="tlsearch-attempt-") as work:
        contest = Contest(images=str(images), work=work, seconds=limit, seed=seed, image_size=options.image_size)
        task = Path(work) / "task.json"
        task.write_text(json.dumps(asdict(contest)), encoding="utf-8")
        module = f"benchmarks.common.contestants.{CONTESTANTS[name]}"
        done = subprocess.run([sys.executable, "-m", module, str(task)], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    say(f"{images.name}, {limit} s, {name}: {found['accuracy']:.3f}, balanced {found['balanced']:.3f}")
    return found


def summarize(rows: Sequence[Row]) -> list[Row]:
    """Medians over seeds, by data set, limit and contestant."""
    cells: dict[tuple[str, int, str], list[Row]] = {}
    for row in rows:
        cells.setdefault((row["dataset"], row["limit"], row["contestant"]), []).append(row)
    return [
        {"dataset": dataset, "limit": limit, "contestant": name}
        | {figure: round(median(row[figure] for row in same), 4) for figure in ("seconds", "accuracy", "balanced")}
        for (dataset, limit, name), same in cells.items()
    ]


def draw(summary: Sequence[Row], file: Path) -> None:
    """A PNG: for each data set the medians of balanced accuracy against the limit, a line for each contestant."""
    from matplotlib.figure import Figure

    datasets = list(dict.fromkeys(row["dataset"] for row in summary))
    figure = Figure(figsize=(4.5 * len(datasets), 4.0), layout="constrained", facecolor="white")
    for axes, dataset in zip(np.ravel(figure.subplots(1, len(datasets))), datasets, strict=True):
        _draw_dataset(axes, dataset, [row for row in summary if row["dataset"] == dataset])
    figure.savefig(file, format="png", dpi=160, metadata={"Software": None})


def _draw_dataset(axes: Axes, dataset: str, rows: Sequence[Row]) -> None:
    for name in dict.fromkeys(row["contestant"] for row in rows):
        own = sorted((row["limit"], row["balanced"]) for row in rows if row["contestant"] == name)
        axes.plot(*zip(*own, strict=True), marker="o", color=COLORS[name], label=name)
    axes.set(title=dataset, xlabel="seconds", ylabel="balanced accuracy on test images")
    axes.legend(loc="lower right", frameon=False)


if __name__ == "__main__":
    sys.exit(main())
