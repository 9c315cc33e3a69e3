"""Does a run that is killed at random moments, and resumed, find what the undisturbed run finds?

    python -m benchmarks.robustness.kill_and_resume --kills 30

One run on images made up on the spot goes undisturbed. Then the same run is started, killed (SIGKILL, which nothing
can catch) after a random time, resumed, killed, and so on; when it comes to its end before all kills are spent, another
one begins. Every run that ends must have the same trials, values, winner and test score as the undisturbed one, and its
record in MLflow one parent, every trial once, and nothing left open. The exit code is 1 where anything differs. Takes
about as long as twenty undisturbed runs.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.common.own_records import own_environment
from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.synthetic_images import write_images
from tlsearch.config import CONFIG_NAME
from tlsearch.results.result import RESULT_FILE
from tlsearch.runs.output import CHECKPOINT_FOLDER, WORK_FOLDER

BENCHMARK = "robustness.kill_and_resume"
RUN = ("--epochs", "1", "--image-size", "32")
QUICK = {"kills": 1, "images": 40, "trials": 2, "augment": "none", "baseline": "none"}

SHORTEST = 3.0
"""Seconds that an attempt lasts at least: it is killed among the imports. At most it lasts as long as the undisturbed
run."""

TIMELESS = ("seconds",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill, resume, compare; 1 where something was lost or done twice."""
    parser = make_parser(__doc__)
    parser.add_argument("--kills", type=int, default=30, help="how many in all (default 30)")
    parser.add_argument("--images", type=int, default=80, help="images in all (default 80)")
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--trials", type=int, default=4, help="of a run (default 4)")
    parser.add_argument("--augment", default="flip")
    parser.add_argument("--baseline", default="auto", choices=("auto", "none"))
    options = parse_options(parser, arguments, QUICK)
    of_run = [*RUN, "--trials", str(options.trials)]
    for name in ("backbone", "augment", "baseline"):
        of_run += [f"--{name}", getattr(options, name)]
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="tlsearch-benchmark-") as folder:
        home = Path(folder)
        write_images(home / "images", {"": options.images}, 48, options.seed)
        alone = Home(home, "alone", of_run)
        began = time.monotonic()
        if alone.attempt(None) != 0:
            sys.stderr.write(alone.log.read_text())
            return 1
        longest = time.monotonic() - began
        wanted = found(alone.output)
        steps: Counter[str] = Counter()
        troubles: list[str] = []
        ended = 0
        while sum(steps.values()) < options.kills:
            home_of_run = Home(home, f"killed-{ended}", of_run)
            while code := home_of_run.attempt(
                chance.uniform(SHORTEST, longest) if sum(steps.values()) < options.kills else None
            ):
                if code != -signal.SIGKILL:
                    sys.stderr.write(home_of_run.log.read_text())
                    return 1
                steps[home_of_run.step()] += 1
                say(f"killed {sum(steps.values())} times, last in {home_of_run.step()}")
            ended += 1
            troubles += [f"run {ended}: {what}" for what in differences(wanted, found(home_of_run.output))]
            database = f"sqlite:///{home_of_run.folder / 'mlflow.db'}"
            recorded = record_troubles(database, len(found(home_of_run.output)["trials"]))
            troubles += [f"run {ended}: {what}" for what in recorded]
    print_table(steps, ended, troubles)
    figures = {"kills": sum(steps.values()), "runs": ended, "images": options.images, "steps": dict(steps)}
    publish(BENCHMARK, options, {**figures, "trials": len(wanted["trials"]), "troubles": troubles})
    return 1 if troubles else 0


class Home:
    """A folder in which one run is started, killed and resumed."""

    def __init__(self, parent: Path, name: str, of_run: Sequence[str]) -> None:
        """Make the folder; the images lie in ``parent``, ``of_run`` are the options of the run."""
        self._of_run = of_run
        self.folder, self.images = parent / name, parent / "images"
        self.output = self.folder / "out"
        self.folder.mkdir()
        self.log = self.folder / "log.txt"

    def start(self) -> subprocess.Popen[bytes]:
        """Start the run, or resume it where it has begun."""
        command = [sys.executable, "-m", "tlsearch"]
        started = (self.output / CONFIG_NAME).exists()
        command += (
            ["resume", "out"] if started else ["run", str(self.images), *self._of_run, "--output", str(self.output)]
        )
        environment = {**own_environment(self.folder), "TLSEARCH_CACHE_DIR": str(self.folder / "cache")}
        with self.log.open("ab") as log:
            return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)

    def attempt(self, seconds: float | None) -> int:
        """Start or resume; kill after ``seconds``. Gives the exit code, -9 where it was killed."""
        process = self.start()
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            code = process.wait()
            time.sleep(1.5)  # its worker sees that it is alone
            return code

    def step(self) -> str:
        """The step that was reached, by what is kept of it."""
        checkpoint = self.output / WORK_FOLDER / CHECKPOINT_FOLDER
        kept = [(file.stat().st_mtime_ns, file.name.split("-")[0]) for file in checkpoint.glob("*.json")]
        return f"after {max(kept)[1]}" if kept else "before any result"


def found(output: Path) -> dict[str, Any]:
    """What the run into a folder found, without what a clock says."""
    result = json.loads((output / RESULT_FILE).read_text(encoding="utf-8"))
    for row in result["trials"]:
        row["metrics"] = {name: value for name, value in row["metrics"].items() if name not in TIMELESS}
    names = ("number", "role", "spec", "state", "value", "folds", "metrics")
    return {
        "trials": [{name: row[name] for name in names} for row in result["trials"]],
        **{name: result[name] for name in ("winner", "profile", "gain", "confusion")},
        "test": result["metrics"]["test"],
        "confirmed": result["metrics"]["confirmed"],
        "opened": result["metrics"]["test_opened"],
    }


def differences(wanted: dict[str, Any], seen: dict[str, Any]) -> list[str]:
    """The names of what is not as it was undisturbed."""
    return [f"{name} differs from the undisturbed run" for name in wanted if wanted[name] != seen[name]]


def record_troubles(tracking_uri: str, trials: int) -> list[str]:
    """What is wrong with the record in MLflow of one run: more than one parent, a trial twice, a run left open.

    Args:
        tracking_uri: Where the record is, with nothing beside it.
        trials: How many trials the run has.
    """
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri)
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    troubles = [f"{run.info.run_name} is left open" for run in runs if run.info.status == "RUNNING"]
    parents = [run for run in runs if run.data.tags.get("role") == "search" and run.info.status == "FINISHED"]
    if len(parents) != 1:
        troubles.append(f"{len(parents)} finished parents")
    # What was interrupted and ran again stands beside the trials, with a role of its own.
    whole = Counter(
        run.info.run_name for run in runs if "state" in run.data.tags and run.data.tags["role"] != "interrupted"
    )
    troubles += [f"{name} is recorded {count} times" for name, count in whole.items() if count > 1]
    if len(whole) != trials:
        troubles.append(f"{len(whole)} finished trials are recorded, and there are {trials}")
    return troubles


def print_table(steps: Counter[str], ended: int, troubles: Sequence[str]) -> None:
    """For people."""
    console = Console()
    table = Table(title=f"{sum(steps.values())} kills, {ended} runs that came to their end all the same")
    table.add_column("killed")
    table.add_column("times", justify="right")
    for name, count in sorted(steps.items()):
        table.add_row(name, str(count))
    console.print(table)
    console.print(
        "\n".join(troubles) or "Every run found what the undisturbed one found, and nothing is recorded twice."
    )


if __name__ == "__main__":
    sys.exit(main())
