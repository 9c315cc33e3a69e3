"""Is everything recorded once, whatever happens to the MLflow server meanwhile?

    python -m benchmarks.robustness.soak --minutes 60

Small runs, one after the other, are recorded by one real MLflow server with logins on PostgreSQL. At random moments the
server is killed and started again, a proxy in front of it refuses files (413) or answers slowly, the disk for files is
full, or a worker of the run is killed. When the time is over all is mended, and what waits is sent with ``tlsearch
sync``. Then every trial of every result must be recorded exactly once, every run must be closed, every file must be
there, and neither the password of the server nor that of the login may be in any file, any artifact or a dump of the
database. The exit code is 1 where anything is wrong. It needs PostgreSQL.
"""

from __future__ import annotations

import base64
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.table import Table

from benchmarks.common.own_records import own_environment
from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.stub_install import install_stub
from benchmarks.common.synthetic_images import write_images
from benchmarks.robustness.faults import ADMIN, ADMIN_PASSWORD, Faults, World, world
from tests.helpers.servers.postgres import PASSWORD as DATABASE_PASSWORD
from tests.helpers.servers.postgres import USER as DATABASE_USER
from tlsearch.results.result import RESULT_FILE, read_result
from tlsearch.tracking.outbox import UNSENT_FOLDER

BENCHMARK = "robustness.soak"
QUICK = {"minutes": 1.0}
RUN = ("--backbone", "stub", "--epochs", "1", "--image-size", "32", "--baseline", "none", "--augment", "none")
EXPERIMENT = "soak"

ATTEMPTS = 8
"""How often a run is resumed, and its record sent, before that counts as a failure."""

LONGEST_RUN = 900.0
"""Seconds after which a run counts as hanging."""


