"""How often does `tlsearch run` declare a gain where there is none: on images whose labels are shuffled?

    python -m benchmarks.decisions.shuffled_labels --work DIR

One hundred whole runs with a tiny network, an hour of two cores; what was interrupted goes on where it stopped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.stub_install import install_stub
from benchmarks.common.tables import print_rows

BENCHMARK = "decisions.shuffled_labels"

Row = dict[str, object]

CLASSES = ("ash", "birch", "cedar")
SIZES = {"train": 24, "val": 10, "test": 15}
"""Images of each class. With a validation folder trials are compared on it: folds would take most of the time."""

SIDE = 32
RESULTS = "results.jsonl"

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"), "1")
"""Runs beside each other, of arithmetic this small, only wait for each other's threads."""

RUN = """
import sys
from pathlib import Path
import tlsearch
folder, seed = Path(sys.argv[1]), int(sys.argv[2])
tlsearch.run(tlsearch.RunConfig(
    dataset=folder / "images", backbones=("stub",), augment=("flip",), trials=int(sys.argv[4]), epochs=10,
    image_size=32, time_limit=40.0, seed=seed, output=folder / "output", cache_dir=folder / "cache",
    tracking_uri=sys.argv[3], experiment="shuffled",
))
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print."""
    parser = make_parser(__doc__)
    parser.add_argument("--runs", type=int, default=100, help="default 100")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time (default 2)")
    parser.add_argument("--trials", type=int, default=8, help="of a run (default 8)")
    parser.add_argument("--work", type=Path, help="keeps the results of the runs, so that another call goes on")
    options = parse_options(parser, arguments, {"runs": 2, "trials": 2})
    with tempfile.TemporaryDirectory(prefix="tlsearch-shuffled-") as folder:
        found = shuffled_runs(options.work or Path(folder), options.runs, options.seed, options.jobs, options.trials)
    rows = summary(found)
    print_rows("Gains declared on shuffled labels", rows)
    publish(BENCHMARK, options, {"runs": len(found), "probe_won": sum(row["probe won"] for row in found), "rows": rows})
    return 0


def shuffled_runs(work: Path, runs: int, seed: int, jobs: int, trials: int) -> list[dict[str, Any]]:
    """What ``runs`` runs of the tool found, each on other images; those that ``work`` already knows are not repeated.

    ``jobs`` run at a time, each with its own MLflow database, which is reused, for making one takes seconds.
    """
    work.mkdir(parents=True, exist_ok=True)
    site = install_stub(work / "site")
    known = {row["seed"]: row for row in _read(work / RESULTS)}
    # Written anew, so that a line that was cut off spoils no other.
    (work / RESULTS).write_text("".join(json.dumps(row) + "\n" for row in known.values()), encoding="utf-8")
    wanted = [number for number in range(seed, seed + runs) if number not in known]
    lanes = [wanted[lane::jobs] for lane in range(jobs)]
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(list, _lane(work, site, lane, numbers, trials)) for lane, numbers in enumerate(lanes)]
        for future in as_completed(futures):
            known.update({row["seed"]: row for row in future.result()})
    return [known[number] for number in range(seed, seed + runs)]


def summary(found: Sequence[Mapping[str, Any]]) -> list[Row]:
    """How many of the runs declare a gain or a loss: an interval wholly above or below 0."""
    rows: list[Row] = []
    for against in ("baseline", "linear probe"):
        intervals = [row[against] for row in found if row[against] is not None]
        count = len(intervals)
        gains, losses = sum(low > 0 for low, _ in intervals), sum(high < 0 for _, high in intervals)
        rows.append({"over": against, "runs": count, "gains declared": gains, "losses declared": losses})
    return rows


def write_shuffled(folder: Path, seed: int, sizes: Mapping[str, int] = SIZES) -> None:
    """Images of coloured blobs whose folders say nothing of them: the labels are drawn by lot.

    ``sizes`` is split -> images of each class.
    """
    rng = np.random.default_rng([seed, 5])
    places = [(split, name) for split, count in sizes.items() for name in CLASSES for _ in range(count)]
    for number, place in enumerate(rng.permutation(len(places))):
        coarse = rng.integers(0, 256, (5, 5, 3)).astype(np.uint8)
        image = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        target = folder.joinpath(*places[place])
        target.mkdir(parents=True, exist_ok=True)
        image.save(target / f"{number:04}.png")


def _lane(work: Path, site: Path, lane: int, numbers: Sequence[int], trials: int) -> Iterator[dict[str, Any]]:
    """One run after the other; each result is kept as soon as it is there."""
    store = f"sqlite:///{(work / f'mlflow-{lane}.db').absolute()}"
    for number in numbers:
        row = run_shuffled(site, store, number, trials)
        with (work / RESULTS).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        say(f"shuffled: seed {number}, gain over the baseline {row['baseline']}")
        yield row


def run_shuffled(site: Path, store: str, seed: int, trials: int) -> dict[str, Any]:
    """One run in a process of its own; gives the intervals of its gains.

    Raises:
        RuntimeError: The run fails.
    """
    with tempfile.TemporaryDirectory(prefix="tlsearch-shuffled-") as name:
        folder = Path(name)
        write_shuffled(folder / "images", seed)
        path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "2"}
        command = [sys.executable, "-c", RUN, str(folder), str(seed), store, str(trials)]
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the run with seed {seed} failed:\n{done.stderr[-3000:]}")
        result = json.loads((folder / "output" / "result.json").read_text(encoding="utf-8"))
    gain = result["gain"]
    return {
        "seed": seed,
        "baseline": gain["ci95"],
        "linear probe": gain["over_linear_probe"]["ci95"],
        "probe won": result["winner"]["label"] == result["linear_probe"]["label"],
        "test": result["metrics"]["test"],
        "seconds": round(result["timings"]["total"], 1),
    }


def _read(file: Path) -> list[dict[str, Any]]:
    """The results of earlier runs; a line that was cut off is dropped."""
    if not file.exists():
        return []
    rows = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


if __name__ == "__main__":
    sys.exit(main())
