"""Does a run over a real network, which is cut and then slow and lossy, find what a run on one machine finds?

    python -m benchmarks.robustness.network

Network namespaces make two machines of this one (``namespaces``), which reach nothing but each other. In the first are
the run itself, the head of a Ray cluster, PostgreSQL for Optuna's study and for MLflow, an MLflow server that keeps its
files on S3, and that S3 (moto). In the second is a Ray node with all the workers; it keeps features on a disk of its
own, and shares them through S3. When half of the trials are over, the cable is pulled out for 20 seconds. From then on
every frame takes 50 ms in either direction, and one in a hundred is lost.

The same run goes first on this machine with two local workers. Trials, values, winner and test score must be the same;
the MLflow server must have every trial once and nothing open; and every file of features that the node has made must be
on S3, byte for byte. The exit code is 1 where anything is wrong. It needs Linux, root, PostgreSQL, and the packages of
tlsearch's ``dev`` extra.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.common.machine import ROOT
from benchmarks.common.results import make_parser, parse_options, publish
from benchmarks.common.stub_install import install_stub
from benchmarks.common.synthetic_images import write_images
from benchmarks.robustness.namespaces import NoNamespacesError, namespaces, within
from benchmarks.robustness.network_run import FIGURES, PLAN, Plan
from tlsearch.utils.signals import interruptible

BENCHMARK = "robustness.network"
QUICK = {"images": "", "backbone": "stub", "image_size": 32, "trials": 4, "epochs": 1, "augment": "none", "cut": 5.0}

MADE_UP = 60
"""The images of a quick run."""

CLEAN_UP_SECONDS = 60.0
"""How long the inner process may take to end its servers; then all of them are killed."""

_INSIDE = "benchmarks.robustness.network_run"

# Ray's sockets lie in the folder, and the path of a socket has room for 107 characters only.
_SHORT = "/tmp"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run here, run over the network, compare; 1 where something differs or is lost, 2 where it cannot be tried."""
    parser = make_parser(__doc__)
    parser.add_argument("--images", default=str(ROOT / "examples" / "clothing"), help="a folder of images")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--augment", default="flip")
    parser.add_argument("--trials", type=int, default=8, help="trials of the search (default 8)")
    parser.add_argument("--epochs", type=int, default=3, help="of a trial (default 3)")
    parser.add_argument("--workers", type=int, default=2, help="on either side (default 2)")
    parser.add_argument("--cut", type=float, default=20.0, metavar="SECONDS", help="without a network (default 20)")
    parser.add_argument("--delay", type=float, default=50.0, metavar="MS", help="of a frame afterwards (default 50)")
    parser.add_argument("--loss", type=float, default=0.01, metavar="SHARE", help="of frames (default 0.01)")
    parser.add_argument(
        "--health-checks", type=int, metavar="N", help="failed checks that make a node a lost one (default: Ray's own)"
    )
    options = parse_options(parser, arguments, QUICK)
    try:
        with interruptible(program=True):
            code, figures = _inside(vars(options))
    except NoNamespacesError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    if code:
        return code
    print_table(figures)
    publish(BENCHMARK, options, figures)
    return 1 if figures["troubles"] else 0


def _inside(options: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """The exit code of what runs on the first of the two machines, and its figures where that is 0."""
    with tempfile.TemporaryDirectory(prefix="tlsnet-", dir=_SHORT, ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        home.chmod(0o755)  # PostgreSQL runs as a user of its own
        with namespaces() as between:
            plan = make_plan(home, options)
            (home / PLAN).write_text(json.dumps(asdict(plan)), encoding="utf-8")
            code = _run_inside([*within(between.head), sys.executable, "-m", _INSIDE, folder, between.prefix], plan)
        return code, {} if code else json.loads((home / FIGURES).read_text(encoding="utf-8"))


def make_plan(home: Path, options: Mapping[str, Any]) -> Plan:
    """What is to be done; images and the small backbone are made in ``home`` where they are wanted."""
    images, site = options["images"], ""
    if not images:
        images = str(write_images(home / "images", {"": MADE_UP}, 40, options["seed"]))
    if options["backbone"] == "stub":
        site = str(install_stub(home / "site"))
    run = [
        *("--backbone", options["backbone"], "--image-size", str(options["image_size"]), "--augment"),
        *(options["augment"], "--trials", str(options["trials"]), "--epochs", str(options["epochs"])),
        *("--seed", str(options["seed"]), "--baseline", "none", "--threads", "1"),
        *("--workers", str(options["workers"]), "--round-size", str(options["workers"])),
    ]
    return Plan(
        images=str(Path(images).absolute()),
        site=site,
        run=run,
        trials=options["trials"],
        workers=options["workers"],
        cut=options["cut"],
        delay=options["delay"] / 1000,
        loss=options["loss"],
        health_checks=options["health_checks"],
        seed=options["seed"],
    )


def _run_inside(command: Sequence[str], plan: Plan) -> int:
    """Run the inner process to its end; where this one is interrupted, let it clean up first."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLFLOW_", "RAY_", "TLSEARCH_", "AWS_")) and not name.lower().endswith("_proxy")
    }
    environment["PYTHONPATH"] = os.pathsep.join(
        part for part in (plan.site, str(ROOT), environment.get("PYTHONPATH", "")) if part
    )
    # A group of its own, so that Ctrl-C reaches it once.
    inside = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        return inside.wait()
    finally:
        if inside.poll() is None:
            inside.terminate()
            try:
                inside.wait(CLEAN_UP_SECONDS)
            except subprocess.TimeoutExpired:
                inside.kill()
                inside.wait()


def print_table(figures: Mapping[str, Any]) -> None:
    """For people."""
    console = Console()
    table = Table(
        "", "", title=f"{figures['trials']} trials over a network that was cut for {figures['cut_seconds']:g} s"
    )
    for name in ("frames", "lost", "megabytes", "round_trip_ms", "repeated", "recorded", "features", "seconds"):
        value = figures[name]
        parts = value.items() if isinstance(value, Mapping) else [("", value)]
        for part, number in parts:
            table.add_row(f"{name} {part}".replace("_", " "), str(number))
    console.print(table)
    console.print("\n".join(figures["troubles"]) or "The run found what the local one found, and nothing is lost.")


if __name__ == "__main__":
    sys.exit(main())
