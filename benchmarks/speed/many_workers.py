"""How much faster is a search with many workers, and how much worse for asking many trials at once?

    python -m benchmarks.speed.many_workers

The search is that of a run: `pipeline.search` with its rounds, warm start, cost-aware sampler and pruner, and its
dispatching of trials to workers. Only the trials are made up, in virtual time (a discrete-event simulation). Their
durations, learning curves and scores come from a run of 25 minutes (`recorded_trials` in
`benchmarks.common.scheduling`), and the rest is assumed (`landscape` there). What is true of a configuration is known,
so what large rounds lose is too. The loss is against a search of one trial after the other with as many trials, from
the same seed: in what the best trial is truly worth, and the one that the search would choose. The processor time of
the parent is measured, on this machine.

Three tables: by trials and workers, with the round that a run has by default (two trials for each worker); by the size
of the round for 16 workers; and what the parent costs a trial with everything that a run keeps: the study and the
record of MLflow in SQLite, and the checkpoint.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.scheduling.landscape import FALL, Landscape
from benchmarks.common.scheduling.recorded_trials import FILE, RecordedTrials, read_trials
from benchmarks.common.scheduling.simulated_search import Setting, Simulated, simulate
from benchmarks.common.tables import print_rows
from tlsearch.runs.workers import ROUNDS_A_WORKER

BENCHMARK = "speed.many_workers"
QUICK = {"trials": [12], "workers": [1, 4], "seeds": [2], "rounds_of": [12, 4], "kept": [12], "kept_workers": [4]}

Row = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print."""
    parser = make_parser(__doc__)
    parser.add_argument("--recorded", type=Path, default=FILE, metavar="FILE", help="recorded trials")
    parser.add_argument("--trials", type=int, nargs="+", default=[40, 400, 4000], help="of a search")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4, 16, 64, 256])
    parser.add_argument("--seeds", type=int, nargs="+", default=[30, 10, 1], help="searches, for each number of trials")
    parser.add_argument(
        "--rounds-of", type=int, nargs=2, default=[400, 16], help="trials and workers of the table of rounds"
    )
    parser.add_argument("--kept", type=int, nargs="*", default=[40, 400], help="trials of searches that are kept")
    parser.add_argument("--kept-workers", type=int, nargs="+", default=[1, 4, 256])
    parser.add_argument("--processes", type=int, default=1, help="searches that are simulated side by side (default 1)")
    options = parse_options(parser, arguments, QUICK)
    figures = simulated(read_trials(options.recorded), options)
    for name, title in (("rows", "By trials and workers"), ("rounds", "By the round"), ("kept", "What is kept")):
        print_rows(title, figures[name])
    publish(BENCHMARK, options, figures)
    return 0


def simulated(recorded: RecordedTrials, options: argparse.Namespace) -> dict[str, Any]:
    """All three tables."""
    searches, seeds = Searches(options.recorded, options.seed), dict(zip(options.trials, options.seeds, strict=True))
    by_workers = [(trials, count, default_round(count, trials)) for trials in seeds for count in options.workers]
    trials, workers = options.rounds_of
    by_round = [(trials, workers, size) for size in round_sizes(workers, trials)]
    asked = [
        Setting(trials=each[0], workers=count, round_size=size, seed=options.seed + number)
        for each in (*by_workers, *by_round)
        for count, size in ((1, 1), each[1:])
        for number in range(seeds.get(each[0], 1))
    ]
    searches.make(asked, options.processes)
    rows = [searches.row(*each, seeds[each[0]]) for each in by_workers]
    rounds = [searches.row(*each, seeds.get(each[0], 1)) for each in by_round]
    kept = [searches.kept(trials, count) for trials in options.kept for count in options.kept_workers]
    seconds = [trial.seconds for trial in recorded.trials]
    return {
        "recorded": len(recorded.trials),
        "noise": round(Landscape(recorded, options.seed).noise, 4),
        "fall": FALL,
        "seconds": {"mean": round(float(np.mean(seconds)), 1), "most": round(max(seconds), 1)},
        "source": recorded.source,
        "rows": rows,
        "rounds": rounds,
        "kept": kept,
    }


