"""Does a run that may choose among more networks find a better answer in the same seconds?

    python -m benchmarks.quality.more_networks DATASET --time-limit 25m --work DIR

For every seed there are two whole runs (benchmarks.quality.whole_run), one with the networks of ``--few``, one with
those of ``--more``. Arguments that are no option of this benchmark are handed to both. With ``--side-by-side`` the two
runs of a seed run at the same time, each on one half of the processor's cores (Linux only): this halves the time, and
both lose alike what they do to each other.

With `--work DIR` the result of each run is kept, and the same command goes on later with those that are missing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.common.results import Result, make_parser, publish, read_result, say
from benchmarks.common.synthetic_images import write_images
from benchmarks.common.tables import print_rows

BENCHMARK = "quality.more_networks"
QUICK_RUN = ["--image-size", "32", "--augment", "none", "--trials", "2", "--epochs", "1", "--baseline", "none"]
QUICK_IMAGES = {"train": 60, "val": 20, "test": 20}

Row = Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both sets of networks with every seed, and compare."""
    options, of_run = read_options(arguments)
    with ExitStack() as stack:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tlsearch-networks-")))
        if options.quick:
            of_run = [str(write_images(temporary / "images", QUICK_IMAGES, 32, options.seed)), *QUICK_RUN, *of_run]
        work = options.work or temporary
        work.mkdir(parents=True, exist_ok=True)
        rows = [
            row
            for seed in range(options.seed, options.seed + options.seeds)
            for row in runs_of_seed(seed, options, of_run, work)
        ]
    shown = ("seed", "winner", "test", "test_accuracy", "trials", "seconds")
    print_rows("Whole runs", [{"networks": len(row["networks"]), **{n: row[n] for n in shown}} for row in rows])
    publish(BENCHMARK, options, {"side_by_side": options.side_by_side, "runs": rows})
    return 0


def read_options(arguments: Sequence[str] | None) -> tuple[argparse.Namespace, list[str]]:
    """The options, and what is handed to the runs."""
    parser = make_parser(__doc__)
    parser.add_argument("--few", nargs="+", metavar="NETWORK", default=["efficientnet_lite0", "vgg16"])
    parser.add_argument(
        "--more",
        nargs="+",
        metavar="NETWORK",
        default=["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "vgg16"],
    )
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, from --seed on (default 3)")
    parser.add_argument(
        "--side-by-side", action="store_true", help="both runs of a seed at once, on half the cores each"
    )
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep each run's result here, and take those there")
    typed = list(sys.argv[1:] if arguments is None else arguments)
    options, of_run = parser.parse_known_args(typed)
    options.arguments = typed
    if options.quick and options.save:
        parser.error("a quick run is no result to save; --result FILE writes it elsewhere")
    if options.quick:
        options.seeds = 1
    if options.side_by_side and len(halves_of_the_cores()[0]) == 0:
        parser.error("--side-by-side needs two cores, and a system that can bind a process to some of them")
    return options, of_run


def runs_of_seed(seed: int, options: argparse.Namespace, of_run: Sequence[str], work: Path) -> list[Row]:
    """The figures of both runs, those with few networks first; results that ``work`` has are taken."""
    files = {name: work / f"{name}-{seed}.json" for name in ("few", "more")}
    missing = [name for name, file in files.items() if not file.exists()]
    commands = {
        name: [sys.executable, "-m", "benchmarks.quality.whole_run", *of_run, "--seed", str(seed)]
        + [argument for network in getattr(options, name) for argument in ("--backbone", network)]
        + ["--result", str(files[name])]
        for name in missing
    }
    (run_side_by_side if options.side_by_side else run_in_turn)(list(commands.values()))
    return [
        {"set": name, "networks": getattr(options, name), "seed": seed, **figures_of(read_result(file))}
        for name, file in files.items()
    ]


def run_in_turn(commands: Sequence[Sequence[str]]) -> None:
    """Run commands one after the other. Raises ``subprocess.CalledProcessError`` where one fails."""
    for command in commands:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def run_side_by_side(commands: Sequence[Sequence[str]]) -> None:
    """Run at most two commands at the same time, each on its half of the cores.

    Raises:
        subprocess.CalledProcessError: One of them has failed; both have ended.
    """
    processes = []
    for command, cores in zip(commands, halves_of_the_cores(), strict=False):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        os.sched_setaffinity(process.pid, cores)  # long before it counts them: Python has only begun to start
        processes.append(process)
    for process, code in [(process, process.wait()) for process in processes]:
        if code:
            raise subprocess.CalledProcessError(code, process.args)


def halves_of_the_cores() -> tuple[set[int], set[int]]:
    """The cores that this process may use, in two sets of the same size; empty ones where that cannot be."""
    if not hasattr(os, "sched_getaffinity"):
        return set(), set()
    cores = sorted(os.sched_getaffinity(0))
    half = len(cores) // 2
    return set(cores[:half]), set(cores[half : 2 * half])


def figures_of(result: Result) -> dict[str, Any]:
    """What a whole run found, and on which commit."""
    figures, metrics = result.figures, result.figures["metrics"]
    say(f"{figures['winner']}: {metrics['name']} {metrics['test']:.3f} on test")
    return {
        "winner": figures["winner"],
        "metric": metrics["name"],
        "val": metrics["val"],
        "test": metrics["test"],
        "test_ci95": metrics["test_ci95"],
        "test_accuracy": metrics["test_accuracy"],
        "images": figures["images"],
        "trials": figures["trials"],
        "seconds": figures["seconds"],
        "commit": result.commit,
    }


if __name__ == "__main__":
    sys.exit(main())
