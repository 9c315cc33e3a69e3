"""What does a network from scratch gain in the rest of its schedule, and what did its curve say that it would?

    python -m benchmarks.decisions.recorded_curves PHOTOGRAPHS

``unfinished`` makes learning curves up; these are recorded. The small network of the baseline is trained from scratch
on scikit-learn's digits and on photographs, with complete schedules of 15 to 60 epochs, as a run trains it where time
is short. What 60 epochs reach beyond a shorter schedule is what was left to gain. Beside it stands what ``stats.trend``
foresees from the shorter one's curve: from the scores of averages of its weights, as a run does, and from those of the
weights themselves. PHOTOGRAPHS has a folder for each class, anywhere below it.

The images that do not train validate, at most 300. The same learning rate serves all lengths.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.tables import print_rows
from benchmarks.quality.from_scratch import baseline_specs
from tlsearch.data.split import Fold
from tlsearch.data.stratify import draw_stratified
from tlsearch.pipeline.scratch_time import UNLIMITED_EPOCHS
from tlsearch.stats.trend import Rise, extrapolate
from tlsearch.training.batches import steps_per_epoch
from tlsearch.training.schedule import amount_trained
from tlsearch.types import AVERAGED, Candidate, Decision
from tlsearch.worker.protocol import MeasureCandidate, OpenPool, RunSuccessiveHalving

BENCHMARK = "decisions.recorded_curves"

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Row = dict[str, object]

RATE = 3e-3
MOST_VALIDATION = 300
COUNTED = 3
"""Epochs whose mean is the score of a schedule, as in a run."""

SIZES = {"digits": (100, 300), "photographs": (200, 400)}
SIDES = {"digits": 32, "photographs": 64}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, compare and print."""
    parser = make_parser(__doc__)
    parser.add_argument("photographs", type=Path, nargs="?", metavar="PHOTOGRAPHS", help="folder; none: digits alone")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each kind (default 1)")
    parser.add_argument("--epochs", type=_numbers, default=(15, 20, 30, 45), help="shorter schedules")
    parser.add_argument("--whole", type=int, default=UNLIMITED_EPOCHS, help="epochs of the whole one (default 60)")
    options = parse_options(parser, arguments, {"epochs": (8,), "whole": 9})
    curves: list[Row] = []
    for source, sizes in SIZES.items():
        if source == "photographs" and options.photographs is None:
            continue
        side = SIDES[source]
        pixels, labels = digits(side) if source == "digits" else photographs(options.photographs, side)
        for images in sizes[:1] if options.quick else sizes:
            for seed in range(options.seed, options.seed + options.seeds):
                found = record(pixels, labels, images, (*options.epochs, options.whole), seed)
                curves += [{"source": source, "images": images, "seed": seed, **row} for row in found]
    rows = compared(curves, options.whole)
    print_rows("Points that were left to gain, and what the curve foresaw", rows)
    publish(BENCHMARK, options, {"whole": options.whole, "rows": rows, "curves": curves})
    return 0


