"""Do heat maps mean anything: does the probability fall faster in the order of the map than in a random order?

    python -m benchmarks.use.explain examples/clothing --time-limit 2m --image-size 96

Every argument that is no option of this benchmark is handed to `tlsearch run`; `--run DIR` takes a finished run
instead. The maps of the winner on all images that are not test images are compared with two controls that look like
maps: the map of the same image for another class, and the map of another image. What is measured must tell them apart.
Where the maps are exact, the sum of each and the bias of its class are compared with the logit that the model gives.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.common.results import make_parser, publish, say
from benchmarks.common.synthetic_images import write_images
from tlsearch.explain.curves import Pictures, measure_curves
from tlsearch.explain.maps import Explainer
from tlsearch.explain.measures import border_shares, rank_correlations
from tlsearch.explain.pictures import read_images
from tlsearch.export.run_images import find_run_images
from tlsearch.plugins.api import Images
from tlsearch.predictor import Predictor, load
from tlsearch.reporter import SilentReporter
from tlsearch.results.result import read_result
from tlsearch.types import Float32Array, LabelArray

BENCHMARK = "use.explain"
QUICK = [
    *("--backbone", "efficientnet_lite0", "--image-size", "64", "--augment", "none"),
    *("--trials", "2", "--epochs", "1", "--baseline", "none"),
]
QUICK_IMAGES = {"train": 40, "val": 16, "test": 16}
MOST_IMAGES, QUICK_MOST = 200, 12


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, explain, measure, print."""
    parser = make_parser(__doc__)
    parser.add_argument("--run", type=Path, metavar="DIR", help="the output folder of a finished run")
    parser.add_argument("--images", type=int, help=f"at most so many images (default {MOST_IMAGES})")
    typed = list(sys.argv[1:] if arguments is None else arguments)
    options, of_run = parser.parse_known_args(typed)
    options.arguments = typed
    if options.quick and options.save:
        parser.error("a quick run is no result to save; --result FILE writes it elsewhere")
    with tempfile.TemporaryDirectory(prefix="tlsearch-explain-") as folder:
        run = options.run or _run(options, of_run, Path(folder))
        figures = measure(run, options.images or (QUICK_MOST if options.quick else MOST_IMAGES), options.seed)
    print_table(figures)
    publish(BENCHMARK, options, figures)
    return 0


def _run(options: argparse.Namespace, of_run: Sequence[str], folder: Path) -> Path:
    """Run tlsearch with an empty cache and give its output folder."""
    if options.quick:
        of_run = [str(write_images(folder / "images", QUICK_IMAGES, 64, options.seed)), *QUICK, *of_run]
    output = folder / "output"
    command = [sys.executable, "-m", "tlsearch", "run", *of_run, "--seed", str(options.seed)]
    command += ["--output", str(output), "--cache-dir", str(folder / "cache")]
    command += ["--tracking-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return output


def measure(run: Path, most: int, seed: int) -> dict[str, Any]:
    """The figures of a run's winner, and of its network from scratch where there is one."""
    result = read_result(run)
    found = find_run_images(run, refitted=False, reporter=SilentReporter()).proof.at_most(most)
    predictor = load(run / "model")
    images = _read(predictor, found.files)
    explainer = Explainer(predictor)
    maps = explainer(images)
    rng = np.random.default_rng(seed)
    others = (maps.classes + rng.integers(1, len(predictor.labels), len(images))) % len(predictor.labels)
    about_others = explainer(images, others.astype(np.intp)).maps
    groups = np.asarray(found.groups, np.int64)
    rows = [
        _row("its own", predictor, Pictures(images=images, maps=maps.maps, classes=maps.classes, groups=groups), seed),
        _row(
            "for another class",
            predictor,
            Pictures(images=images, maps=about_others, classes=maps.classes, groups=groups),
            seed,
        ),
        _row(
            "of another image",
            predictor,
            Pictures(images=images, maps=np.roll(maps.maps, 1, axis=0), classes=maps.classes, groups=groups),
            seed,
        ),
    ]
    return {
        "images": len(images),
        "source": found.source,
        "seen": found.seen or result.plan.folds > 1,
        "winner": result.winner.label,
        "image_size": predictor.image_size,
        "places": list(explainer.grid),
        "method": maps.method,
        "largest_error": _largest_error(predictor, images, maps.maps, maps.classes) if maps.exact else None,
        "border": round(float(np.nanmean(border_shares(maps.maps))), 4),
        "maps": rows,
        "from_scratch": _scratch(run, found.files, maps.maps, maps.classes),
    }


def _row(name: str, predictor: Predictor, pictures: Pictures, seed: int) -> dict[str, Any]:
    curves = measure_curves(predictor, pictures, seed)
    say(f"map {name}: {curves.deletion_gain:.3f} {curves.deletion_gain_ci95}")
    return {
        "map": name,
        "deletion_gain": round(curves.deletion_gain, 4),
        "deletion_gain_ci95": [round(end, 4) for end in curves.deletion_gain_ci95],
        "insertion_gain": round(curves.insertion_gain, 4),
        "insertion_gain_ci95": [round(end, 4) for end in curves.insertion_gain_ci95],
    }


def _read(predictor: Predictor, files: Sequence[Path]) -> Images:
    return np.stack([item for item in read_images(predictor, files) if not isinstance(item, str)])


def _largest_error(predictor: Predictor, images: Images, maps: Float32Array, classes: LabelArray) -> float:
    """The largest difference between the sum of a map with the bias of its class and the logit that the model gives."""
    import keras

    model = predictor.model
    logits = keras.Model(model.input, model.layers[-1].input).predict(images.astype(np.float32), verbose=0)
    bias = np.asarray(keras.ops.convert_to_numpy(model.get_layer("logits").bias))
    given = np.asarray(logits)[np.arange(len(images)), classes]
    return float(np.abs(maps.sum(axis=(1, 2)) + bias[classes] - given).max())


def _scratch(run: Path, files: Sequence[Path], maps: Float32Array, classes: LabelArray) -> Mapping[str, Any] | None:
    """How alike the maps of the network from scratch are; None where there is none."""
    if not (run / "baseline").is_dir():
        return None
    predictor = load(run / "baseline")
    theirs = Explainer(predictor)(_read(predictor, files), classes).maps
    return {
        "same_image": round(float(np.nanmean(rank_correlations(maps, theirs))), 3),
        "other_images": round(float(np.nanmean(rank_correlations(maps, np.roll(theirs, 1, axis=0)))), 3),
    }


def print_table(figures: Mapping[str, Any]) -> None:
    """For people."""
    table = Table("map", "deletion gain", "95 %", "insertion gain", "95 %")
    for row in figures["maps"]:
        cells = [f"{row[name]:+.3f}" for name in ("deletion_gain", "insertion_gain")]
        ends = ["{:+.3f} {:+.3f}".format(*row[f"{name}_gain_ci95"]) for name in ("deletion", "insertion")]
        table.add_row(row["map"], cells[0], ends[0], cells[1], ends[1])
    Console(stderr=True).print(table)


if __name__ == "__main__":
    sys.exit(main())