class Runs:
    """The runs of a soak.

    Attributes:
        outputs: The output folders of those that came to their end.
        ended: How attempts have ended: "finished", "refused" before any work, "resumed".
        troubles: What went wrong.
    """

    def __init__(self, home: Path, where: World, seed: int) -> None:
        """Make images for all runs; ``home`` is for their folders."""
        self._home, self._world, self._chance = home, where, random.Random(seed + 1)
        self._images = write_images(home / "images", {"": 60}, 40, seed)
        self._site = install_stub(home / "site")
        self.outputs: list[Path] = []
        self.ended: Counter[str] = Counter()
        self.troubles: list[str] = []

    def one(self) -> None:
        """Run once, from start to end, whatever comes between."""
        number = len(self.outputs) + len(self.troubles)
        output = self._home / f"run-{number}"
        # Half of the runs get the login with an option, the others from the environment.
        option = ["--tracking-uri", self._world.login] if self._chance.random() < 0.5 else []
        asked = [*RUN, "--trials", str(self._chance.randint(2, 6)), "--seed", str(self._chance.randint(0, 999))]
        first = ["run", str(self._images), *asked, *option, "--experiment", EXPERIMENT, "--output", str(output)]
        command = first
        for attempt in range(ATTEMPTS):
            code = self._call(command, output)
            if code == 0:
                self.ended["finished"] += 1
                self.outputs.append(output)
                return
            begun = (output / "run.toml").exists()
            self.ended["resumed" if begun else "refused"] += 1
            command = ["resume", str(output)] if begun else first
            time.sleep(min(20.0, 2.0 * 2**attempt))
        self.troubles.append(f"run-{number} did not come to its end: {_last_line(self._log(output))}")

    def send_all(self) -> int:
        """Send what waits of all runs; gives the number of runs of which something waited."""
        waited = 0
        for output in self.outputs:
            if not (output / UNSENT_FOLDER).exists():
                continue
            waited += 1
            for _ in range(ATTEMPTS):
                if self._call(["sync", str(output)], output) == 0 and not (output / UNSENT_FOLDER).exists():
                    break
                time.sleep(2.0)
            else:
                self.troubles.append(f"{output.name}: what waits is not sent: {_last_line(self._log(output))}")
        return waited

    def _call(self, arguments: Sequence[str], output: Path) -> int:
        environment = {
            **own_environment(self._home),
            "TLSEARCH_CACHE_DIR": str(self._home / "cache"),
            "PYTHONPATH": os.pathsep.join([str(self._site), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
            "MLFLOW_TRACKING_URI": self._world.login,
        }
        with self._log(output).open("ab") as log:
            try:
                return subprocess.run(
                    [sys.executable, "-m", "tlsearch", *arguments],
                    cwd=self._home, env=environment, stdout=log, stderr=log, timeout=LONGEST_RUN, check=False,
                ).returncode  # fmt: skip
            except subprocess.TimeoutExpired:
                self.troubles.append(f"{output.name}: `tlsearch {arguments[0]}` hung for {LONGEST_RUN:.0f} s")
                return -1

    def _log(self, output: Path) -> Path:
        return output.with_name(f"{output.name}.log")


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "")[:300]


def record_troubles(outputs: Sequence[Path], where: World) -> tuple[list[str], int]:
    """What is wrong with the record of these runs; and the number of their trials."""
    from mlflow import MlflowClient

    os.environ |= {"MLFLOW_TRACKING_USERNAME": ADMIN, "MLFLOW_TRACKING_PASSWORD": ADMIN_PASSWORD}
    client = MlflowClient(where.how.behind)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    runs: dict[str, Any] = {}
    token = None
    while True:
        page = client.search_runs([experiment.experiment_id], max_results=500, page_token=token)
        runs |= {run.info.run_id: run for run in page}
        token = page.token
        if not token:
            break
    troubles = [f"{run.info.run_name} is left open" for run in runs.values() if run.info.status == "RUNNING"]
    trials, claimed = 0, Counter[str]()
    for output in outputs:
        result = read_result(output)
        record = result.mlflow
        if record is None or record.parent_run_id not in runs:
            troubles.append(f"{output.name} has no parent in the record")
            continue
        parents = [r for r in runs.values() if r.data.tags.get("output") == str(output)]
        whole = [r for r in parents if r.info.status == "FINISHED"]
        if [r.info.run_id for r in whole] != [record.parent_run_id]:
            troubles.append(f"{output.name} has {len(whole)} finished parents")
        below = [
            r.info.run_id
            for r in runs.values()
            if r.data.tags.get("mlflow.parentRunId") in {p.info.run_id for p in parents}
            and r.data.tags.get("role") != "interrupted"
        ]
        rows = [row.run_id or "" for row in result.trials]
        trials += len(rows)
        claimed.update(rows)
        if sorted(below) != sorted(rows):
            troubles.append(f"{output.name} has {len(rows)} trials, and {len(below)} are recorded")
        kept = {file.path for file in client.list_artifacts(record.parent_run_id)}
        troubles += [
            f"{output.name} has no {name} in the record" for name in (RESULT_FILE, "report.html") if name not in kept
        ]
    troubles += [f"the run {name} is claimed {count} times" for name, count in claimed.items() if count > 1]
    return troubles, trials


def leaks(places: Sequence[Path], dump: bytes) -> list[str]:
    """The files with a password in them; ``dump`` is that of the database."""
    words = [word for text in (ADMIN_PASSWORD, DATABASE_PASSWORD) for word in (text, quote(text, safe=""))]
    words.append(base64.b64encode(f"{ADMIN}:{ADMIN_PASSWORD}".encode()).decode())
    found = ["a dump of the database"] if _holds_any(dump, words) else []
    files = (file for place in places for file in place.rglob("*") if file.is_file())
    return [*found, *(str(file) for file in files if _holds_any(file.read_bytes(), words))]


def _holds_any(content: bytes, words: Sequence[str]) -> bool:
    return any(word.encode() in content for word in words)


def database_dump(where: World) -> bytes:
    """All that PostgreSQL keeps, as text."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"), key=lambda p: float(p.parents[1].name))
    program = str(found[-1]) if found else str(shutil.which("pg_dump"))
    host, _, port = where.database.partition(":")
    return subprocess.run(
        [program, "-h", host, "-p", port, "-U", DATABASE_USER, "postgres"],
        env={**os.environ, "PGPASSWORD": DATABASE_PASSWORD},
        capture_output=True,
        check=True,
    ).stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, disturb, send, check; 1 where anything is wrong."""
    parser = make_parser(__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="for how long runs are started (default 60)")
    options = parse_options(parser, arguments, QUICK)
    with tempfile.TemporaryDirectory(prefix="tlsearch-soak-") as folder:
        home = Path(folder)
        with world(home / "server") as where:
            # Below a folder of its own, which is what is searched for passwords: the server knows its own.
            (home / "runs").mkdir()
            runs = Runs(home / "runs", where, options.seed)
            runs.one()  # undisturbed: what cannot work at all is no fault of the world
            seconds = 60.0 * options.minutes
            until = time.monotonic() + seconds
            # The last run comes to its end in peace.
            with Faults(where, options.seed, seconds) as faults:
                while time.monotonic() < until:
                    runs.one()
                    say(f"{len(runs.outputs)} runs, {sum(faults.counts.values())} faults")
            waited = runs.send_all()
            wrong, trials = record_troubles(runs.outputs, where)
            dump = database_dump(where)
            found = [f"{name} holds a password" for name in leaks([home / "runs", where.files], dump)]
            figures = {
                "minutes": options.minutes,
                "runs": len(runs.outputs),
                "trials": trials,
                "attempts": dict(runs.ended),
                "faults": dict(faults.counts),
                "disk": where.disk,
                "waited": waited,
                "dump_bytes": len(dump),
                "troubles": [*runs.troubles, *wrong, *found],
            }
    print_table(figures)
    publish(BENCHMARK, options, {**figures, "seed": options.seed})
    return 1 if figures["troubles"] else 0


def print_table(figures: Mapping[str, Any]) -> None:
    """For people."""
    console = Console()
    table = Table(title=f"{figures['runs']} runs with {figures['trials']} trials in {figures['minutes']:g} minutes")
    table.add_column("fault")
    table.add_column("times", justify="right")
    for name, count in sorted(figures["faults"].items()):
        table.add_row(name, str(count))
    console.print(table)
    console.print("\n".join(figures["troubles"]) or "Every trial is recorded once, every run closed, no password kept.")


if __name__ == "__main__":
    sys.exit(main())
