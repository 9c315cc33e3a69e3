"""What runs inside the first of the two machines of ``network``: the servers, the head of the cluster, and the runs."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common.own_records import own_ledger
from benchmarks.common.results import say
from benchmarks.robustness.kill_and_resume import differences, found, record_troubles
from benchmarks.robustness.namespaces import NODE_ADDRESS, Link, Namespaces, link
from benchmarks.robustness.network_world import (
    FEATURES_BUCKET,
    HEALTH_CHECKS,
    RAY_ADDRESS,
    StartError,
    cluster,
    ended,
    servers,
)
from tlsearch.runs.output import CHECKPOINT_FOLDER, WORK_FOLDER
from tlsearch.utils.cache_folders import CACHE_VARIABLE, features_dir
from tlsearch.utils.signals import interruptible

PLAN, FIGURES = "plan.json", "figures.json"

LONGEST_RUN = 3600.0
"""Seconds after which a run counts as hanging."""

_CLOSED_PORT = 9
_ROUND_TRIPS = 9


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be done.

    Attributes:
        images: The data set.
        site: A folder with plugins for all processes; empty for none.
        run: The options of both runs.
        trials: The trials of the search.
        workers: The workers of either run.
        cut: The seconds without a network.
        delay: The seconds that a frame takes afterwards.
        loss: The share of frames that is lost afterwards.
        health_checks: The health checks without an answer that make a node a lost one; None for Ray's own number.
        seed: For what is lost.
    """

    images: str
    site: str
    run: Sequence[str]
    trials: int
    workers: int
    cut: float
    delay: float
    loss: float
    health_checks: int | None
    seed: int


class RunFailedError(Exception):
    """A run did not come to its end; the message has the end of what it printed."""


class Runs:
    """The run on this machine and the one over the network, side by side in one folder."""

    def __init__(self, home: Path, plan: Plan) -> None:
        """Make folders for both; nothing is started."""
        self.home, self.plan = home, plan
        for name in ("local", "remote"):
            (home / name).mkdir()

    def output(self, name: str) -> Path:
        """The output folder of a run."""
        return self.home / name / "out"

    def start(self, name: str, *options: str) -> subprocess.Popen[bytes]:
        """Start a run."""
        command = [sys.executable, "-m", "tlsearch", "run", self.plan.images, *self.plan.run, *options]
        own = {CACHE_VARIABLE: str(self.cache(name)), **own_ledger(self.home / name)}
        with self._log(name).open("wb") as log:
            return subprocess.Popen(
                [*command, "--output", str(self.output(name))],
                cwd=self.home / name,
                env={**os.environ, **own},
                stdout=log,
                stderr=log,
            )

    def cache(self, name: str) -> Path:
        """The cache folder of a run."""
        return self.home / name / "cache"

    def wait(self, name: str, run: subprocess.Popen[bytes], until: Callable[[], bool] = lambda: False) -> None:
        """Wait for the end of a run, or until something is true.

        Raises:
            RunFailedError: It hangs, or ends in another way than well.
        """
        last = time.monotonic() + LONGEST_RUN
        while run.poll() is None and not until():
            if time.monotonic() > last:
                raise RunFailedError(f"the {name} run hung for {LONGEST_RUN:.0f} s: {self.printed(name)[-3000:]}")
            time.sleep(0.2)
        if run.poll():
            raise RunFailedError(f"the {name} run ended with {run.returncode}: {self.printed(name)[-6000:]}")

    def trials(self, name: str) -> int:
        """How many trials of a run that goes on are over."""
        return len(list((self.output(name) / WORK_FOLDER / CHECKPOINT_FOLDER).glob("trial-*.json")))

    def printed(self, name: str) -> str:
        """What a run has printed."""
        return self._log(name).read_text(encoding="utf-8", errors="replace")

    def _log(self, name: str) -> Path:
        return self.home / f"{name}.log"


def measured(home: Path, plan: Plan, between: Namespaces) -> dict[str, Any]:
    """Run here, run over the network, and say what is different."""
    runs = Runs(home, plan)
    began = time.monotonic()
    say("the run on this machine")
    alone = runs.start("local")
    with ended(alone):
        runs.wait("local", alone)
    seconds = {"local": round(time.monotonic() - began, 1)}
    say(f"it took {seconds['local']:.0f} s; now servers, a wire and a cluster")
    disk = home / "disk-of-the-node"
    if plan.health_checks is not None:
        os.environ[HEALTH_CHECKS] = str(plan.health_checks)
    with (
        servers(home) as world,
        link(between, plan.seed) as wire,
        cluster(home, between, plan.workers, disk, runs.cache("remote")) as node,
    ):
        began = time.monotonic()
        run = runs.start(
            "remote",
            *("--cluster", RAY_ADDRESS, "--storage", world.study, "--tracking-uri", world.tracking),
            *("--shared-cache", f"s3://{FEATURES_BUCKET}"),
        )
        with ended(run):
            figures = _disturbed(runs, run, wire)
        seconds["remote"] = round(time.monotonic() - began, 1)
        figures |= {"seconds": seconds, "node_lost": node.poll() is not None}
        wanted, seen = found(runs.output("local")), found(runs.output("remote"))
        features, troubles = feature_troubles(world.bucket, features_dir(disk))
        recorded, repeated, wrong = _recorded(world.tracking, len(seen["trials"]))
    troubles = [*differences(wanted, seen), *wrong, *troubles]
    return {
        **{"trials": len(seen["trials"]), "workers": plan.workers, "winner": seen["winner"]["label"]},
        **{"cut_seconds": plan.cut, "delay_ms": 1000 * plan.delay, "loss": plan.loss, "seed": plan.seed},
        "health_checks": plan.health_checks,
        **figures,
        **{"features": features, "recorded": recorded, "repeated": repeated, "troubles": troubles},
    }


