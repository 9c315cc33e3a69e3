"""What do exported files lose, by format and precision, and does the proof find a fault that was planted?

    python -m benchmarks.use.export_proofs DATASET --images FOLDER

Three models are exported to every format in every precision that it has: the winners of two short runs on DATASET,
with EfficientNet-Lite0 and with VGG16, and a hidden layer on joined cuts of the first of these networks, fitted to
the training images of its run. The proofs are made on labelled images of FOLDER, in whose class folders (at any
depth) files are left out that DATASET has too, by their content. The planted fault is an ONNX file that takes blue
for red. Weights of VGG16 are found as `tlsearch run` finds them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common.joined_head import fit_joined
from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.synthetic_images import write_images
from benchmarks.common.tables import print_rows
from tlsearch import RunConfig, SilentReporter, backend, run
from tlsearch.export.contract import PRECISIONS, ExportedNetwork, Precision
from tlsearch.export.export import ExportedFile, ExportOptions, export_model
from tlsearch.export.formats import FORMATS
from tlsearch.export.formats.onnx_file import Onnx
from tlsearch.export.speed import machine
from tlsearch.export.words import alone
from tlsearch.types import Float32Array
from tlsearch.utils.files import write_atomically

BENCHMARK = "use.export_proofs"

LITE0, VGG16 = "efficientnet_lite0", "vgg16"
JOINED = "hidden layer on joined cuts"
FAULT = "channels swapped"

Row = dict[str, Any]
QUICK = {"backbones": [LITE0], "formats": ["onnx", "keras"], "image_size": 32, "trials": 1, "count": 60}
QUICK_IMAGES = {"": 100}


class Swapped(Onnx):
    """A format whose files take blue for red, as those of a converter that confuses the two."""

    def write(
        self, network: ExportedNetwork, precision: Precision, target: Path, samples: Iterable[Float32Array]
    ) -> None:
        """Write the network, then put an exchange of the channels before its first operation."""
        import onnx

        super().write(network, precision, target, samples)
        model = onnx.load(str(target))
        for node in model.graph.node:
            node.input[:] = ["bgr" if name == "rgb" else name for name in node.input]
        order = onnx.numpy_helper.from_array(np.array([2, 1, 0], np.int64), "order")
        model.graph.initializer.append(order)
        model.graph.node.insert(0, onnx.helper.make_node("Gather", ["rgb", "order"], ["bgr"], axis=3))
        onnx.save(model, str(target))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, export, prove, plant, print."""
    options = _options(arguments)
    backend.prepare()
    with tempfile.TemporaryDirectory(prefix="tlsearch-proofs-") as work:
        room = options.work or Path(work)
        room.mkdir(parents=True, exist_ok=True)
        if options.quick:
            options.dataset = write_images(Path(work) / "images", QUICK_IMAGES, 32, options.seed)
            options.images = write_images(Path(work) / "more", QUICK_IMAGES, 32, options.seed + 1)
        images = unseen(options.images, options.dataset, options.count, Path(work) / "unseen")
        proofs: list[Row] = []
        faults: list[Row] = []
        for name, model in _models(options, room):
            for precision in PRECISIONS:
                say(f"{name}, {precision}")
                formats = tuple(one for one in options.formats if precision in FORMATS[one].precisions)
                target = Path(work) / name / precision
                asked = ExportOptions(formats=formats, precision=precision, to=target, images=images)
                proofs += _kept(room / f"{name}, {precision}.json", partial(_exported, name, model, asked))
            planted = partial(_fault, name, model, images, Path(work) / f"{name} with a fault")
            faults += _kept(room / f"{name}, fault.json", planted)
    figures = {
        "dataset": Path(options.dataset).name,
        "image_size": options.image_size,
        "trials": options.trials,
        "proofs": proofs,
        "faults": faults,
        "machine": machine(),
    }
    print_rows("Proofs", proofs)
    print_rows("A planted fault", faults)
    publish(BENCHMARK, options, figures)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser(__doc__)
    parser.add_argument("dataset", nargs="?", type=Path, help="what the runs learn: a folder of class folders")
    parser.add_argument("--images", type=Path, help="labelled images for the proofs, which no run has seen")
    parser.add_argument("--count", type=int, default=500, help="how many of them, at most (default 500)")
    parser.add_argument("--backbones", nargs="+", default=[LITE0, VGG16], help="one run with each")
    parser.add_argument("--weights", nargs="+", default=[], help="BACKBONE=FILE, as for `tlsearch run`")
    parser.add_argument("--formats", nargs="+", default=list(FORMATS), help="those of tlsearch export")
    parser.add_argument("--image-size", type=int, default=96, help="side in pixels (default 96)")
    parser.add_argument("--trials", type=int, default=3, help="trials of each run (default 3)")
    parser.add_argument("--work", type=Path, help="a folder that keeps runs and proofs, to begin again")
    options = parse_options(parser, arguments, QUICK)
    if not options.quick and (options.dataset is None or options.images is None):
        parser.error("name a data set and other images of its classes with --images, or --quick to make both up")
    return options