def digits(side: int) -> tuple[Pixels, Labels]:
    """scikit-learn's 1,797 digits, (N, side, side, 3), and their class numbers (N,)."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    small = (images.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    large = np.kron(small, np.ones((1, side // 8, side // 8), np.uint8))
    return np.repeat(large[..., None], 3, axis=3), labels.astype(np.int64)


def photographs(folder: Path, side: int) -> tuple[Pixels, Labels]:
    """The JPEG and PNG files below ``folder``, (N, side, side, 3), of the classes that their own folders name (N,)."""
    from tlsearch.data.images.decode import read_square

    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not files:
        raise SystemExit(f"There are no photographs below {folder}.")
    names = sorted({file.parent.name for file in files})
    labels = np.asarray([names.index(file.parent.name) for file in files], np.int64)
    return np.stack([read_square(file, side) for file in files]), labels


def record(pixels: Pixels, labels: Labels, images: int, lengths: Sequence[int], seed: int) -> list[Row]:
    """A learning curve for each length of the schedule: its validation scores and their ends."""
    from tlsearch.worker.dispatch import handle
    from tlsearch.worker.state import WorkerState

    share = images / len(labels)
    train, rest = draw_stratified(labels.tolist(), range(len(labels)), (share,), (seed,))
    validation = sorted(np.random.default_rng(seed).permutation(rest)[:MOST_VALIDATION].tolist())
    fold = Fold(tuple(train), tuple(validation))
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="tlsearch-curves-") as folder:
        file = Path(folder) / "pixels.npy"
        np.save(file, pixels)
        state, side = WorkerState(lambda event: Decision.CONTINUE), pixels.shape[1]
        handle(
            state,
            OpenPool(
                pixels={side: file},
                labels=tuple(labels.tolist()),
                groups=tuple(range(len(labels))),
                classes=tuple(str(number) for number in range(int(labels.max()) + 1)),
                digest="",
                cache_dir=Path(folder) / "store",
                cache_limit=0,
                metric="accuracy",
            ),
        )
        network = Candidate(
            backbone="small_cnn", weights=None, weights_file=None, weights_id="", image_size=side, depth=0
        )
        measured = handle(state, MeasureCandidate(candidate=network, train_at=0.0))
        for epochs in lengths:
            steps = epochs * steps_per_epoch(len(fold.train), 32)
            specs = baseline_specs(len(measured.cuts), side, steps, seed)
            spec = next(spec for spec in specs if spec.lr_suffix == RATE)
            request = RunSuccessiveHalving(candidate=measured.candidate, specs=(spec,), fold=fold)
            (outcome,) = handle(state, request)
            history = outcome.result.history
            curve = [round(float(numbers["objective"]), 4) for numbers in history]
            averaged = [numbers for numbers in history if AVERAGED in numbers]
            say(f"{images} images, {epochs} epochs: {curve[-1]:.3f}")
            found.append(
                {
                    "epochs": epochs,
                    "validation images": len(fold.val),
                    "at": [round(float(numbers["epoch"]), 2) for numbers in history],
                    "curve": curve,
                    "averaged at": [round(float(numbers["epoch"]), 2) for numbers in averaged],
                    "averaged": [round(float(numbers[AVERAGED]), 4) for numbers in averaged],
                    "end": round(float(np.mean(curve[-COUNTED:])), 4),
                }
            )
    return found


def compared(curves: Sequence[Mapping[str, object]], whole: int) -> list[Row]:
    """For every shorter schedule: the points that the whole one is better, and what its own curves say."""
    key = ("source", "images", "seed")
    ends = {tuple(row[name] for name in key): _number(row["end"]) for row in curves if row["epochs"] == whole}
    rows: list[Row] = []
    for row in curves:
        if row["epochs"] == whole:
            continue
        end, last = _number(row["end"]), _floats(row["at"])[-1]
        own = _foreseen(_floats(row["at"]), _floats(row["curve"]), last, whole)
        rise = _foreseen(_floats(row["averaged at"]), _floats(row["averaged"]), last, whole) or own
        rows.append(
            {
                **{name: row[name] for name in (*key, "epochs")},
                "score": end,
                "left": round(100 * (ends[tuple(row[name] for name in key)] - end), 1),
                "said": None if rise is None else round(100 * rise.gain, 1),
                "standard error": None if rise is None else round(100 * rise.stderr, 1),
                "said by the weights themselves": None if own is None else round(100 * own.gain, 1),
                "its standard error": None if own is None else round(100 * own.stderr, 1),
            }
        )
    return rows


def _foreseen(epochs: Sequence[float], scores: Sequence[float], last: float, whole: int) -> Rise | None:
    """What a curve says of the rest of a schedule of ``whole`` epochs; the one that it is of had ``last``."""
    (until,) = amount_trained([whole], whole)
    return extrapolate(amount_trained(epochs, last), scores, until, 1.0)


def _number(value: object) -> float:
    return float(str(value))


def _floats(values: object) -> list[float]:
    return [float(value) for value in values] if isinstance(values, list) else []


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
