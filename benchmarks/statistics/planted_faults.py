"""Does tlsearch find faults that were planted in photographs?

    python -m benchmarks.statistics.planted_faults [IMAGES]

IMAGES is a folder of class folders, by default examples/clothing. Two sets of train and test folders are made of it, of
at most 30 and 10 images a class. The first has five near-duplicates across its parts (re-encoded, made smaller,
slightly cropped), a class whose images all show one thing, and a class that a tint gives away in training only;
`tlsearch check` has to name them. In the second five training images lie in a wrong class; a short `tlsearch run` has
to list four of them among its first 15 suspects. The exit code is 1 where one was not found.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.common.machine import ROOT
from benchmarks.common.results import make_parser, parse_options, publish

BENCHMARK = "statistics.planted_faults"
QUICK_RUN = ["--backbone", "efficientnet_lite0", "--image-size", "64", "--trials", "2", "--augment", "none"]

DUPLICATES = 5
WRONG = 5
WANTED_WRONG = 4
FIRST_SUSPECTS = 15
TEST_SHARE = 0.25
MOST_TESTED = 10
MOST_TRAINED = 30
TINT = np.array([1.0, 0.75, 0.55])
"""What red, green and blue are multiplied with: warm lamp light, which no other class has."""


@dataclass(frozen=True)
class Fault:
    """A kind of fault: how many were planted, how many were found, and how many have to be."""

    name: str
    planted: int
    found: int
    wanted: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant, look, print."""
    parser = make_parser(__doc__)
    parser.add_argument("images", nargs="?", type=Path, default=ROOT / "examples" / "clothing")
    parser.add_argument("--time-limit", default="4m", help="of the run that looks for wrong labels (default 4m)")
    asked = parse_options(parser, arguments, {})
    of_run = [*(QUICK_RUN if asked.quick else ["--time-limit", asked.time_limit]), "--baseline", "none"]
    rng = np.random.default_rng(asked.seed)
    with tempfile.TemporaryDirectory(prefix="tlsearch-planted-") as folder:
        faults = [
            *checked(asked.images, Path(folder) / "split", rng),
            mislabelled(asked.images, Path(folder) / "flat", rng, of_run),
        ]
    table = Table("fault", "planted", "found", "wanted", title="Planted faults")
    for fault in faults:
        table.add_row(fault.name, str(fault.planted), str(fault.found), str(fault.wanted))
    Console().print(table)
    publish(BENCHMARK, asked, {"faults": [asdict(fault) for fault in faults]})
    return int(any(fault.found < fault.wanted for fault in faults))


def checked(images: Path, root: Path, rng: np.random.Generator) -> list[Fault]:
    """What `tlsearch check` finds in a set with train and test folders."""
    classes = divide(images, root, rng)
    copies = plant_duplicates(root, classes, rng)
    plant_single_group(root, rng)
    plant_tint(root / "train" / classes[0])
    printed = run_tool("check", str(root), "--json", "-")
    findings: list[dict[str, Any]] = json.loads(printed)["findings"]
    named = " ".join(text for f in findings if "crossing" in f["kind"] for text in f["files"])
    single = [f for f in findings if f["severity"] == "warning" and "images of poncho look alike" in f["message"]]
    tinted = [f for f in findings if f["kind"] == "colour_shortcut" and classes[0] in f["message"]]
    false = [f for f in findings if f["kind"] == "colour_shortcut" and classes[0] not in f["message"]]
    return [
        Fault("near-duplicates across splits", DUPLICATES, sum(copy in named for copy in copies), DUPLICATES),
        Fault("a class of one picture", 1, len(single), 1),
        Fault("a colour that tells a class in training only", 1, min(1, len(tinted)), 1),
        Fault("(classes without a tint that are not accused)", len(classes) - 1, len(classes) - 1 - len(false), 0),
    ]


