"""What does one whole `tlsearch run` find, and what does it cost?

    python -m benchmarks.quality.whole_run examples/clothing --time-limit 5m

Every argument that is no option of this benchmark is handed to `tlsearch run`, which starts with an empty cache; with
`--output DIR` what it writes is kept. Memory is anonymous resident memory (RssAnon) summed over the process tree,
sampled twice a second. `--save` writes whole-run.json; the figures of the example data set have a file of their own:
`--result benchmarks/results/whole-run-example.json`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.common.memory import watch_memory
from benchmarks.common.results import make_parser, publish
from benchmarks.common.synthetic_images import write_images
from tlsearch.cli.summary import score_table
from tlsearch.report.configuration import in_words
from tlsearch.report.verdict.fair import no_claim
from tlsearch.report.verdict.lines import shown_verdict
from tlsearch.results.result import RunResult, read_result

BENCHMARK = "quality.whole_run"
TERMINAL_WIDTH = 80
QUICK = [
    *("--backbone", "efficientnet_lite0", "--image-size", "32", "--augment", "none"),
    *("--trials", "2", "--epochs", "1", "--baseline", "none"),
]
QUICK_IMAGES = {"train": 60, "val": 20, "test": 20}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, measure, print; gives the exit code of the run."""
    parser = make_parser(__doc__)
    parser.add_argument("--output", type=Path, help="as for `tlsearch run`: keeps what it writes")
    typed = list(sys.argv[1:] if arguments is None else arguments)
    options, of_run = parser.parse_known_args(typed)
    options.arguments = typed
    if options.quick and options.save:
        parser.error("a quick run is no result to save; --result FILE writes it elsewhere")
    with tempfile.TemporaryDirectory(prefix="tlsearch-benchmark-") as folder:
        if options.quick:
            of_run = [str(write_images(Path(folder) / "images", QUICK_IMAGES, 32, options.seed)), *QUICK, *of_run]
        code, figures = measure(options, of_run, Path(folder))
    if figures:
        print_table(figures)
        publish(BENCHMARK, options, figures)
    return code


def measure(options: argparse.Namespace, of_run: Sequence[str], folder: Path) -> tuple[int, dict[str, Any]]:
    """The exit code of the run, and its figures where that is 0."""
    output = options.output or folder / "output"
    command = [sys.executable, "-m", "tlsearch", "run", *of_run, "--seed", str(options.seed)]
    command += ["--output", str(output), "--cache-dir", str(folder / "cache")]
    command += ["--tracking-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    started = time.monotonic()
    with subprocess.Popen(command) as process:
        peak = watch_memory(process)
    seconds = time.monotonic() - started
    if process.returncode:
        return process.returncode, {}
    found = json.loads((output / "result.json").read_text(encoding="utf-8"))
    read = read_result(output)
    said = {"winner_in_words": in_words(read.winner.spec, read.plan), "no_claim": no_claim(read)}
    return 0, collect_figures(found, seconds, peak) | said | {"printed": collect_printed(read)}


def collect_figures(result: Mapping[str, Any], seconds: float, peak: int) -> dict[str, Any]:
    """What a run found, from its result.json, and what it cost; ``peak`` in bytes."""
    sizes = {split: sum(by_class.values()) for split, by_class in result["dataset"]["counts"].items()}
    return {
        "seconds": round(seconds),
        "peak_gigabytes": round(peak / 1e9, 2),
        "trials": sum(row["role"] == "trial" for row in result["trials"]),
        "winner": result["winner"]["label"],
        "images": {"all": sum(sizes.values()), **sizes},
        "classes": len(result["dataset"]["classes"]),
        **{name: result[name] for name in ("metrics", "linear_probe", "baseline", "gain", "timings")},
    }


def collect_printed(result: RunResult) -> dict[str, list[str]]:
    """What the terminal shows at the end of a run: the table of scores, its columns by name, and the short answers.

    The table is in lines of a terminal that is ``TERMINAL_WIDTH`` cells wide.
    """
    table = score_table(result)
    return {
        "columns": [" ".join(column.heading.split()) for column in table.columns if column.heading],
        "table": [line for line, _ in table.lines(TERMINAL_WIDTH, "-")],
        "answers": [answer.said for answer in shown_verdict(result).answers],
    }


def print_table(figures: Mapping[str, Any]) -> None:
    """For people."""
    table = Table("figure", "value")
    for name in ("winner", "seconds", "peak_gigabytes", "trials"):
        table.add_row(name, str(figures[name]))
    table.add_row("test", f"{figures['metrics']['test']:.3f}")
    for step, spent in figures["timings"].items():
        table.add_row(f"seconds of {step}", f"{spent:.1f}")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
