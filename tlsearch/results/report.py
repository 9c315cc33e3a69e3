"""report.html: one file that needs no other and asks no host for anything."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tlsearch.data.decode import calm_pillow
from tlsearch.results import wording as words
from tlsearch.results.charts import depth_charts, learning_chart
from tlsearch.results.comparison import ModelRow, headings, model_rows
from tlsearch.results.finding_charts import more_data_chart, reliability_chart
from tlsearch.results.finding_words import calibration_sentence, labels_sentence, more_data_sentence
from tlsearch.results.parts import Confirmed, Confusion, Interval, TrialRow
from tlsearch.results.result import RunResult
from tlsearch.results.thumbnails import thumbnail
from tlsearch.results.wording import duration, interval, percent, verdict

REPORT_FILE = "report.html"
MOST_MISTAKES = 24
MATRIX_CLASSES = 25
"""With more classes a matrix no longer fits a page, and the most frequent confusions are listed instead."""


def write_report(result: RunResult, output: Path, dataset_root: Path) -> Path:
    """Write ``report.html`` into the folder ``output`` and give its path.

    ``dataset_root`` is where the pictures of mistakes and suspects are; those that are gone are left blank. The
    file is written to a temporary name and renamed.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tlsearch.results"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=percent, interval=interval, duration=duration, spreads=_spreads)
    with calm_pillow():
        page = environment.get_template("report.html.j2").render(_context(result, dataset_root))
    output.mkdir(parents=True, exist_ok=True)
    path = output / REPORT_FILE
    temporary = path.with_name(f".{REPORT_FILE}.{os.getpid()}.tmp")
    # File names that are not Unicode came in as surrogates, which UTF-8 cannot hold.
    temporary.write_text(page, encoding="utf-8", errors="replace")
    temporary.replace(path)
    return path


def _context(result: RunResult, dataset_root: Path) -> dict[str, Any]:
    """Everything the template shows that is not a field of the result."""
    splits = [name for name in ("train", "val", "test") if result.dataset.total(name)]
    steps = {step: seconds for step, seconds in result.timings.items() if step != "total"}
    total = result.timings.get("total", sum(steps.values()))
    rows = model_rows(result)
    intervals, scale = _intervals(rows)
    matrix = result.confusion
    small = matrix is not None and len(matrix.labels) <= MATRIX_CLASSES
    return {
        "r": result,
        "title": Path(result.dataset.path).name or result.dataset.path,
        "metric": words.metric_name(result.metrics.name),
        "words": words,
        "images": sum(result.dataset.total(name) for name in result.dataset.counts),
        "test_images": result.dataset.total("test"),
        "verdict": verdict(result),
        "intervals": intervals,
        "scale": scale,
        "headings": headings(result),
        "models": rows,
        "facts": _facts(result),
        "depth_charts": _depth_charts(result),
        "trials": sorted(result.trials, key=_rank),
        "trial_summary": _trial_summary(result.trials),
        "confirmations": any(row.role == "confirmation" for row in result.trials),
        "winner_number": _winner_number(result),
        "curves": _curves(result),
        "confusion": _matrix(matrix) if matrix is not None and small else None,
        "confused": _most_confused(matrix) if matrix is not None and not small else None,
        "mistakes": [(item, thumbnail(dataset_root / item.path)) for item in result.mistakes[:MOST_MISTAKES]],
        "findings": _findings(result, dataset_root),
        "splits": splits,
        "timings": [(step, sec, round(100 * sec / total, 2) if total else 0) for step, sec in steps.items()],
        "total_time": total,
        "spec": json.dumps(result.winner.spec.to_dict(), indent=1, ensure_ascii=False),
    }


