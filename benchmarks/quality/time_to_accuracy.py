"""How accurate on test images is what tlsearch and others make in the same seconds?

    python -m benchmarks.quality.time_to_accuracy DATASET ... --limits 120 240 480 1500

Each data set is divided into training and test images anew for every seed, every class in its share. All contestants
get the same files, the same pre-trained network (the one that tlsearch bundles) and the same seconds, each in a process
of its own (common/contestants): tlsearch, the better of two tutorials' fine-tuning loops in Keras, random search with
that loop, and the better of two calls of fastai's ``fine_tune`` on timm's network of that name. The clock of a
contestant starts with its process and stops when its model is made; testing does not count. The tutorials' loop and
fastai get the whole time for each of their two schedules, which is an advantage.

fastai takes part where it is installed: ``pip install fastai timm``. tlsearch itself never needs it.

All of it takes hours. With `--work DIR` each attempt is kept, and the same command goes on later with those that are
missing. Attempts of another machine are made again.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.common.contestants.contestant import Contest
from benchmarks.common.machine import commit, machine_facts
from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.synthetic_images import write_images
from benchmarks.common.tables import print_rows
from tlsearch.data.sources import read_source
from tlsearch.data.stratify import draw_stratified
from tlsearch.data.usable import label_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BENCHMARK = "quality.time_to_accuracy"
CONTESTANTS = {
    "tlsearch": "tlsearch_run",
    "Keras tutorial": "keras_tutorial",
    "random search": "keras_random",
    "fastai": "fastai_fine_tune",
}
NEEDS = {"fastai": ("torch", "torchvision", "timm", "fastai")}
"""Packages that a contestant needs beside those of tlsearch."""

COLORS = {"tlsearch": "#3b82d6", "Keras tutorial": "#e0803a", "random search": "#7a8594", "fastai": "#3f9d63"}
QUICK = {"limits": [20], "seeds": 1, "image_size": 32, "contestants": ["Keras tutorial"]}
QUICK_IMAGES = {"": 60}
TEST_SHARE = 0.15
FEW, TEST_SHARE_OF_FEW = 600, 0.25
"""Below so many images a quarter is for testing, as in a run."""

Row = Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Have all contestants train, and compare."""
    options = read_options(arguments)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="tlsearch-contest-") as folder:
        home = Path(folder)
        datasets = options.dataset or [write_images(home / "images", QUICK_IMAGES, 32, options.seed)]
        for dataset in datasets:
            for seed in range(options.seed, options.seed + options.seeds):
                images = divide(dataset, home / f"{dataset.name}-{seed}", seed)
                rows += [
                    {"dataset": dataset.name, "seed": seed, "limit": limit, "contestant": name}
                    | _kept_attempt(name, images, limit, seed, options)
                    for limit in options.limits
                    for name in options.contestants
                ]
    summary = summarize(rows)
    print_rows("Accuracy on test images, medians over seeds", summary)
    packages = [package for name in options.contestants for package in NEEDS.get(name, ())]
    versions = {package: version(package) for package in packages}
    publish(BENCHMARK, options, {"attempts": rows, "summary": summary, "versions_of_others": versions})
    if options.picture:
        draw(summary, options.picture)
    return 0


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the contest, with the contestants that can take part. Exits where there are none."""
    parser = make_parser(__doc__)
    parser.add_argument("dataset", nargs="*", type=Path, help="folders of class folders")
    parser.add_argument("--limits", type=int, nargs="+", default=[120, 240, 480, 1500], help="seconds")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, from --seed on (default 3)")
    parser.add_argument("--image-size", type=int, default=160, help="of the Keras loops; tlsearch chooses its own")
    parser.add_argument("--contestants", nargs="+", choices=tuple(CONTESTANTS), default=tuple(CONTESTANTS))
    parser.add_argument(
        "--work", type=Path, metavar="DIR", help="keep each attempt here, and take those that are there"
    )
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw accuracy against seconds as a PNG")
    options = parse_options(parser, arguments, QUICK)
    options.contestants = [name for name in options.contestants if _is_installed(name)]
    if not options.contestants:
        parser.error("no contestant is left; name others with --contestants, or install what these need")
    return options


def _is_installed(name: str) -> bool:
    """Whether the packages of a contestant are here; says so where they are not."""
    missing = [package for package in NEEDS.get(name, ()) if importlib.util.find_spec(package) is None]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        names, install = " and ".join(missing), " ".join(missing)
        say(f"{name} is left out: {names} {are} not installed (pip install {install}).")
    return not missing


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


def _kept_attempt(name: str, images: Path, limit: int, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """The attempt that is kept, where it is of this machine and as large images; else a new one, which is kept."""
    if options.work is None:
        return _attempt(name, images, limit, seed, options)
    file = options.work / f"{images.name}-{limit}-{CONTESTANTS[name]}.json"
    made_on = {"machine": machine_facts(), "image_size": options.image_size}
    if file.exists():
        kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if kept["made_on"] == made_on:
            return dict(kept["attempt"])
    attempt = _attempt(name, images, limit, seed, options) | {"commit": commit()}
    options.work.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"made_on": made_on, "attempt": attempt}), encoding="utf-8")
    return attempt


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