def unseen(folder: Path, dataset: Path, count: int, target: Path) -> Path:
    """Copy images of ``folder`` that are not in ``dataset`` into ``target``, as many of each class, and give that.

    The name of the folder in which an image lies is its class. Of each class the images are spaced evenly.
    """
    known = {_hash(file) for file in dataset.rglob("*") if file.is_file()}
    by_class: dict[str, list[Path]] = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp") and _hash(file) not in known:
            by_class.setdefault(file.parent.name, []).append(file)
    for name, files in by_class.items():
        (target / name).mkdir(parents=True)
        share = max(1, count // len(by_class))
        rows = np.linspace(0, len(files) - 1, min(share, len(files))).round().astype(int)
        for number, row in enumerate(rows):
            shutil.copy(files[row], target / name / f"{number:05}{files[row].suffix}")
    return target


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _models(options: argparse.Namespace, room: Path) -> Iterator[tuple[str, Path]]:
    """The folders of the models, by what they are called."""
    for backbone in options.backbones:
        output = room / backbone
        if not (output / "result.json").exists():
            say(f"a run with {backbone}")
            config = RunConfig(
                dataset=options.dataset,
                backbones=(backbone,),
                weights=tuple(given for given in options.weights if given.partition("=")[0] == backbone),
                image_size=options.image_size,
                trials=options.trials,
                augment=("none",),
                baseline="none",
                seed=options.seed,
                output=output,
                tracking_uri=f"sqlite:///{room / 'mlflow.db'}",
            )
            run(config, SilentReporter())
        yield backbone, output / "model"
    joined = room / options.backbones[0] / "joined"
    if not (joined / "model.keras").exists():
        say(JOINED)
        fit_joined(room / options.backbones[0], joined, options.seed)
    yield JOINED, joined


def _kept(file: Path, make: Callable[[], list[Row]]) -> list[Row]:
    """What a file of a run of before holds; else what ``make`` gives, which is written into it."""
    if not file.exists():
        write_atomically(file, json.dumps(make()))
    found: list[Row] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _exported(name: str, model: Path, options: ExportOptions) -> list[Row]:
    """The proofs of the files of a model; none where no format is asked for."""
    return [_row(name, file) for file in export_model(model, options)] if options.formats else []


def _fault(name: str, model: Path, images: Path, target: Path) -> list[Row]:
    """The proof of an ONNX file with swapped channels."""
    kept = FORMATS["onnx"]
    FORMATS["onnx"] = Swapped()
    try:
        (file,) = export_model(model, ExportOptions(formats=("onnx",), to=target, images=images))
    finally:
        FORMATS["onnx"] = kept
    return [{**_row(name, file), "fault": FAULT, "file": file.path.name}]


def _row(name: str, file: ExportedFile) -> Row:
    proof = file.proof
    found = proof.comparison
    return {
        "model": name,
        "format": proof.format,
        "precision": proof.precision,
        "proven": proof.proven,
        "images": found.images,
        "equal_answers": round(found.equal_answers, 4),
        "largest_difference": found.largest_difference,
        "model_accuracy": round(found.model_accuracy, 4),
        "accuracy_lost": round(-found.difference, 4),
        "ci95": [round(-bound, 4) for bound in reversed(found.ci95)],
        "megabytes": round(proof.megabytes, 2),
        "ms": round(alone(proof.timings).ms_per_image, 2),
        "reason": proof.reason,
    }


if __name__ == "__main__":
    sys.exit(main())
