"""Does a model notice pictures that are unlike its training images, and how often does it cry wolf?

    python -m benchmarks.use.monitor DATASET --image-size 96

DATASET has a folder for every class, which is divided at random here (70, 15 and 15 %), so that held-out images are of
the same source; or the folders ``train``, ``validation`` (or ``val``) and ``test`` with such folders. One class is left
out. ``tlsearch run`` makes a model of the others, which then sees pictures of five kinds:

- *held-out*: the test images as they are, on which every alarm is false;
- *blurred*, *grey*, *dark*, *noisy*: the same images after a Gaussian blur (2 % of the longer side), without colour, at
  a quarter of their brightness, and with noise (a standard deviation of 40 of 255);
- *another class*: images of the class that was left out, from the same source;
- *other photographs*: squares cut out of photographs of a temple, a flower and a person (scikit-learn, Matplotlib).

Of each kind there are the area under the ROC curve of the distance from the training images against the held-out ones,
the share that is called unlike them, the share that is left to a person, and how often ``tlsearch monitor`` says that
the figures do not apply, in folders of 30 and of 100 pictures that are drawn from the kind. What prediction sets do on
all test images of the run is there too.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter, ImageOps

import tlsearch
from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.tables import print_rows
from tlsearch.monitoring.monitor import Seen, judge, look
from tlsearch.reporter import SilentReporter
from tlsearch.results.result import read_result
from tlsearch.stats.intervals import amended_wilson
from tlsearch.uncertainty.reference import TrainingReference

BENCHMARK = "use.monitor"

PARTS = ("train", "validation", "val", "test")
FOLDERS = (30, 100)
HELD_OUT = "held-out"
Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a model, show it pictures, and print."""
    parser = make_parser(__doc__)
    parser.add_argument("dataset", type=Path, metavar="DATASET")
    parser.add_argument("--leave-out", metavar="CLASS", help="the class that is left out (default: the last by name)")
    parser.add_argument("--image-size", type=int, default=96)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--per-class", type=int, default=1000, help="images of each class and part, at most (1000)")
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--freeze", help="what is frozen, as for tlsearch run")
    parser.add_argument("--pictures", type=int, default=400, help="pictures of each kind, at most (default 400)")
    parser.add_argument("--draws", type=int, default=200, help="folders of each size and kind (default 200)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep the model here (default: a temporary folder)")
    options = parse_options(
        parser, arguments, {"image_size": 32, "trials": 1, "pictures": 60, "draws": 5, "per_class": 12}
    )
    with tempfile.TemporaryDirectory(prefix="tlsearch-monitor-") as temporary:
        work = options.work or Path(temporary)
        figures = run(options, work)
    print_rows("Pictures unlike the training images", figures["rows"])
    publish(BENCHMARK, options, figures)
    return 0


def run(options: Any, work: Path) -> Row:
    """All figures."""
    if not (options.dataset / "test").is_dir():
        options.dataset = divided(options.dataset, work / "divided", options.seed)
    left_out = options.leave_out or sorted(folder.name for folder in (options.dataset / "test").iterdir())[-1]
    model = train(options, without(options.dataset, left_out, options.per_class, work / "data"), work / "run")
    predictor = tlsearch.load(model)
    reference = predictor.reference
    if reference is None:
        raise SystemExit("the model has no reference images")
    rng = np.random.default_rng(options.seed)
    tests = sorted(path for path in (work / "data" / "test").rglob("*") if path.is_file())
    tests = [tests[place] for place in np.sort(rng.permutation(len(tests))[: options.pictures])]
    seen: dict[str, Seen] = {}
    for kind, pictures in kinds(options, tests, left_out, rng).items():
        say(f"monitor: {kind}")
        folder = work / "pictures" / kind.replace(" ", "-")
        save(pictures, folder)
        seen[kind] = look(predictor, [folder], SilentReporter())
    spec, judging = predictor.config["spec"], Model(labels=predictor.labels, reference=reference, seen=seen)
    return {
        "left out": left_out,
        "image size": options.image_size,
        "kind of trial": "feature extraction" if spec["freeze_depth"] == spec["depth"] else "fine-tuning",
        "frozen cut points": spec["freeze_depth"],
        "cut points": spec["depth"],
        "layers": [layer.name for layer in reference.layers],
        "reference images": len(reference.images),
        "held-out distances": len(reference.held_out),
        "stated false alarms": reference.false_alarms,
        "folders": options.draws,
        "prediction sets": set_rows(work / "run"),
        "rows": [row(judging, kind, options.draws, rng) for kind in seen],
    }


def divided(dataset: Path, target: Path, seed: int) -> Path:
    """Links to the images of class folders, divided at random into training, validation and test images."""
    rng = np.random.default_rng(seed)
    for folder in sorted(path for path in dataset.iterdir() if path.is_dir()):
        files = sorted(path for path in folder.iterdir() if path.is_file())
        order = rng.permutation(len(files))
        ends = [round(share * len(files)) for share in (0.7, 0.85, 1.0)]
        for part, places in zip(("train", "validation", "test"), np.split(order, ends[:2]), strict=True):
            (target / part / folder.name).mkdir(parents=True, exist_ok=True)
            for place in places:
                link = target / part / folder.name / files[place].name
                if not link.is_symlink():
                    link.symlink_to(files[place].resolve())
    return target


