"""How often intervals hold the truth, and what the simulations share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.common.results import Figures, make_parser, parse_options

SIZES = (45, 100, 370, 2000)
"""Test images (or images of a data set) in the simulations."""

QUICK_SIZES = [45, 100]

Row = dict[str, object]


@dataclass
class Tally:
    """How often the truth lay below, in and above the intervals."""

    below: int = 0
    inside: int = 0
    above: int = 0
    width: float = 0.0

    def add(self, interval: tuple[float, float], truth: float) -> None:
        """Count one interval."""
        low, high = interval
        self.below += truth < low - 1e-12
        self.above += truth > high + 1e-12
        self.inside += low - 1e-12 <= truth <= high + 1e-12
        self.width += high - low

    def row(self) -> Row:
        """Shares of all intervals, and their mean width."""
        count = self.below + self.inside + self.above
        return {
            "coverage": round(self.inside / count, 4),
            "below": round(self.below / count, 4),
            "above": round(self.above / count, 4),
            "width": round(self.width / count, 4),
            "simulations": count,
        }


def parse_simulation_options(
    description: str | None, arguments: Sequence[str] | None, simulations: int, quick: Figures | None = None
) -> argparse.Namespace:
    """The options of a simulation; a quick run has a fiftieth of the ``simulations``, and ``quick`` besides."""
    parser = make_parser(description)
    parser.add_argument("--simulations", type=int, default=simulations, help=f"of each kind (default {simulations})")
    parser.add_argument(
        "--sizes", type=lambda text: [int(part) for part in text.split(",")], default=list(SIZES),
        help=f"images (default {','.join(map(str, SIZES))})",
    )  # fmt: skip
    few = {"simulations": max(20, simulations // 50), "sizes": QUICK_SIZES}
    return parse_options(parser, arguments, {**few, **(quick or {})})