def default_round(workers: int, trials: int) -> int:
    """The trials that a run asks for at once where nothing else is said."""
    return min(ROUNDS_A_WORKER * workers, trials) if workers > 1 else 1


def round_sizes(workers: int, trials: int) -> list[int]:
    """Sizes of rounds that are worth comparing for so many workers: one for each, two, four and eight."""
    return sorted({min(factor * workers, trials) for factor in (1, 2, 4, 8)})


class Searches:
    """Simulated searches, each made once."""

    def __init__(self, recorded: Path, seed: int) -> None:
        """Seeds count from ``seed``."""
        self._recorded, self._seed = recorded, seed
        self._known: dict[Setting, Simulated] = {}

    def make(self, settings: Sequence[Setting], processes: int) -> None:
        """Make searches, so many at once; the longest begin first."""
        wanted = sorted(dict.fromkeys(settings), key=lambda setting: -setting.trials)
        if processes == 1:
            for setting in wanted:
                self._one(setting)
            return
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            for setting, found in zip(wanted, pool.map(partial(searched, self._recorded), wanted), strict=True):
                self._known[setting] = found
                say(f"{setting}: {found.parent_ms:.1f} ms a trial")

    def _all(self, trials: int, workers: int, round_size: int, seeds: int) -> list[Simulated]:
        """One search for each seed."""
        return [
            self._one(Setting(trials=trials, workers=workers, round_size=round_size, seed=self._seed + number))
            for number in range(seeds)
        ]

    def _one(self, setting: Setting) -> Simulated:
        if setting not in self._known:
            self._known[setting] = searched(self._recorded, setting)
        return self._known[setting]

    def row(self, trials: int, workers: int, round_size: int, seeds: int) -> Row:
        """What so many workers gain and lose, in the mean of the seeds."""
        serial, found = self._all(trials, 1, 1, seeds), self._all(trials, workers, round_size, seeds)
        now, alone = (sum(search.times.now for search in each) for each in (found, serial))
        whole, whole_alone = (sum(search.times.with_parent for search in each) for each in (found, serial))
        worked = sum(search.times.worked for search in found)
        chosen = [one.chosen - other.chosen for one, other in zip(serial, found, strict=True)]
        best = [one.best - other.best for one, other in zip(serial, found, strict=True)]
        return {
            "trials": trials,
            "workers": workers,
            "round": round_size,
            "seeds": seeds,
            "speed-up": round(alone / now, 1),
            "speed-up with the parent": round(whole_alone / whole, 1),
            "idle": round(1 - worked / (workers * now), 3),
            "loss of the best, points": _points(best),
            "its standard error": _error(best),
            "loss of the chosen, points": _points(chosen),
            "standard error": _error(chosen),
            "parent, ms a trial": round(float(np.mean([search.parent_ms for search in found])), 1),
            "trials run": round(float(np.mean([search.trials for search in found])), 1),
        }

    def kept(self, trials: int, workers: int) -> Row:
        """What the parent costs a trial where everything is kept."""
        size = default_round(workers, trials)
        search = self._one(Setting(trials=trials, workers=workers, round_size=size, seed=self._seed, records=True))
        times = search.times
        row = {
            "trials": trials,
            "workers": workers,
            "round": size,
            "parent, ms a trial": round(search.parent_ms, 1),
            "of it between rounds": round(1000 * times.asked_seconds / search.trials, 1),
        }
        say(str(row))
        return row


def searched(recorded: Path, setting: Setting) -> Simulated:
    """A search with the trials that are recorded in a file."""
    with tempfile.TemporaryDirectory(prefix="tlsearch-benchmark-") as folder:
        return simulate(read_trials(recorded), setting, Path(folder))


def _points(values: Sequence[float]) -> float:
    return round(100 * float(np.mean(values)), 2)


def _error(values: Sequence[float]) -> float | None:
    """The standard error of the mean in points; None for one value."""
    return round(100 * float(np.std(values, ddof=1) / np.sqrt(len(values))), 2) if len(values) > 1 else None


if __name__ == "__main__":
    sys.exit(main())