def without(dataset: Path, left_out: str, most: int, target: Path) -> Path:
    """The data set without a class, as links to at most so many files of each of its folders."""
    for part in dataset.iterdir():
        if part.name in PARTS:
            (target / part.name).mkdir(parents=True, exist_ok=True)
            for folder in part.iterdir():
                if not folder.is_dir() or folder.name == left_out or (target / part.name / folder.name).exists():
                    continue
                (target / part.name / folder.name).mkdir()
                for file in sorted(folder.iterdir())[:most]:
                    (target / part.name / folder.name / file.name).symlink_to(file.resolve())
    if not (target / "test").is_dir() or not (target / "train").is_dir():
        raise SystemExit(f"{dataset} has no folders train and test")
    return target


def train(options: Any, data: Path, output: Path) -> Path:
    """The folder of a model."""
    if not (output / "result.json").is_file():
        tlsearch.run(
            data,
            output=output,
            image_size=options.image_size,
            trials=options.trials,
            backbones=(options.backbone,),
            freeze=options.freeze,
            baseline="none",
            seed=options.seed,
            cache_dir=output.parent / "cache",
            tracking_uri=f"sqlite:///{output.parent / 'mlflow.db'}",
            force=True,
        )
    return output / "model"


def kinds(
    options: Any, tests: Sequence[Path], left_out: str, rng: np.random.Generator
) -> Mapping[str, Iterator[Image.Image]]:
    """Pictures by kind, the held-out ones first."""
    changes: dict[str, Callable[[Image.Image], Image.Image]] = {
        HELD_OUT: lambda image: image,
        "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(0.02 * max(image.size))),
        "grey": lambda image: ImageOps.grayscale(image).convert("RGB"),
        "dark": lambda image: image.point(lambda value: value // 4),
        "noisy": lambda image: _noisy(image, rng),
    }
    foreign = sorted(path for path in (options.dataset / "test" / left_out).iterdir() if path.is_file())
    found: dict[str, Iterator[Image.Image]] = {kind: map(change, map(_read, tests)) for kind, change in changes.items()}
    found["another class"] = (_read(path) for path in foreign[: options.pictures])
    found["other photographs"] = _squares(min(options.pictures, 200), rng)
    return found


def _read(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def _noisy(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    values = np.asarray(image, np.float32)
    return Image.fromarray(np.clip(values + rng.normal(0, 40, values.shape), 0, 255).astype(np.uint8))


def _squares(count: int, rng: np.random.Generator) -> Iterator[Image.Image]:
    """Squares of random size and place from photographs that the libraries bring."""
    import matplotlib
    from sklearn.datasets import load_sample_images

    photographs = [Image.fromarray(image) for image in load_sample_images().images]
    photographs.append(_read(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"))
    for number in range(count):
        image = photographs[number % len(photographs)]
        side = int(rng.integers(100, min(image.size) + 1))
        left, top = (int(rng.integers(length - side + 1)) for length in image.size)
        yield image.crop((left, top, left + side, top + side))


def save(pictures: Iterator[Image.Image], folder: Path) -> None:
    """Write pictures without loss, in their order."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        picture.save(folder / f"{number:05d}.png", compress_level=1)


def set_rows(output: Path) -> list[Row]:
    """What prediction sets do on the test images of the run, by coverage."""
    found = read_result(output).insights.prediction_sets
    return [] if found is None else [{"images": found.images, **asdict(level)} for level in found.levels]


@dataclass(frozen=True, kw_only=True)
class Model:
    """What judges pictures, and what it has seen of them by kind."""

    labels: Sequence[str]
    reference: TrainingReference
    seen: Mapping[str, Seen]


def row(model: Model, kind: str, draws: int, rng: np.random.Generator) -> Row:
    """The figures of a kind."""
    from sklearn.metrics import roc_auc_score

    found, clean = model.seen[kind], np.asarray(model.seen[HELD_OUT].distances)
    distances = np.asarray(found.distances)
    unlike, pictures = int(model.reference.unlike(distances).sum()), len(distances)
    truth = np.r_[np.zeros(len(clean)), np.ones(pictures)]
    sizes = [size for size in FOLDERS if size <= pictures]
    alarms = {size: np.mean([alarm(model, found, size, rng) for _ in range(draws)]) for size in sizes}
    return {
        "kind": kind,
        "pictures": pictures,
        "AUROC": None if kind == HELD_OUT else round(float(roc_auc_score(truth, np.r_[clean, distances])), 4),
        "unlike": round(unlike / pictures, 4),
        "unlike ci95": [round(end, 4) for end in amended_wilson(unlike, pictures)],
        "left to a person": round(found.not_sure / pictures, 4),
        **{f"alarms in folders of {size}": round(float(share), 3) for size, share in alarms.items()},
    }


def alarm(model: Model, seen: Seen, size: int, rng: np.random.Generator) -> bool:
    """Whether it is said of a folder of so many of the pictures that the figures do not apply."""
    rows = rng.choice(len(seen.distances), size, replace=False)
    part = Seen(
        distances=[seen.distances[place] for place in rows],
        classes=[seen.classes[place] for place in rows],
        sample=[seen.sample[place] for place in rows],
    )
    return not judge(model.labels, model.reference, part).applies


if __name__ == "__main__":
    sys.exit(main())
