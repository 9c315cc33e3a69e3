"""Does a run end within its limit of time, whatever is asked of it and however busy the machine is?

    python -m benchmarks.robustness.time_limits examples/clothing --vgg16 vgg16_imagenet.weights.h5

Each scenario is one `tlsearch run` with an empty cache, timed from its start to its end. It must end at most 5 % or
10 s after its limit, or be refused before the limit is over, with the limit that would be enough. In some scenarios
other processes begin to compute in the middle of the run, as many as there are cores or more, and go on to its end. The
exit code is 1 where a run ended too late, was refused too late, or failed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Timer
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.common import many_augmentations
from benchmarks.common.results import make_parser, parse_options, publish, say
from benchmarks.common.site import install_plugins
from benchmarks.common.synthetic_images import write_images
from tlsearch.pipeline.limits.shortest_limit import may_take
from tlsearch.utils.machine import usable_cores
from tlsearch.utils.units import parse_duration

BENCHMARK = "robustness.time_limits"

BEGINS = 0.4
"""The share of the limit after which other processes begin to compute."""

LONGEST = 4.0
"""How many times its limit a run may take before it is ended as one that hangs."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is asked of a run, and what else the machine does.

    Attributes:
        name: What is tried.
        limit: The limit of time as it is typed.
        options: The other options.
        augmentations: Whether twenty augmentations are installed.
        vgg16: Whether the weights of VGG16 are given.
        busy: How many processes for each core begin to compute in the middle of the run.
    """

    name: str
    limit: str
    options: tuple[str, ...] = ()
    augmentations: bool = False
    vgg16: bool = False
    busy: int = 0


_VGG16 = ("--backbone", "vgg16", "--image-size", "224")
_LITE = ("--backbone", "efficientnet_lite0")

SCENARIOS = (
    Scenario(name="all defaults", limit="45s"),
    Scenario(name="20 augmentations", limit="45s", augmentations=True),
    Scenario(name="VGG16 at 224 px", limit="45s", options=_VGG16, vgg16=True),
    Scenario(
        name="VGG16 at 224 px, 20 augmentations, refit",
        limit="45s",
        options=(*_VGG16, "--refit"),
        augmentations=True,
        vgg16=True,
    ),
    Scenario(name="refit", limit="90s", options=(*_LITE, "--refit")),
    Scenario(
        name="VGG16 at 224 px, 20 augmentations, refit",
        limit="3m",
        options=(*_VGG16, "--refit"),
        augmentations=True,
        vgg16=True,
    ),
    Scenario(name="all defaults, then as many others as cores", limit="2m", busy=1),
    Scenario(
        name="20 augmentations, refit, then three others a core",
        limit="2m",
        options=("--refit",),
        augmentations=True,
        busy=3,
    ),
    Scenario(name="VGG16 at 224 px, then three others a core", limit="4m", options=(*_VGG16,), vgg16=True, busy=3),
    Scenario(
        name="images of 64 px, 20 augmentations, refit",
        limit="6m",
        options=(*_LITE, "--image-size", "64", "--refit"),
        augmentations=True,
    ),
    Scenario(
        name="images of 64 px, then three others a core",
        limit="8m",
        options=(*_LITE, "--image-size", "64"),
        busy=3,
    ),
)

QUICK_SCENARIOS = (
    Scenario(
        name="the smallest network, then as many others as cores",
        limit="30s",
        options=(*_LITE, "--image-size", "32", "--baseline", "none"),
        busy=1,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """How a run ended.

    Attributes:
        scenario: The name of the scenario.
        limit: The limit in seconds.
        seconds: How long the run took, from the start of its process to the end.
        outcome: "finished", "refused", "failed" or "hung".
        needed: The limit that a refusal named, in seconds.
        trials: The trials of a run that has finished, by their state.
        tuned: Whether a trial that tuned layers came to its end.
        said: The last line of a run that has failed.
        load: The processes that wanted a core, on average over the last minute, as the run began.
    """

    scenario: str
    limit: float
    seconds: float
    outcome: str
    needed: float | None = None
    trials: Mapping[str, int] | None = None
    tuned: bool | None = None
    said: str = ""
    load: float = 0.0

    @property
    def late(self) -> bool:
        """Whether it ended, or was refused, later than it may."""
        return self.seconds > (self.limit if self.outcome == "refused" else may_take(self.limit))


@contextmanager
def others(count: int, after: float) -> Iterator[None]:
    """Have ``count`` other processes compute after so many seconds, to the end of the block."""
    running: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        spin = "while True: sum(range(10**6))"
        running.extend(subprocess.Popen([sys.executable, "-c", spin]) for _ in range(count))

    timer = Timer(after, start)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        for process in running:
            process.kill()
            process.wait()


def measure(scenario: Scenario, images: Path, vgg16: Path | None, home: Path) -> Row:
    """Run a scenario in ``home``."""
    limit = parse_duration(scenario.limit)
    output, log = home / "out", home / "log.txt"
    weights = ["--weights", f"vgg16={vgg16}"] if scenario.vgg16 else []
    command = [sys.executable, "-m", "tlsearch", "run", str(images), "--time-limit", scenario.limit, *weights]
    command += [*scenario.options, "--output", str(output), "--cache-dir", str(home / "cache")]
    command += ["--tracking-uri", f"sqlite:///{home / 'mlflow.db'}"]
    environment = dict(os.environ)
    if scenario.augmentations:
        site = install_plugins(home / "site", many_augmentations, "tlsearch.augmentations", _names())
        environment["PYTHONPATH"] = os.pathsep.join([str(site), environment.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    load = round(os.getloadavg()[0], 1)
    began = time.monotonic()
    with others(scenario.busy * usable_cores(), BEGINS * limit), log.open("wb") as stream:
        try:
            code: int | None = subprocess.run(
                command, cwd=home, env=environment, stdout=stream, stderr=stream, timeout=LONGEST * limit, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
    seconds = round(time.monotonic() - began, 1)
    row = Row(scenario=scenario.name, limit=limit, seconds=seconds, outcome="failed", load=load)
    return _ended(row, code, log.read_text(encoding="utf-8", errors="replace"), output)


def _names() -> dict[str, str]:
    return {f"shift{number}": f"Shift{number}" for number in range(many_augmentations.COUNT)}


def _ended(row: Row, code: int | None, printed: str, output: Path) -> Row:
    """The row of a run with its exit code, None for one that hung, and what it printed."""
    from tlsearch.results.result import read_result

    facts = asdict(row)
    if code is None:
        return Row(**{**facts, "outcome": "hung"})
    text = " ".join(printed.split())
    if code == 2 and (found := re.search(r"--time-limit is .+?, but it must be (.+?) or more: ", text)):
        return Row(**{**facts, "outcome": "refused", "needed": parse_duration(found[1].replace(" ", ""))})
    if code != 0:
        return Row(**{**facts, "outcome": "failed", "said": text[-300:]})
    result = read_result(output)
    trials: dict[str, int] = {}
    for trial in result.trials:
        trials[trial.state] = trials.get(trial.state, 0) + 1
    tuned = any(t.spec.kind == "fine_tuning" and t.state == "complete" and t.role == "trial" for t in result.trials)
    return Row(**{**facts, "outcome": "finished", "trials": trials, "tuned": tuned})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all scenarios; 1 where one ended too late, was refused too late, or failed."""
    parser = make_parser(__doc__)
    parser.add_argument("images", nargs="?", type=Path, help="the data set")
    parser.add_argument("--vgg16", type=Path, help="ImageNet weights of VGG16; without them its scenarios are left out")
    parser.add_argument("--only", type=int, nargs="*", help="the numbers of scenarios, from 1 (default: all)")
    options = parse_options(parser, arguments, {})
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="tlsearch-limits-") as folder:
        home = Path(folder)
        images = write_images(home / "images", {"": 60}, 40, options.seed) if options.quick else options.images
        if images is None:
            parser.error("name the folder of a data set")
        scenarios = QUICK_SCENARIOS if options.quick else SCENARIOS
        for number, scenario in enumerate(scenarios, 1):
            if (scenario.vgg16 and options.vgg16 is None) or (options.only and number not in options.only):
                continue
            place = home / f"run-{number}"
            place.mkdir()
            vgg16 = options.vgg16.resolve() if options.vgg16 else None
            rows.append(measure(scenario, Path(images).resolve(), vgg16, place))
            say(f"{number} {rows[-1]}")
    print_table(rows)
    publish(BENCHMARK, options, {"rows": [{**asdict(row), "late": row.late} for row in rows]})
    return int(any(row.late or row.outcome in ("failed", "hung") for row in rows))


def print_table(rows: Sequence[Row]) -> None:
    """For people."""
    table = Table("scenario", "limit", "seconds", "outcome", "needed", "late")
    for row in rows:
        cells: list[Any] = [row.scenario, row.limit, row.seconds, row.outcome, row.needed or "", row.late or ""]
        table.add_row(*map(str, cells))
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
