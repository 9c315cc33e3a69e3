"""Does a run on a cluster find the same when a node, or the parent, is killed at a random moment?

    python -m benchmarks.robustness.cluster_kills DATASET

A Ray cluster of a head and three nodes of one processor, all on this machine. One run on it goes undisturbed. Then the
same run is started again and again. In some runs a node, drawn by chance, is killed with all that runs there. In the
others the parent is killed (SIGKILL) and the run is resumed. Each moment is drawn uniformly over the seconds of the
undisturbed run, from a seed of its own. Every run must have the same trials, values, winner and test score as the
undisturbed one, and every trial once: in the study, and in MLflow with nothing left open. A node that goes while the
places are handed out makes the run refuse before any work; the same command is then given once more. The exit code is 1
where anything differs.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from benchmarks.common.ray_nodes import Nodes, ray_nodes
from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.stub_install import stub_on_path
from benchmarks.robustness.kill_and_resume import Home, differences, found, record_troubles
from tlsearch.search.storage import STUDY_NAME

BENCHMARK = "robustness.cluster_kills"
NODES = 3
QUICK = {"lost_nodes": 1, "killed_parents": 1, "trials": 3}

REFUSED = 2
"""The exit code of a run that was refused before any work."""

_REPEATED = re.compile(r";\s+once\s+more,")

Victim = Literal["node", "parent"]


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """What happens to a run.

    Attributes:
        victim: What is killed.
        seed: What the moment was drawn from.
        moment: Seconds after the start of the run.
        place: Which of the nodes, from 0; of no use for a parent.
    """

    victim: Victim
    seed: int
    moment: float
    place: int

    @classmethod
    def drawn(cls, victim: Victim, seed: int, longest: float) -> Disturbance:
        """A disturbance of a run of ``longest`` seconds."""
        chance = random.Random(f"{victim} {seed}")
        return cls(
            victim=victim, seed=seed, moment=round(chance.uniform(0.0, longest), 1), place=chance.randrange(NODES)
        )


@dataclass(kw_only=True)
class Disturbed:
    """What came of a disturbed run.

    Attributes:
        disturbance: What happened to it.
        step: What was kept of it at that moment; "after its end" where it was faster than the undisturbed one.
        attempts: How often a command was given until it came to its end.
        refused: How many of them were refused before any work.
        repeated: Trials that were begun once more, for their worker was lost.
        troubles: What is not as it should be.
    """

    disturbance: Disturbance
    step: str = "after its end"
    attempts: int = 0
    refused: int = 0
    repeated: int = 0
    troubles: list[str] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, disturb, compare; 1 where something was lost or done twice."""
    parser = make_parser(__doc__)
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a folder of class folders, some hundred images")
    parser.add_argument("--lost-nodes", type=int, default=10, help="runs in which a node is killed (default 10)")
    parser.add_argument("--killed-parents", type=int, default=5, help="runs whose parent is killed (default 5)")
    parser.add_argument("--backbone", default="stub", help="(default stub: three convolutions)")
    parser.add_argument("--image-size", type=int, default=48)
    parser.add_argument("--trials", type=int, default=6, help="of a run (default 6)")
    parser.add_argument("--round-size", type=int, default=3, help="trials that are asked for at once (default 3)")
    options = parse_options(parser, arguments, QUICK)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with tempfile.TemporaryDirectory(prefix="tlsearch-benchmark-") as folder, stub_on_path(Path(folder) / "site"):
        home = Path(folder)
        (home / "images").symlink_to(options.dataset.resolve())
        _make_tables(home)
        with ray_nodes() as nodes:
            figures = _disturbed_runs(home, options, nodes)
    if figures is None:
        return 1
    print_table(figures)
    publish(BENCHMARK, options, figures)
    return 1 if figures["undisturbed_troubles"] or any(row["troubles"] for row in figures["runs"]) else 0


def _make_tables(home: Path) -> None:
    """Make a database of MLflow without a run, to be copied: making its tables takes four seconds."""
    from tlsearch.tracking.location import locate
    from tlsearch.tracking.quiet import quiet
    from tlsearch.tracking.store import open_client

    with quiet():
        open_client(locate("sqlite:///mlflow.db", home))


