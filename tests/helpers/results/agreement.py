"""The figures of a run as its texts give them, and whether all texts agree on them."""

from __future__ import annotations

import html
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from rich.console import Console

from tlsearch.cli.summary import print_summary
from tlsearch.report.html import write_report
from tlsearch.report.markdown import describe
from tlsearch.results.result import RunResult

NUMBER = r"([+-]?[\d,]*\.?\d+)"
SCORE = rf"{NUMBER}( %)?"

# Every way in which a text gives a figure. Where a unit may follow, it says whether the number is of a hundred.
PATTERNS: Mapping[str, tuple[str, ...]] = {
    "test score": (
        rf"accuracy on [\d,]+ test images is {SCORE}",
        rf"accuracy {SCORE} \[[\d. ]+\] on test",
        rf"{SCORE} accuracy on [\d,]+ test images, 95 % interval",
        rf"(?:^|\n){SCORE} \[[\d. ]+\] tested",
    ),
    "test images": (r"on ([\d,]+) test images",),
    "times opened": (r"looked at these test images (\d+) times",),
    "gain over scratch": (
        rf"gain over training from scratch {SCORE}",
        rf"(?:trained from scratch(?: by| is shown:)|the gain from pre-training is) {NUMBER} (points)",
    ),
    "gain over the probe": (
        rf"gain over the linear probe {SCORE}",
        rf"the plain linear probe [a-z:() ]*(?:gains|is shown:) {NUMBER} (points)",
    ),
    "p of the gain over the probe": (
        rf"gain over the linear probe [^p]*p [=<] {SCORE}",
        rf"the plain linear probe [^+-]*[+-][^p]*points [^p]*p [=<] {SCORE}",
    ),
    "folds of confirmation": (r"confirmed on (\d+) ", r"\d on (\d+) folds?, (?:seeds|sampling)"),
    "labels that are shown": (r"Check the (\d+) images? whose", r"[Tt]he (\d+) most suspect are shown"),
    "frozen blocks": (r"first (\d+) of \d+ blocks frozen", r"frozen (\d+) of \d+ blocks", r"froze the first (\d+)"),
    "epochs from scratch": (
        r"its time was over after (\d+) of \d+ epochs",
        r"was trained for (\d+) of \d+ epochs",
        r"was still improving after (\d+) of \d+ epochs",
    ),
    "classes that need images": (
        r"needs images of [^:]+: (\d+) % of the \d+ errors",
        r"[Aa]dd images of [^:]+: (\d+) %",
    ),
    "complete trials": (r"Trials (\d+) complete", r"trials \((\d+) complete", r"ended: (\d+) complete"),
}


@dataclass(frozen=True)
class Figure:
    """A number as a text gives it: it stands for everything that rounds to it."""

    text: str
    value: float
    step: float

    def agrees(self, other: Figure) -> bool:
        """Whether one true value can be behind both."""
        return abs(self.value - other.value) <= (self.step + other.step) / 2 * 1.0001


def texts_of(result: RunResult, folder: Path) -> dict[str, str]:
    """What terminal, report and MLflow say of a run."""
    console = Console(file=io.StringIO(), width=200)
    print_summary(console, result)
    write_report(result, folder, folder)
    assert isinstance(console.file, io.StringIO)
    return {
        "terminal": console.file.getvalue(),
        "report": page_text((folder / "report.html").read_text(encoding="utf-8")),
        "MLflow": describe(result),
    }


def page_text(source: str) -> str:
    """The words of a page, a space between any two."""
    source = re.sub(r"<(script|style).*?</\1>", " ", source, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", source.replace("<wbr>", ""))).split())


def found_in(text: str, name: str) -> Iterator[Figure]:
    """Every place where ``text`` gives the figure ``name``."""
    for pattern in PATTERNS[name]:
        for match in re.finditer(pattern, text.replace("\xa0", " ")):
            digits, *unit = match.groups()
            decimals = len(digits.partition(".")[2])
            hundredth = 100.0 if unit and unit[0] else 1.0
            step = 10.0**-decimals / hundredth if decimals else 0.0  # a whole number is a count
            yield Figure(match.group(), float(digits.replace(",", "")) / hundredth, step)


def disagreements(texts: Mapping[str, str]) -> list[str]:
    """Every pair of statements, in whichever of the texts, that cannot both be true."""
    found: dict[str, list[tuple[str, Figure]]] = defaultdict(list)
    for place, text in texts.items():
        for name in PATTERNS:
            found[name] += [(place, figure) for figure in found_in(text, name)]
    return [
        f"{name}: {place} says {one.text!r}, {other_place} says {other.text!r}"
        for name, figures in found.items()
        for (place, one), (other_place, other) in combinations(figures, 2)
        if not one.agrees(other)
    ]
