"""The figures of exported files: their proofs, and how they are served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.common.results import Result
from benchmarks.figures.text import paragraphs, source, table, two_figures

Row = Mapping[str, Any]


def export_proofs(result: Result) -> str:
    """A row for every file, and one for every planted fault."""
    figures = result.figures
    head = ["model", "format", "precision", "proof", "equal answers", "largest difference", "accuracy lost", "MB", "ms"]
    rows = [_proof_row(row) for row in figures["proofs"]]
    faults = [
        [row["model"], row["fault"], "proven" if row["proven"] else "not proven", _share(row), _lost(row)]
        for row in figures["faults"]
    ]
    images = figures["proofs"][0]["images"]
    caption = (
        f"Models at {figures['image_size']} px, compared on {images:,} images that none was trained on. *Accuracy "
        "lost* is in points, with Tango's 95 % interval. *ms* is the time of one image alone, with one thread where "
        "the runtime takes a number."
    )
    planted = "The same proof of ONNX files in which the channels were swapped on purpose:"
    fault_table = table(["model", "fault", "proof", "equal answers", "accuracy lost"], faults)
    return paragraphs(table(head, rows), caption, planted, fault_table, source(result))


def export_proofs_brief(result: Result) -> str:
    """How many files are proven, and how many faults are found."""
    proofs, faults = result.figures["proofs"], result.figures["faults"]
    proven, found = sum(row["proven"] for row in proofs), sum(not row["proven"] for row in faults)
    return f"{proven} of {len(proofs)} files proven, {found} of {len(faults)} planted faults found"


def _proof_row(row: Row) -> list[str]:
    proof = "proven" if row["proven"] else "not proven"
    difference = f"{row['largest_difference']:.1e}"
    size, time = f"{row['megabytes']:.1f}", f"{row['ms']:.1f}"
    return [row["model"], row["format"], row["precision"], proof, _share(row), difference, _lost(row), size, time]


def _share(row: Row) -> str:
    return f"{100 * row['equal_answers']:.1f} %"


def _lost(row: Row) -> str:
    low, high = row["ci95"]
    return f"{100 * row['accuracy_lost'] + 0.0:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def serving(result: Result) -> str:
    """A row for every server and number of clients, and one for the answers of each."""
    figures = result.figures
    rows = [
        [
            row["server"],
            str(row["clients"]),
            f"{row['p50_ms']:.1f}",
            f"{row['p95_ms']:.1f}",
            two_figures(row["a_second"]),
        ]
        for row in figures["loads"]
    ]
    answers = [
        [name, f"{row['largest_difference']:.1e}", f"{100 * row['same_class']:.1f} %"]
        for name, row in figures["answers"].items()
    ]
    caption = (
        f"{figures['requests']} requests of one picture each, on loopback; the clients run on the same cores. The "
        f"network is {figures['backbone']} at {figures['image_size']} px. The ONNX model in MLflow takes squares of "
        f"numbers and decodes nothing. {_others(figures['load_average'])}"
    )
    compared = f"Probabilities beside those of `tlsearch predict`, on {figures['pictures']:,} pictures:"
    load_table = table(["server", "clients", "ms, median", "ms, 95 %", "pictures a second"], rows)
    answer_table = table(["answers of", "largest difference", "same class"], answers)
    return paragraphs(load_table, caption, compared, answer_table, source(result))


def _others(load_average: float) -> str:
    """A sentence on what else the machine did."""
    if load_average < 2:
        return f"The load average of the minute before was {load_average:.1f}."
    return (
        f"Other programs ran on the machine (load average {load_average:.0f}), so all times are longer than alone, and "
        "rows that lie near each other do not rank the servers."
    )


def serving_brief(result: Result) -> str:
    """What the example server and MLflow's manage with the most clients, and how far their answers lie off."""
    loads = result.figures["loads"]
    most = max(row["clients"] for row in loads)
    rates = {row["server"]: row["a_second"] for row in loads if row["clients"] == most}
    ours, winner = (rates[name] for name in ("examples/serve", "mlflow models serve, winner"))
    off = result.figures["answers"]["examples/serve"]["largest_difference"]
    return (
        f"{two_figures(ours)} pictures a second, MLflow's {two_figures(winner)}, with {most} clients; "
        f"largest difference {off:.0e}"
    )
