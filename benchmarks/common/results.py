"""The one format in which every benchmark leaves its figures, and the options that every benchmark has.

A file in benchmarks/results/ holds one ``Result``; README.md and docs/ are rendered from these files by
``python -m benchmarks.render_figures``.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.common.machine import ROOT, commit, machine_facts, package_versions

RESULTS = ROOT / "benchmarks" / "results"

Figures = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one run of a benchmark found.

    Attributes:
        benchmark: The module below ``benchmarks``, such as "speed.scale".
        command: What was typed, but for where the result is written.
        commit: The commit of tlsearch that was measured, None where it is not known.
        machine: ``processor``, ``cores`` and what else is known of it.
        date: When it was measured, as ISO 8601, None where it is not known.
        versions: Package name to version.
        figures: What was measured, in the benchmark's own words.
        note: Where the figures come from, if this run of the benchmark did not write them.
    """

    benchmark: str
    command: str
    commit: str | None
    machine: Mapping[str, Any]
    date: str | None
    versions: Mapping[str, str]
    figures: Figures
    note: str = ""


def read_result(file: Path) -> Result:
    """The result in ``file``.

    Raises:
        ValueError: The file is no result of a benchmark.
    """
    try:
        return Result(**json.loads(file.read_text(encoding="utf-8")))
    except TypeError as error:
        raise ValueError(f"{file} is no result of a benchmark: {error}") from error


def write_result(result: Result, file: Path) -> None:
    """Write ``result`` as indented JSON; folders are made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(result), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def saved_file(benchmark: str) -> Path:
    """Where the result of a benchmark is kept: "speed.vs_plain_loop" in results/vs-plain-loop.json."""
    return RESULTS / (benchmark.rpartition(".")[2].replace("_", "-") + ".json")


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark has."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--quick", action="store_true", help="tiny data, about a minute: shows that it works")
    parser.add_argument("--result", type=Path, metavar="FILE", help="write the result here as JSON")
    parser.add_argument("--save", action="store_true", help="write the result into benchmarks/results")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def parse_options(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None, quick: Figures
) -> argparse.Namespace:
    """The options, with ``quick`` as their defaults where a quick run is asked for.

    What was typed stands in ``options.arguments``. Exits where a quick run is to be saved among the results.
    """
    typed = list(sys.argv[1:] if arguments is None else arguments)
    if "--quick" in typed:
        parser.set_defaults(**quick)
    options = parser.parse_args(typed)
    if options.quick and options.save:
        parser.error("a quick run is no result to save; --result FILE writes it elsewhere")
    options.arguments = typed
    return options


def _without_target(arguments: Sequence[str]) -> list[str]:
    """The arguments but for those that say where the result is written."""
    kept = [argument for argument in arguments if argument != "--save" and not argument.startswith("--result=")]
    if "--result" in kept:
        at = kept.index("--result")
        del kept[at : at + 2]
    return kept


def say(text: str) -> None:
    """Print progress, apart from the figures."""
    print(text, file=sys.stderr, flush=True)


def publish(benchmark: str, options: argparse.Namespace, figures: Figures) -> Result:
    """Print the result as one JSON line, and write it where the options say."""
    result = Result(
        benchmark=benchmark,
        command=shlex.join(["python", "-m", f"benchmarks.{benchmark}", *_without_target(options.arguments)]),
        commit=commit(),
        machine=machine_facts(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=package_versions(),
        figures=figures,
    )
    print(json.dumps(asdict(result)))
    for file in (options.result, saved_file(benchmark) if options.save else None):
        if file:
            write_result(result, file)
    return result
