"""Which of many networks does a run leave out by a few images, and how long do the look and the profile take?

    pip install ./plugins/tlsearch-efficientnet-lite
    python -m benchmarks.quality.many_candidates DATASET --weights vgg16=FILE --image-size 64

`tlsearch run` gets the networks of EfficientNet-Lite with their weights, any other with a file that is named, and
networks with random weights, which stand for networks that do not suit the images: their files are made here. So what
should be left out is known. Everything is read from the run's result.json. The seconds that were saved are those of one
pass of all images through the networks that were left out, as the run has timed them; the trials that they would have
had are not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.synthetic_images import write_images
from benchmarks.figures.text import score
from tlsearch import backend
from tlsearch.plugins import registry

BENCHMARK = "quality.many_candidates"

TRAINED = tuple(f"efficientnet_lite{n}@imagenet" for n in range(3))
UNTRAINED = (
    "mobilenet_v3_large",
    "efficientnet_v2_b0",
    "efficientnet_v2_b1",
    "densenet121",
    "resnet50",
    "resnet50_v2",
    "googlenet",
    "googlenet_bn",
    "alexnet_owt",
)

QUICK = {
    "backbone": ["efficientnet_lite0@imagenet"],
    "untrained": ["efficientnet_lite0"] * 4,
    "image_size": 32,
    "trials": 2,
}
QUICK_IMAGES = {"train": 2100, "val": 60, "test": 60}

Figures = Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the random weights, run, print; gives the exit code of the run."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="tlsearch-candidates-") as temporary:
        folder = Path(temporary)
        dataset = options.dataset or write_images(folder / "images", QUICK_IMAGES, 32, options.seed)
        files = write_random_weights(options.untrained, options.image_size, folder, options.seed)
        output = options.output or folder / "output"
        command = [sys.executable, "-m", "tlsearch", "run", str(dataset), *_run_options(options, files)]
        command += ["--output", str(output), "--cache-dir", str(folder / "cache")]
        code = subprocess.run([*command, "--tracking-uri", f"sqlite:///{folder / 'mlflow.db'}"], check=False).returncode
        if code:
            return code
        figures = collect_figures(json.loads((output / "result.json").read_text(encoding="utf-8")))
    _print_table(figures)
    publish(BENCHMARK, options, figures)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser(__doc__)
    parser.add_argument("dataset", nargs="?", type=Path, help="a folder of images, as for `tlsearch run`")
    parser.add_argument(
        "--backbone", nargs="+", default=list(TRAINED), help="networks with the weights that they bring"
    )
    parser.add_argument("--untrained", nargs="+", default=list(UNTRAINED), help="networks with random weights")
    parser.add_argument(
        "--weights", action="append", default=[], help="BACKBONE=FILE: another network with its weights"
    )
    parser.add_argument("--image-size", type=int, default=64, help="side in pixels for all networks (default 64)")
    parser.add_argument("--trials", type=int, default=24, help="trials of the search (default 24)")
    parser.add_argument("--epochs", type=int, default=2, help="epochs of a trained trial (default 2)")
    parser.add_argument("--output", type=Path, help="as for `tlsearch run`: keeps what it writes")
    options = parse_options(parser, arguments, QUICK)
    if not options.dataset and not options.quick:
        parser.error("name a data set, or --quick to make one up")
    return options


def _run_options(options: argparse.Namespace, files: Mapping[str, Path]) -> list[str]:
    """What `tlsearch run` is asked for."""
    asked = [part for name in options.backbone for part in ("--backbone", name)]
    asked += [part for text in options.weights for part in ("--weights", text)]
    asked += [part for label, file in files.items() for part in ("--weights", f"{label}={file}")]
    fixed = ("--augment", "none", "--baseline", "none", "--early-stop")
    chosen = {
        "image-size": options.image_size,
        "trials": options.trials,
        "epochs": options.epochs,
        "seed": options.seed,
    }
    return [*asked, *fixed, *(part for name, value in chosen.items() for part in (f"--{name}", str(value)))]


def write_random_weights(names: Sequence[str], size: int, folder: Path, seed: int) -> dict[str, Path]:
    """Write a file of random weights for each of the networks; gives them by label, ``densenet121@untrained``.

    A network that is named again gets other weights: ``densenet121@untrained2``.
    """
    backend.prepare()
    import keras

    files: dict[str, Path] = {}
    seen: Counter[str] = Counter()
    for number, name in enumerate(names):
        seen[name] += 1
        label = f"{name}@untrained{seen[name] if seen[name] > 1 else ''}"
        keras.utils.set_random_seed(seed + number)
        plugin = registry.load_plugin("backbone", name)
        files[label] = folder / f"{label.replace('@', '-')}.weights.h5"
        with backend.one_model():
            plugin.build(max(size, plugin.min_image_size), None).save_weights(files[label])
        say(f"wrote random weights of {label}")
    return files


def collect_figures(result: Figures) -> dict[str, Any]:
    """What a run made of its networks, from its result.json."""
    plan, dataset = result["plan"], result["dataset"]
    sizes = {part: sum(by_class.values()) for part, by_class in dataset["counts"].items()}
    passes = {row["candidate"]: row["seconds_per_pass"] for row in result["frozen_work"]}
    trials = [row for row in result["trials"] if row["role"] == "trial"]
    tuned = Counter(row["candidate"] for row in trials if row["kind"] == "fine_tuning")
    probed = Counter(row["candidate"] for row in trials if row["kind"] != "fine_tuning")
    candidates = [
        {
            "label": seen["label"],
            "accuracy": round(seen["accuracy"], 4),
            "stderr": round(seen["stderr"], 4),
            "stays": seen["stays"],
            "profile": _best(result["profile"].get(seen["label"])),
            "heads": probed[seen["label"]],
            "tuned": tuned[seen["label"]],
            "milliseconds": round(1000 * passes.get(seen["label"], 0.0), 2),
        }
        for seen in sorted(plan["screened"], key=lambda seen: -seen["accuracy"])
    ]
    pool = sizes["train"] + sizes["val"]
    return {
        "images": sizes,
        "classes": len(dataset["classes"]),
        "image_size": plan["candidates"][0]["image_size"],
        "looked_at": plan["screened"][0]["images"] if plan["screened"] else 0,
        "candidates": candidates,
        "saved_seconds": round(sum(row["milliseconds"] for row in candidates if not row["stays"]) * pool / 1000, 1),
        "timings": {name: round(seconds, 1) for name, seconds in result["timings"].items()},
        "winner": result["winner"]["label"],
        "test": result["metrics"]["test"],
        "test_ci95": result["metrics"]["test_ci95"],
        "metric": result["metrics"]["name"],
    }


def _best(points: Sequence[Figures] | None) -> float | None:
    """The best accuracy of a profile; None of a network that has none."""
    return round(max(point["accuracy"] for point in points), 4) if points else None


def _print_table(figures: Figures) -> None:
    table = Table("network", f"probe on {figures['looked_at']}", "stays", "profile", "heads", "tuned", "ms an image")
    for row in figures["candidates"]:
        seen = f"{row['accuracy']:.3f} ± {row['stderr']:.3f}"
        counts = str(row["heads"]), str(row["tuned"]), f"{row['milliseconds']:.1f}"
        table.add_row(row["label"], seen, "yes" if row["stays"] else "no", score(row["profile"]), *counts)
    console = Console(width=110)
    console.print(table)
    steps = ", ".join(f"{name} {figures['timings'][name]:.0f} s" for name in ("plan", "profile", "search", "total"))
    console.print(f"{steps}; passes saved: {figures['saved_seconds']:.0f} s. Winner: {figures['winner']}")


if __name__ == "__main__":
    sys.exit(main())
