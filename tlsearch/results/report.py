"""report.html: one file that needs no other and asks no host for anything."""

from __future__ import annotations

import base64
import io
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tlsearch.data.decode import ImageError, calm_pillow, load_rgb
from tlsearch.results.charts import depth_charts, learning_chart
from tlsearch.results.parts import Confusion, Interval, Mistake, TrialRow
from tlsearch.results.result import RunResult
from tlsearch.results.wording import METRICS, duration, interval, percent, verdict

REPORT_FILE = "report.html"
MOST_MISTAKES = 24
MATRIX_CLASSES = 25
"""With more classes a matrix no longer fits a page, and the most frequent confusions are listed instead."""

_THUMBNAIL = 240  # pixels; twice the size on the page, for sharp screens


def write_report(result: RunResult, output: Path, dataset_root: Path) -> Path:
    """Write ``report.html`` into the folder ``output`` and give its path.

    ``dataset_root`` is where the pictures of the mistakes are; those that are gone are left blank. The file
    is written to a temporary name and renamed.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tlsearch.results"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=percent, interval=interval, duration=duration)
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
    rows, scale = _intervals(result)
    matrix = result.confusion
    small = matrix is not None and len(matrix.labels) <= MATRIX_CLASSES
    return {
        "r": result,
        "title": Path(result.dataset.path).name or result.dataset.path,
        "metric": METRICS.get(result.metrics.name, result.metrics.name),
        "images": sum(result.dataset.total(name) for name in result.dataset.counts),
        "test_images": result.dataset.total("test"),
        "verdict": verdict(result),
        "intervals": rows,
        "scale": scale,
        "facts": _facts(result),
        "depth_charts": _depth_charts(result),
        "trials": sorted(result.trials, key=_rank),
        "trial_summary": _trial_summary(result.trials),
        "winner_number": _winner_number(result),
        "curves": _curves(result),
        "confusion": _matrix(matrix) if matrix is not None and small else None,
        "confused": _most_confused(matrix) if matrix is not None and not small else None,
        "mistakes": _mistakes(result.mistakes, dataset_root),
        "splits": splits,
        "timings": [(step, sec, round(100 * sec / total, 2) if total else 0) for step, sec in steps.items()],
        "total_time": total,
        "spec": json.dumps(result.winner.spec.to_dict(), indent=1, ensure_ascii=False),
    }


def _intervals(result: RunResult) -> tuple[list[dict[str, Any]], Interval]:
    """The rows of the comparison, and the range that they are drawn in."""
    spec = result.winner.spec
    network = f"{spec.backbone}@{spec.weights}" if spec.weights else spec.backbone
    found = [("winner", network, "winner", result.metrics.test, result.metrics.test_ci95)]
    probe, baseline = result.linear_probe, result.baseline
    if probe is not None:
        found.append(("linear probe", probe.label, "probe", probe.test, probe.test_ci95))
    if baseline is not None:
        found.append(("from scratch", baseline.architecture, "baseline", baseline.test, baseline.test_ci95))
    low = math.floor(10 * min(ci[0] for *_, ci in found)) / 10
    high = max(low + 0.1, math.ceil(10 * max(ci[1] for *_, ci in found)) / 10)

    def place(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    rows = [
        {
            "name": name,
            "detail": detail,
            "hue": hue,
            "value": value,
            "ci": ci,
            "at": place(value),
            "left": place(ci[0]),
            "width": round(place(ci[1]) - place(ci[0]), 2),
        }
        for name, detail, hue, value, ci in found
    ]
    return rows, (low, high)


def _facts(result: RunResult) -> list[tuple[str, str, str]]:
    """Name, value and remark of what stands below the answer."""
    metrics, winner = result.metrics, result.winner
    facts = [("validation", percent(metrics.val), "chose the winner, so it is optimistic")]
    if metrics.confirmed is not None:
        confirmed = metrics.confirmed
        spreads = []
        if confirmed.seed_spread is not None:
            spreads.append(f"seeds ±\u00a0{100 * confirmed.seed_spread:.1f}")
        if confirmed.sampling_error is not None:
            spreads.append(f"sampling ±\u00a0{100 * confirmed.sampling_error:.1f}")
        folds = f"on {confirmed.folds} resampled fold{'s' if confirmed.folds != 1 else ''}"
        facts.append(("confirmed", percent(confirmed.mean), "; ".join([folds, *spreads])))
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
    if metrics.test_opened is not None:
        times = "once" if metrics.test_opened == 1 else f"{metrics.test_opened} times"
        facts.append(("test set opened", times, ""))
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
    metric = METRICS.get(result.metrics.name, result.metrics.name)
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


def _mistakes(mistakes: Sequence[Mistake], root: Path) -> list[tuple[Mistake, str | None]]:
    with calm_pillow():
        return [(item, _thumbnail(root / item.path)) for item in mistakes[:MOST_MISTAKES]]


def _thumbnail(path: Path) -> str | None:
    """A small JPEG as a data URI, or None where the file cannot be read."""
    try:
        image = load_rgb(path)
    except ImageError:
        return None
    image.thumbnail((_THUMBNAIL, _THUMBNAIL))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