def _intervals(models: Sequence[ModelRow]) -> tuple[list[dict[str, Any]], Interval]:
    """The rows of the comparison on test, and the range that they are drawn in."""
    low = math.floor(10 * min(row.test_ci95[0] for row in models)) / 10
    high = max(low + 0.1, math.ceil(10 * max(row.test_ci95[1] for row in models)) / 10)

    def place(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    rows = [
        {
            "name": row.name,
            "detail": row.model,
            "hue": row.kind,
            "value": row.test,
            "ci": row.test_ci95,
            "at": place(row.test),
            "left": place(row.test_ci95[0]),
            "width": round(place(row.test_ci95[1]) - place(row.test_ci95[0]), 2),
        }
        for row in models
    ]
    return rows, (low, high)


def _spreads(confirmed: Confirmed) -> str:
    """The spreads in percentage points, behind the number of folds."""
    spreads = words.spreads(confirmed, lambda value: f"{100 * value:.1f}", "±").replace("± ", "±\u00a0")
    return ", ".join(part for part in (words.folds(confirmed), spreads) if part)


def _findings(result: RunResult, root: Path) -> dict[str, Any] | None:
    """Sentences, charts and pictures of the findings that there are; None where there are none."""
    found = result.findings
    shown: dict[str, Any] = {}
    if found.more_data is not None:
        shown["more_data"] = (more_data_sentence(found.more_data), more_data_chart(found.more_data))
    if found.calibration is not None:
        sentence = calibration_sentence(found.calibration, result.plan.folds)
        shown["calibration"] = (sentence, reliability_chart(found.calibration))
    if found.labels is not None:
        pictures = [(item, thumbnail(root / item.path)) for item in found.labels.suspects]
        shown["labels"] = (labels_sentence(found.labels), pictures)
    return shown or None


def _facts(result: RunResult) -> list[tuple[str, str, str]]:
    """Name, value and remark of what stands below the answer."""
    metrics, winner = result.metrics, result.winner
    facts = []
    if winner.freeze_depth:
        layers = f"{len(winner.frozen_layers)} layers, up to {winner.cut_point}"
        facts.append(("frozen", f"{winner.freeze_depth} of {winner.spec.depth} cut points", layers))
    else:
        facts.append(("frozen", "nothing", ""))
    if metrics.ms_per_image is not None:
        facts.append(("speed", f"{metrics.ms_per_image:.1f} ms an image", "one at a time, decoding not counted"))
    if metrics.megabytes is not None:
        facts.append(("model", f"{metrics.megabytes:.1f} MB", ""))
    if metrics.test_accuracy is not None and metrics.name != "accuracy":
        facts.append(("accuracy", percent(metrics.test_accuracy), "plain accuracy on the same test images"))
    if metrics.majority is not None:
        facts.append(("most frequent class", percent(metrics.majority), "the score of always guessing it"))
    return facts


def _depth_charts(result: RunResult) -> list[tuple[str, str, str]]:
    spec = result.winner.spec
    label = f"{spec.backbone}@{spec.weights}" if spec.weights else ""
    captions = {}
    for name, curve in result.profile.items():
        if not curve:
            captions[name] = "no point was measured"
            continue
        best = max(curve, key=lambda point: point.accuracy)
        captions[name] = f"best {percent(best.accuracy)} after {best.cut} ({best.depth} of {curve[-1].depth})"
        if name == label and spec.freeze_depth:
            captions[name] += f"; dashed: the winner froze {spec.freeze_depth}"
    charts = depth_charts(result.profile, label, spec.freeze_depth)
    return [(name, svg, captions[name]) for name, svg in charts.items()]


def _curves(result: RunResult) -> list[str]:
    histories = result.histories
    metric = words.metric_name(result.metrics.name)
    charts = (
        learning_chart(histories.winner, histories.baseline, "objective", "train_accuracy", metric),
        learning_chart(histories.winner, histories.baseline, "val_loss", "train_loss", "loss"),
    )
    return [chart for chart in charts if chart is not None]


def _rank(row: TrialRow) -> tuple[bool, float, int]:
    """Best first; those without a value after them, as they came."""
    return row.value is None, -(row.value or 0.0), row.number


def _winner_number(result: RunResult) -> int | None:
    won = [row for row in result.trials if row.spec == result.winner.spec and row.state == "complete"]
    return next((row.number for row in won if row.role == "trial"), None)


def _trial_summary(trials: Sequence[TrialRow]) -> str:
    states = [row.state for row in trials]
    parts = [f"{states.count(s)} {s}" for s in ("complete", "pruned", "failed", "censored") if s in states]
    return ", ".join(parts).capitalize() + "." if parts else "None."


def _matrix(confusion: Confusion) -> list[tuple[str, list[tuple[int, str]]]]:
    """Rows of (label, cells of (count, CSS colour)); the deeper, the larger the share of the true class."""
    rows = []
    for i, (label, counts) in enumerate(zip(confusion.labels, confusion.matrix, strict=True)):
        whole = max(1, sum(counts))
        cells = []
        for j, count in enumerate(counts):
            base = "59 130 214" if i == j else "224 128 58"
            # Mistakes are rare, so their scale rises faster.
            depth = 0.6 * count / whole if i == j else min(0.7, 0.7 * math.sqrt(count / whole))
            cells.append((count, f"rgb({base} / {depth:.2f})" if count else "var(--tint)"))
        rows.append((label, cells))
    return rows


def _most_confused(confusion: Confusion, most: int = 20) -> list[tuple[str, str, int, float]]:
    """The most frequent mistakes: true class, what it was called, how often, share of the true class."""
    pairs = [
        (label, called, count, count / sum(counts))
        for label, counts in zip(confusion.labels, confusion.matrix, strict=True)
        for called, count in zip(confusion.labels, counts, strict=True)
        if called != label and count
    ]
    return sorted(pairs, key=lambda pair: -pair[2])[:most]