def _disturbed(runs: Runs, run: subprocess.Popen[bytes], wire: Link) -> dict[str, Any]:
    """Wait for the end of the run over the network, and be hard on the network meanwhile."""
    plan = runs.plan
    before = round_trip_ms()
    runs.wait("remote", run, lambda: runs.trials("remote") >= max(1, plan.trials // 2))
    if run.poll() is not None:
        raise RunFailedError("the remote run was over before the link could be cut: give it more trials")
    say(f"{runs.trials('remote')} trials are over: the link is cut")
    wire.cut()
    time.sleep(plan.cut)
    over = runs.trials("remote")
    wire.mend()
    wire.be(delay=plan.delay, loss=plan.loss)
    start = wire.counts()
    say(f"it is back, slow and lossy; {over} trials are over")
    after = round_trip_ms()
    runs.wait("remote", run)
    end = wire.counts()
    bad = {name: end[name] - start[name] for name in end}
    return {
        "trials_at_the_cut": over,
        "frames": bad["frames"],
        "lost": bad["lost"],
        "megabytes": {"before": round(start["bytes"] / 1e6, 2), "after": round(bad["bytes"] / 1e6, 2)},
        "round_trip_ms": {"before": before, "after": after},
    }


def round_trip_ms() -> float:
    """The milliseconds, in the median, until the node refuses a connection to a port on which nothing listens."""
    found = []
    for _ in range(_ROUND_TRIPS):
        began = time.monotonic()
        with socket.socket() as probe:
            probe.settimeout(30)
            probe.connect_ex((NODE_ADDRESS, _CLOSED_PORT))
        found.append(1000 * (time.monotonic() - began))
    return round(statistics.median(found), 2)


def feature_troubles(bucket: Any, node: Path) -> tuple[dict[str, float], list[str]]:
    """What is wrong with the features on S3; and the number of their files and their megabytes.

    Args:
        bucket: A client of S3.
        node: The folder of features on the disk of the node, where nothing was removed.
    """
    pages = bucket.get_paginator("list_objects_v2").paginate(Bucket=FEATURES_BUCKET)
    shared = {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}
    made = {file.name: file for file in node.glob("*.npy")}
    troubles = [f"{name} on S3 is no file of features" for name in shared if not name.endswith(".npy")]
    troubles += [f"the features {name} of the node are not on S3" for name in made if name not in shared]
    for name in sorted(set(made) & set(shared)):
        content = bucket.get_object(Bucket=FEATURES_BUCKET, Key=name)["Body"].read()
        if content != made[name].read_bytes():
            troubles.append(f"the features {name} on S3 are not those of the node")
    if not made:
        troubles.append("the node has made no features")
    return {"files": len(shared), "megabytes": round(sum(shared.values()) / 1e6, 2)}, troubles


def _recorded(tracking: str, trials: int) -> tuple[int, int, list[str]]:
    """The runs in the record that have a trial each, those that were begun again, and what is wrong with them."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking)
    found = client.search_runs([each.experiment_id for each in client.search_experiments()])
    roles = [run.data.tags.get("role") for run in found if "state" in run.data.tags]
    repeated = sum(role == "interrupted" for role in roles)
    troubles = record_troubles(tracking, trials)
    parents = [run for run in found if run.data.tags.get("role") == "search" and run.info.status == "FINISHED"]
    for parent in parents:
        kept = {file.path for file in client.list_artifacts(parent.info.run_id)}
        troubles += [f"the record has no {name}" for name in ("result.json", "report.html") if name not in kept]
    return len(roles) - repeated, repeated, troubles


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the plan in a folder says, and leave the figures there."""
    folder, prefix = sys.argv[1:] if arguments is None else arguments
    home = Path(folder)
    plan = Plan(**json.loads((home / PLAN).read_text(encoding="utf-8")))
    tempfile.tempdir = os.environ["TMPDIR"] = folder  # so that what is killed leaves nothing elsewhere
    try:
        with interruptible(program=True):
            figures: Mapping[str, Any] = measured(home, plan, Namespaces(prefix))
    except (RunFailedError, StartError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    (home / FIGURES).write_text(json.dumps(figures), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
