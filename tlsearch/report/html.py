"""report.html: one file that needs no other and asks no host for anything, and its pictures as files beside it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlsearch.data.images.decode import calm_pillow
from tlsearch.folders.walk import files_of
from tlsearch.report import resizing
from tlsearch.report import text as words
from tlsearch.report.configuration import SHORT_FORM
from tlsearch.report.drawing import load_matplotlib
from tlsearch.report.images import write_pictures
from tlsearch.report.numbers import ScoreStyle, percent
from tlsearch.report.sections.boxes import boxes
from tlsearch.report.sections.confusion import confusion
from tlsearch.report.sections.cost import cost
from tlsearch.report.sections.depth import depth
from tlsearch.report.sections.efficiency import efficiency
from tlsearch.report.sections.heat_maps import heat_maps
from tlsearch.report.sections.importance import importance
from tlsearch.report.sections.learning_curves import learning_curves
from tlsearch.report.sections.photographs import photographs
from tlsearch.report.sections.prediction_sets import prediction_sets
from tlsearch.report.sections.reliability import reliability
from tlsearch.report.sections.section import Section
from tlsearch.report.sections.summary import summary
from tlsearch.report.sections.trial_table import trial_table
from tlsearch.report.sections.workers import workers
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Confirmed
from tlsearch.utils.files import write_atomically
from tlsearch.utils.units import short_duration

if TYPE_CHECKING:
    from markupsafe import Markup

REPORT_FILE = "report.html"
LONG_TABLE = 30
"""Rows above which a table scrolls inside itself."""


def write_report(result: RunResult, output: Path, dataset_root: Path) -> Path:
    """Write ``report.html`` into the folder ``output`` and its pictures into ``output/pictures``.

    Gives the path of the page.
    ``dataset_root`` is where the pictures of mistakes and suspects are; those that are gone are left blank. Each
    file is written to a temporary name and renamed.
    """
    load_matplotlib()
    with calm_pillow():
        sections = _sections(result, output, dataset_root)
    page = _page(result, sections)
    output.mkdir(parents=True, exist_ok=True)
    path = output / REPORT_FILE
    # File names that are not Unicode came in as surrogates, which UTF-8 cannot hold.
    write_atomically(path, page.encode("utf-8", "replace"))
    write_pictures([picture for section in sections for picture in section.pictures], output)
    return path


def _sections(result: RunResult, output: Path, dataset_root: Path) -> list[Section]:
    """Every section, in the order of the page."""
    return [
        summary(result),
        efficiency(result),
        depth(result),
        importance(result),
        trial_table(result),
        learning_curves(result),
        confusion(result),
        photographs(result, dataset_root, output),
        heat_maps(result, output),
        boxes(result),
        reliability(result),
        prediction_sets(result),
        cost(result),
        workers(result),
    ]


def _page(result: RunResult, sections: list[Section]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tlsearch.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = ScoreStyle.of(result.metrics)
    environment.filters.update(
        percent=percent, score=style.value, score_interval=style.interval, duration=short_duration, breaks=_breaks,
        spreads=lambda confirmed: _spreads(confirmed, style),
    )  # fmt: skip
    script = files("tlsearch.report").joinpath("templates", "sort.js").read_text(encoding="utf-8").strip()
    shown: dict[str, Any] = {
        "r": result,
        "title": Path(result.dataset.path).name or result.dataset.path,
        "metric": words.metric_name(result.metrics.name),
        "method": words.by_method(result.metrics),
        "words": words,
        "short_form": SHORT_FORM,
        "resizing": resizing.sentence(result.dataset.resizing),
        "images": sum(result.dataset.total(name) for name in result.dataset.counts),
        "test_images": result.dataset.total("test"),
        "splits": [name for name in ("train", "val", "test") if result.dataset.total(name)],
        "spec": json.dumps(result.winner.spec.to_dict(), indent=1, ensure_ascii=False),
        "not_used": files_of(result.dataset.skipped),
        "long": LONG_TABLE,
        "script": script,
        "script_hash": base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii"),
    }
    for section in sections:
        shown |= section.shown
    return environment.get_template("report.html.j2").render(shown)


def _breaks(text: str) -> Markup:
    """``text`` as HTML that may break after the marks inside names, as in ``efficientnet_lite0@imagenet``."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"([@_]|/(?!\d))", r"\1<wbr>", str(escape(text))))


def _spreads(confirmed: Confirmed, style: ScoreStyle) -> str:
    """The spreads, where scores are percentages in points, behind the number of folds."""
    spreads = words.spreads(confirmed, style.spread, "±").replace("± ", "±\u00a0")
    return ", ".join(part for part in (words.folds(confirmed), spreads) if part)
