"""Every benchmark with the time it takes and where its last result is; the table of benchmarks/README.md."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.machine import ROOT
from benchmarks.common.results import read_result
from benchmarks.figures.groups import GROUPS
from benchmarks.figures.text import table


@dataclass(frozen=True)
class Entry:
    """A benchmark.

    Attributes:
        module: Its module below ``benchmarks``; the first line of its docstring is the question it answers.
        arguments: What its command needs besides.
        time: How long it takes on two cores, as an estimate.
        groups: The groups of figures that it makes.
    """

    module: str
    arguments: str
    time: str
    groups: tuple[str, ...]

    @property
    def question(self) -> str:
        """The question that the benchmark answers."""
        file = ROOT / "benchmarks" / Path(*self.module.split(".")).with_suffix(".py")
        docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        return docstring.partition("\n")[0]

    @property
    def command(self) -> str:
        """What to type."""
        return f"python -m benchmarks.{self.module} {self.arguments}".rstrip()


_VGG16 = "DATASET --weights vgg16=FILE --image-size 128"

ENTRIES = (
    Entry("speed.vs_plain_loop", _VGG16, "about 1 h", ("vs-plain-loop",)),
    Entry("speed.lower_bound", _VGG16, "about 1 h", ("lower-bound",)),
    Entry("speed.overhead", "", "10 min", ("overhead",)),
    Entry("speed.suffix_step", "", "5 min", ("suffix-step",)),
    Entry("speed.workers", "", "5 min", ("workers",)),
    Entry("speed.cluster_transport", "", "2 min", ("cluster-transport",)),
    Entry("speed.many_workers", "", "1 h", ("many-workers",)),
    Entry("speed.precision", "--images DATASET --weights vgg16=FILE", "15 min", ("precision",)),
    Entry("speed.scale", "", "15 min", ("scale",)),
    Entry(
        "quality.whole_run", "DATASET --time-limit 25m", "25 min", ("whole-run", "whole-run-example", "whole-run-short")
    ),
    Entry("quality.search_quality", _VGG16, "about 1 h", ("search-quality",)),
    Entry("quality.same_accuracy", "DATASET --image-size 64", "about 1 h", ("same-accuracy",)),
    Entry("quality.from_scratch", "", "about 1 h", ("from-scratch",)),
    Entry("quality.time_to_accuracy", "DATASET ...", "hours", ("time-to-accuracy",)),
    Entry("quality.choosing_weights", "GREY PHOTOGRAPHS", "15 min", ("choosing-weights",)),
    Entry("quality.many_candidates", "DATASET --image-size 64", "15 min", ("many-candidates",)),
    Entry("quality.depthwise", "DATASET ... --image-size 128", "30 min", ("depthwise",)),
    Entry("quality.afterwards", "DATASET ... --image-size 96", "1 h", ("afterwards",)),
    Entry("quality.networks", "DATASET ...", "20 min", ("networks",)),
    Entry("quality.more_networks", "DATASET --time-limit 25m --work DIR", "3 h", ("more-networks",)),
    Entry("use.explain", "examples/clothing --time-limit 2m --image-size 96", "5 min", ("explain",)),
    Entry("use.localisation", "examples/clothing --image-size 224 --trials 2", "5 min", ("localisation",)),
    Entry("use.maps.finer_maps", "examples/clothing", "30 min", ("finer-maps", "finer-maps-more-seeds")),
    Entry("use.monitor", "DATASET --image-size 96", "5 min", ("monitor",)),
    Entry("use.export_proofs", "DATASET --images FOLDER --weights vgg16=FILE", "10 min", ("export-proofs",)),
    Entry("use.serving", "MODEL_DIR PICTURES", "10 min", ("serving",)),
    Entry("use.predict_throughput", "", "15 min", ("predict-throughput",)),
    Entry("statistics.coverage", "", "about 1 h", ("coverage", "coverage-other-seed")),
    Entry("statistics.wilson", "", "seconds", ("wilson",)),
    Entry("statistics.bootstrap", "", "minutes", ("bootstrap",)),
    Entry("statistics.p_values", "", "minutes", ("p-values",)),
    Entry("statistics.more_data", "", "minutes", ("more-data",)),
    Entry("statistics.calibration", "", "minutes", ("calibration",)),
    Entry("statistics.prediction_sets", "", "minutes", ("prediction-sets",)),
    Entry("statistics.label_errors", "", "minutes", ("label-errors",)),
    Entry("statistics.planted_faults", "", "5 min", ("planted-faults",)),
    Entry("decisions.selection_bias", "", "minutes", ("selection-bias",)),
    Entry("decisions.choice", "", "minutes", ("choice",)),
    Entry("decisions.corrected", "", "minutes", ("corrected",)),
    Entry("decisions.early_stop", "", "minutes", ("early-stop",)),
    Entry("decisions.claims", "", "minutes", ("claims",)),
    Entry("decisions.unfinished", "", "minutes", ("unfinished",)),
    Entry("decisions.recorded_curves", "PHOTOGRAPHS", "15 min", ("recorded-curves",)),
    Entry("decisions.shuffled_labels", "--work DIR", "1 h", ("shuffled-labels",)),
    Entry("robustness.kill_and_resume", "--kills 30", "1 h", ("kill-and-resume",)),
    Entry("robustness.cluster_kills", "examples/clothing", "20 min", ("cluster-kills",)),
    Entry("robustness.tested_lines", "", "20 min", ("tested-lines",)),
    Entry("robustness.memory", "", "30 min", ("memory",)),
    Entry("robustness.backends", "", "2 h", ("backends",)),
    Entry("robustness.soak", "--minutes 60", "1 h", ("soak",)),
    Entry("robustness.network", "", "10 min", ("network",)),
    Entry("robustness.time_limits", "DATASET --vgg16 FILE", "20 min", ("time-limits",)),
)


def catalogue(results: Path) -> str:
    """The table of all benchmarks, with the last result of each in ``results``."""
    rows = [[entry.question, f"`{entry.command}`", entry.time, _last_results(entry, results)] for entry in ENTRIES]
    return table(["question", "command", "time on two cores (estimate)", "last result"], rows)


def _last_results(entry: Entry, results: Path) -> str:
    found = []
    for name in entry.groups:
        file = results / f"{name}.json"
        if file.exists():
            result = read_result(file)
            date = f" ({result.date[:10]})" if result.date else ""
            found.append(f"{GROUPS[name].brief(result)}{date}")
    return "; ".join(found) or "none kept"
