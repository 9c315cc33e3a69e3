"""Do the numbers keep what they promise? Simulations with known truth, and the tool itself on shuffled labels.

    python benchmarks/honesty.py [PART...] [--quick] [--json]

Parts: wilson, coverage, bootstrap, p-values, more-data, optimism, shuffled. Without one, all but ``shuffled`` run (an
hour of one core). ``shuffled`` runs `tlsearch.run` 100 times (an hour of two cores) and goes on where it was stopped.
Everything is seeded.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from honesty_coverage import Row, bootstrap, coverage, exact_wilson, p_values, shortfalls
from honesty_more_data import more_data
from honesty_optimism import optimism
from honesty_shuffled import shuffled, summary
from rich.console import Console
from rich.table import Table

Part = Callable[[argparse.Namespace], list[Row]]


def tell(text: str) -> None:
    """Progress, apart from the figures."""
    print(text, file=sys.stderr, flush=True)


def _simulations(options: argparse.Namespace, full: int) -> int:
    return max(20, full // 50) if options.quick else full


def _coverage(options: argparse.Namespace) -> list[Row]:
    return coverage(_simulations(options, 2000), options.seed, tell)


def _bootstrap(options: argparse.Namespace) -> list[Row]:
    return bootstrap(_simulations(options, 500), options.seed, tell)


def _p_values(options: argparse.Namespace) -> list[Row]:
    return p_values(_simulations(options, 2000), options.seed, tell)


def _more_data(options: argparse.Namespace) -> list[Row]:
    return more_data(_simulations(options, 400), options.seed, tell)


def _optimism(options: argparse.Namespace) -> list[Row]:
    return optimism(_simulations(options, 1000), options.seed, tell)


def _shuffled(options: argparse.Namespace) -> list[Row]:
    runs = 2 if options.quick else options.runs
    return summary(shuffled(options.work, runs, options.seed, options.jobs, tell))


PARTS: Mapping[str, tuple[str, Part]] = {
    "wilson": ("Exact coverage of Wilson's interval for one accuracy", lambda _: exact_wilson()),
    "coverage": ("Coverage of the 95 % intervals", _coverage),
    "bootstrap": ("The percentile bootstrap on the same tests, for comparison", _bootstrap),
    "p-values": ("How often p < .05 where there is no difference", _p_values),
    "more-data": ("Coverage of the interval of what more images bring", _more_data),
    "optimism": ("How far the figure that chose a trial lies above the truth", _optimism),
    "shuffled": ("Gains declared on shuffled labels", _shuffled),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts and print their tables; 1 where an interval falls short."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all but shuffled")
    parser.add_argument("--quick", action="store_true", help="a fiftieth of the simulations, to see that it works")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=100, help="runs on shuffled labels (default 100)")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time (default 2)")
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(tempfile.gettempdir()) / "tlsearch-honesty",
        help="where the runs on shuffled labels leave their results",
    )
    options = parser.parse_args(arguments)
    found = {name: PARTS[name][1](options) for name in options.parts or [p for p in PARTS if p != "shuffled"]}
    if options.json:
        print(json.dumps(found))
    else:
        for name, rows in found.items():
            _print_table(PARTS[name][0], rows)
    short = shortfalls(found.get("coverage", []))
    if short and not options.quick:
        tell(f"{len(short)} intervals fall short: {short}")
        return 1
    return 0


def _print_table(title: str, rows: Sequence[Row]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(*columns, title=title)
    for row in rows:
        table.add_row(*(_cell(row.get(name, "")) for name in columns))
    Console(width=160).print(table)


def _cell(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