def _disturbed_runs(home: Path, options: argparse.Namespace, nodes: Nodes) -> dict[str, Any] | None:
    """The undisturbed run, then all others; None where the first of them fails."""
    of_run = ["--cluster", nodes.address, "--threads", "1", "--baseline", "none", "--epochs", "1", "--augment", "flip"]
    for name in ("backbone", "image_size", "trials", "round_size"):
        of_run += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    alone = _new_home(home, "alone", of_run)
    nodes.have(NODES)
    began = time.monotonic()
    if alone.attempt(None) != 0:
        sys.stderr.write(alone.log.read_text())
        return None
    longest = time.monotonic() - began
    say(f"undisturbed: {longest:.0f} s")
    wanted, troubles = found(alone.output), kept_troubles(alone)
    runs = []
    kinds: tuple[tuple[Victim, int], ...] = (("node", options.lost_nodes), ("parent", options.killed_parents))
    for victim, count in kinds:
        for number in range(count):
            drawn = Disturbance.drawn(victim, options.seed + number, longest)
            run = _disturb(_new_home(home, f"{victim}-{number}", of_run), drawn, nodes, wanted)
            say(f"{victim} {number + 1} of {count}, at {drawn.moment:.1f} s, {run.step}: {run.troubles or 'the same'}")
            runs.append(run)
    return {
        "nodes": NODES,
        "backbone": options.backbone,
        "image_size": options.image_size,
        "trials": len([row for row in wanted["trials"] if row["role"] == "trial"]),
        "round_size": options.round_size,
        "seconds": round(longest, 1),
        "undisturbed_troubles": troubles,
        "runs": [{**asdict(run.disturbance), **_without_disturbance(run)} for run in runs],
    }


def _without_disturbance(run: Disturbed) -> dict[str, Any]:
    return {name: value for name, value in asdict(run).items() if name != "disturbance"}


def _new_home(parent: Path, name: str, of_run: Sequence[str]) -> Home:
    home = Home(parent, name, of_run)
    shutil.copy(parent / "mlflow.db", home.folder)
    return home


def _disturb(home: Home, disturbance: Disturbance, nodes: Nodes, wanted: dict[str, Any]) -> Disturbed:
    """Run, disturb once, go on until the run is over, and compare."""
    nodes.have(NODES)
    run = Disturbed(disturbance=disturbance, attempts=1)
    process = home.start()
    try:
        code = process.wait(disturbance.moment)
    except subprocess.TimeoutExpired:
        run.step = home.step()
        if disturbance.victim == "node":
            nodes.take_away(disturbance.place)
        else:
            process.send_signal(signal.SIGKILL)
        code = process.wait()
    while code != 0:
        if code == REFUSED and not home.output.exists():
            run.refused += 1
        elif code != -signal.SIGKILL or run.attempts > 1:
            run.troubles = [f"attempt {run.attempts} ended with code {code}: {_last_line(home)}"]
            return run
        run.attempts += 1
        code = home.attempt(None)
    run.repeated = len(_REPEATED.findall(home.log.read_text(encoding="utf-8")))
    run.troubles = differences(wanted, found(home.output)) + kept_troubles(home)
    shutil.rmtree(home.folder / "cache", ignore_errors=True)
    return run


def _last_line(home: Home) -> str:
    return (home.log.read_text(encoding="utf-8").strip() or "nothing was printed").splitlines()[-1]


def kept_troubles(home: Home) -> list[str]:
    """What is wrong with the record in MLflow, and with Optuna's study."""
    recorded = record_troubles(f"sqlite:///{home.folder / 'mlflow.db'}", len(found(home.output)["trials"]))
    return recorded + study_troubles(home)


def study_troubles(home: Home) -> list[str]:
    """What is wrong with Optuna's study: a trial that it has twice or not at all, or one that is left open."""
    import optuna

    from tlsearch.search.trial_record import remembered

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = f"sqlite:///{home.output / STUDY_NAME}"
    (name,) = optuna.get_all_study_names(storage)
    trials = optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False)
    in_study = sorted(record.number for record in remembered(trials))
    rows = sorted(row["number"] for row in found(home.output)["trials"] if row["role"] == "trial")
    troubles = [f"the study has the trials {in_study}, and the result {rows}"] if in_study != rows else []
    left_open = [trial.number for trial in trials if not trial.state.is_finished()]
    return troubles + ([f"the study has {len(left_open)} open trials"] if left_open else [])


def print_table(figures: dict[str, Any]) -> None:
    """For people."""
    table = Table("killed", "seed", "at, s", "step", "attempts", "repeated", "differs")
    for row in figures["runs"]:
        cells = (row["seed"], row["moment"], row["step"], row["attempts"], row["repeated"])
        table.add_row(row["victim"], *map(str, cells), "; ".join(row["troubles"]) or "no")
    Console(width=140).print(table)


if __name__ == "__main__":
    sys.exit(main())