def divide(images: Path, root: Path, rng: np.random.Generator) -> list[str]:
    """Copy the images into train and test folders; gives the classes."""
    classes = sorted(folder.name for folder in images.iterdir() if folder.is_dir())
    for name in classes:
        files = sorted(file for file in (images / name).iterdir() if file.is_file())
        tested = min(round(TEST_SHARE * len(files)), MOST_TESTED)
        for place, number in enumerate(rng.permutation(len(files))[: tested + MOST_TRAINED]):
            file = files[int(number)]
            target = root / ("test" if place < tested else "train") / name
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target / file.name)
    return classes


def plant_duplicates(root: Path, classes: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Altered copies of training images in the test folder; gives the names of the copies' originals in training."""
    planted = []
    for number, name in enumerate(rng.permutation(list(classes)[1:])[:DUPLICATES]):
        files = sorted((root / "train" / name).iterdir())
        original = files[int(rng.integers(len(files)))]
        with Image.open(original) as image:
            altered = alter(image.convert("RGB"), number)
        altered.save(root / "test" / name / f"copy-{number}.jpg", quality=50 if number % 3 == 0 else 88)
        planted.append(f"train/{name}/{original.name}")
    return planted


def alter(image: Image.Image, number: int) -> Image.Image:
    """Re-encoded only, made smaller, or slightly cropped, in turns."""
    width, height = image.size
    if number % 3 == 1:
        return image.resize((round(0.7 * width), round(0.7 * height)), Image.Resampling.BICUBIC)
    if number % 3 == 2:
        return image.crop((round(0.02 * width), round(0.02 * height), round(0.98 * width), round(0.98 * height)))
    return image


def plant_single_group(root: Path, rng: np.random.Generator) -> None:
    """A class "poncho" of one image, many times: every file is another rendering of it."""
    original = sorted((root / "train").rglob("*.jpg"))[-1]
    with Image.open(original) as image:
        mirrored = image.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for part, count in (("train", 9), ("test", 3)):
        folder = root / part / "poncho"
        folder.mkdir()
        for number in range(count):
            mirrored.save(folder / f"{number}.jpg", quality=int(rng.integers(60, 95)))


def plant_tint(folder: Path) -> None:
    """Another light over all images of a class."""
    for file in folder.iterdir():
        with Image.open(file) as image:
            pixels = np.asarray(image.convert("RGB"), np.float64)
        Image.fromarray(np.clip(pixels * TINT, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=92)


def mislabelled(images: Path, root: Path, rng: np.random.Generator, of_run: Sequence[str]) -> Fault:
    """How many of five training images in wrong classes are among the first 15 suspects of a run.

    Test images are none of its business.
    """
    classes = divide(images, root, rng)
    moved = set()
    for number in range(WRONG):
        at, to = rng.choice(len(classes), 2, replace=False)
        files = sorted(f for f in (root / "train" / classes[at]).iterdir() if not f.name.startswith("moved"))
        file = files[int(rng.integers(len(files)))]
        target = root / "train" / classes[to] / f"moved-{number}-{file.name}"
        file.rename(target)
        moved.add(target.relative_to(root).as_posix())
    with tempfile.TemporaryDirectory(prefix="tlsearch-output-") as folder:
        output = Path(folder) / "out"
        place = ["--output", str(output), "--tracking-uri", f"sqlite:///{folder}/mlflow.db", "--cache-dir", folder]
        run_tool("run", str(root), *of_run, *place)
        result = json.loads((output / "result.json").read_text(encoding="utf-8"))
    suspects = [s["path"] for s in result["insights"]["label_errors"]["suspects"]]
    places = sorted(suspects.index(path) + 1 for path in moved if path in suspects)
    print(f"places of the wrong labels among the {len(suspects)} suspects: {places}")
    return Fault("wrong labels", WRONG, sum(path in moved for path in suspects[:FIRST_SUSPECTS]), WANTED_WRONG)


def run_tool(*arguments: str) -> str:
    """What a command of tlsearch prints; what goes wrong is shown."""
    done = subprocess.run([sys.executable, "-m", "tlsearch", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"tlsearch {arguments[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
