"""How well do boxes from heat maps fit things in pictures, where nobody drew a box to train on?

    python -m benchmarks.use.localisation examples/clothing --image-size 224 --trials 2

DATASET is a folder of photographs in class folders. Each photograph is pasted, smaller, somewhere onto a picture of
random waves and noise, so that the box around it is known. Boxes are written as Pascal VOC beside the pictures, and
`tlsearch run` reads, trains and scores as it does for anybody: the threshold is chosen on validation pictures, scores
are those of the test pictures. Every further argument is handed to `tlsearch run`. The scores with the default
threshold, which a model without boxed images has, are measured beside it.

What the pictures lack is what makes boxes hard in photographs: other things, and backgrounds that go with a class.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.common.results import make_parser, publish, say
from benchmarks.common.synthetic_images import write_images
from tlsearch.data.images.decode import calm_pillow, load_rgb
from tlsearch.data.sources import read_source
from tlsearch.data.usable import label_of
from tlsearch.explain.boxed_images import read_boxed
from tlsearch.explain.boxes import DEFAULT_THRESHOLD
from tlsearch.explain.localise import BoxRequest, localise
from tlsearch.folders.boxes.box import Box
from tlsearch.folders.boxes.voc import write_voc
from tlsearch.predictor import load
from tlsearch.results.result import read_result
from tlsearch.stats.claims import Estimate
from tlsearch.stats.localisation import OVERLAPS, BoxScores, Localisation

BENCHMARK = "use.localisation"
SIZE = (320, 240)
"""Width and height of a picture."""

THING = (0.35, 0.6)
"""The longer side of a photograph in it, as a share of the height: least and greatest."""

SHARES = {"train": 0.5, "val": 0.25, "test": 0.25}
COPIES = {"train": 2, "val": 2, "test": 2}
"""Pictures that are made of each photograph, each at another place."""

QUICK = [
    *("--backbone", "efficientnet_lite0", "--image-size", "64", "--augment", "none"),
    *("--trials", "2", "--epochs", "1", "--baseline", "none"),
]
QUICK_IMAGES = {"train": 120}


def main(arguments: Sequence[str] | None = None) -> int:
    """Paste, run, score, print."""
    parser = make_parser(__doc__)
    parser.add_argument("dataset", nargs="?", type=Path, metavar="DATASET", help="photographs in class folders")
    typed = list(sys.argv[1:] if arguments is None else arguments)
    options, of_run = parser.parse_known_args(typed)
    options.arguments = typed
    if options.quick and options.save:
        parser.error("a quick run is no result to save; --result FILE writes it elsewhere")
    if options.dataset is None and not options.quick:
        parser.error("name a folder of photographs in class folders")
    with tempfile.TemporaryDirectory(prefix="tlsearch-localisation-") as folder:
        work = Path(folder)
        source = options.dataset
        if options.quick:
            source = write_images(work / "photographs", QUICK_IMAGES, 64, options.seed) / "train"
            of_run = [*QUICK, *of_run]
        pictures = write_pictures(source, work / "pictures", options.seed)
        output = _run(pictures, of_run, work, options.seed)
        figures = measure(output, pictures)
    print_table(figures)
    publish(BENCHMARK, options, figures)
    return 0


def write_pictures(
    source: Path,
    target: Path,
    seed: int,
    thing: tuple[float, float] = THING,
    copies: Mapping[str, int] = COPIES,
) -> Path:
    """Write pictures with the photographs in ``source``, in parts and classes, and their boxes; equal for equal seeds.

    All pictures of a photograph are in one part. ``thing`` is the longer side of a photograph in a picture, as a share
    of the height, least and greatest. ``copies`` are the pictures that are made of each photograph of a part.
    """
    rng = np.random.default_rng(seed)
    items = list(read_source(source).items)
    for name in sorted({label_of(item) for item in items}):
        files = [item.file for item in items if label_of(item) == name]
        ends = np.cumsum([round(share * len(files)) for share in SHARES.values()])
        order = rng.permutation(len(files))
        for part, rows in zip(SHARES, np.split(order, ends[:-1]), strict=True):
            for row in sorted(rows.tolist()):
                for copy in range(copies[part]):
                    _write(files[row], target, f"{part}/{name}/{row:04}-{copy}", thing, rng)
    return target


def _write(photograph: Path, target: Path, name: str, thing: tuple[float, float], rng: np.random.Generator) -> None:
    """Paste one photograph somewhere, and write the picture and its annotation."""
    with calm_pillow():
        image = load_rgb(photograph)
    share = float(rng.uniform(*thing)) * SIZE[1] / max(image.size)
    width, height = (max(1, round(side * share)) for side in image.size)
    left, upper = int(rng.integers(0, SIZE[0] - width + 1)), int(rng.integers(0, SIZE[1] - height + 1))
    picture = _background(rng)
    picture.paste(image.resize((width, height), Image.Resampling.LANCZOS), (left, upper))
    file, annotation = target / f"{name}.jpg", target / "Annotations" / f"{name}.xml"
    for path in (file, annotation):
        path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(file, quality=92)
    box = Box(x_min=left, y_min=upper, x_max=left + width, y_max=upper + height, label=name.split("/")[1])
    annotation.write_bytes(write_voc(file.name, SIZE, [box]))


def _background(rng: np.random.Generator) -> Image.Image:
    """Waves of random colours, directions and lengths, with noise."""
    rows, columns = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    pixels = np.full((SIZE[1], SIZE[0], 3), rng.uniform(70, 185, 3))
    for _ in range(4):
        angle, length = rng.uniform(0, np.pi), rng.uniform(8, 90)
        wave = np.sin(2 * np.pi * (rows * np.sin(angle) + columns * np.cos(angle)) / length + rng.uniform(0, 6))
        pixels = pixels + wave[..., None] * rng.uniform(-28, 28, 3)
    pixels = pixels + rng.normal(0, 8, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _run(pictures: Path, of_run: Sequence[str], work: Path, seed: int) -> Path:
    """Run tlsearch with an empty cache and give its output folder."""
    output = work / "output"
    command = [sys.executable, "-m", "tlsearch", "run", str(pictures), *of_run, "--seed", str(seed)]
    command += ["--output", str(output), "--cache-dir", str(work / "cache")]
    command += ["--tracking-uri", f"sqlite:///{work / 'mlflow.db'}"]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return output


def measure(output: Path, pictures: Path) -> dict[str, Any]:
    """The scores of the run, and those with the default threshold."""
    result = read_result(output)
    found = result.insights.localisation
    if found is None:
        raise SystemExit(f"the run scored no boxes: {result.insights.no_localisation}")
    say(f"threshold {found.threshold} from {found.threshold_images} {found.threshold_from}")
    predictor = load(output / "model")
    predictor.config.pop("localisation", None)
    scored = read_boxed(pictures, predictor.labels).scored
    default = localise(BoxRequest(model=output / "model", scored=scored), predictor)
    return {
        "images": found.images,
        "accuracy": round(result.metrics.test_accuracy or result.metrics.test, 4),
        "winner": result.winner.label,
        "image_size": predictor.image_size,
        "threshold": found.threshold,
        "threshold_images": found.threshold_images,
        "threshold_from": found.threshold_from,
        "default_threshold": DEFAULT_THRESHOLD,
        "centre_share": found.centre_share,
        "overlaps": list(OVERLAPS),
        "rows": [
            _row("heat maps", found.model),
            _row("heat maps, default threshold", default.model),
            _row("box in the middle", found.centre),
            _row("whole image", found.whole),
        ],
        "gains": _gains(found),
    }


def _row(name: str, scores: BoxScores) -> dict[str, Any]:
    named = {"pointing": scores.pointing, "box_accuracy": scores.box_accuracy}
    named |= {f"overlap_{least}": one for least, one in zip(OVERLAPS, scores.by_overlap, strict=True)}
    return {"name": name, **{key: _plain(one) for key, one in named.items()}}


def _plain(one: Estimate) -> dict[str, Any]:
    return {"value": round(one.value, 4), "ci95": [round(end, 4) for end in one.ci95]}


def _gains(found: Localisation) -> dict[str, Any]:
    gains = {"box in the middle": found.over_centre, "whole image": found.over_whole}
    return {
        name: {"pointing": _plain(one.pointing), "box_accuracy": _plain(one.box_accuracy)}
        for name, one in gains.items()
    }


def print_table(figures: Mapping[str, Any]) -> None:
    """For people."""
    table = Table("", "pointing game", "box accuracy", *(f"overlap {least}" for least in figures["overlaps"]))
    for row in figures["rows"]:
        values = [row[key] for key in row if key != "name"]
        table.add_row(row["name"], *("{:.3f} [{:.3f} {:.3f}]".format(one["value"], *one["ci95"]) for one in values))
    Console(stderr=True).print(table)


if __name__ == "__main__":
    sys.exit(main())
