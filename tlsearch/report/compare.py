"""Finished runs side by side: whether they may be compared at all, and by how much their winners differ on test.

Models that were tested on the same images are compared image by image. Whether the intervals of two runs overlap is
no test of a difference, so where the predictions of a run are not known no difference is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import combinations
from pathlib import Path
from typing import get_args

from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.config_values import to_plain
from tlsearch.errors import UsageError
from tlsearch.plugins.kinds.metric import CountMetric
from tlsearch.report import text as words
from tlsearch.results.result import RESULT_FILE, RunResult, read_result
from tlsearch.results.schema import Difference, EvaluationPredictions, Metrics
from tlsearch.utils.units import format_duration

# Of what a run was asked for, what cannot change its result: where it reads, writes and computes, and what for a while.
_PLACES = (
    "dataset", "train", "val", "test", "images", "output", "experiment", "tracking_uri", "storage", "cache_dir",
    "cache_limit", "shared_cache", "register", "memory", "cluster", "cpus_per_worker", "gpus_per_worker", "force",
)  # fmt: skip
# What is shown of every run, and of the rest what is not as it is where nobody asks for anything.
_ALWAYS = ("trials", "time_limit", "batch_size", "seed", "baseline")
_FLAGS = {"backbones": "backbone"}

UNSET = ("default", "no")
"""How an option is written that was left as it is."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run.

    ``name`` is the shortest end of its folder's path that tells it from the others; ``options`` is option -> value as
    people write it, empty where the folder holds no run.toml.
    """

    name: str
    folder: Path
    result: RunResult
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Runs on the same data in the same metric.

    ``over_first`` has, for every run, its winner's test score less that of the first run's winner on the same images:
    None for the first, and where predictions are not known. ``same_test`` says whether all are known to have been
    tested on the same images.
    """

    runs: tuple[Run, ...]
    over_first: tuple[Difference | None, ...]
    same_test: bool

    @property
    def notes(self) -> list[str]:
        """What these figures can carry, and what they cannot."""
        compared = sum(over is not None for over in self.over_first)
        silent = [run.name for run in self.runs if run.result.predictions is None]
        notes = []
        if compared:
            images = self.runs[0].result.dataset.total("test")
            several = f"; of {compared} such p look for one below {words.SIGNIFICANT / compared:.2g}"
            notes.append(
                f"Each difference is to {self.runs[0].name}, image by image on the same {images:,} test images"
                f"{several if compared > 1 else ''}. A run that is chosen by its test figure is chosen on test: that "
                "figure is then optimistic."
            )
        alone = [run.name for run in self.runs if run.result.scratch_named is not None]
        if alone:
            uses = "uses" if len(alone) == 1 else "use"
            notes.append(
                f"{' and '.join(alone)} {uses} a network from scratch. The winner is the best model that reuses a "
                "network, and scores, gains and differences are those of the winners."
            )
        metrics = self.runs[0].result.metrics
        if _count_metric(metrics) is None:
            notes.append(
                f"The metric {words.metric_name(metrics.name)} needs the probabilities of every image, which "
                f"result.json does not have. So no difference is given. Intervals are {words.by_method(metrics)}."
            )
        if silent:
            which = "" if self.same_test else ", nor which images were tested; there are as many of each class"
            have = "has" if len(silent) == 1 else "have"
            notes.append(
                f"{' and '.join(silent)} {have} no record of which test images were right{which}. So no difference is "
                "claimed: whether intervals of separate runs overlap is no test of one."
            )
        return notes


def read_runs(folders: Sequence[Path]) -> tuple[Run, ...]:
    """The finished runs in ``folders``.

    Raises:
        UsageError: there are fewer than two, one is named twice, or one holds no result that this version reads.
    """
    if len(folders) < 2:
        raise UsageError(f"One run has nothing to be compared with: name another output folder beside {folders[0]}.")
    places: dict[Path, Path] = {}
    for folder in folders:
        place = folder.resolve()
        if place in places:
            same = f"{folder} is named twice" if folder == places[place] else f"{places[place]} and {folder} are one"
            raise UsageError(f"{same}: name the output folders of different runs.")
        places[place] = folder
    names = _names(list(places))
    return tuple(
        Run(name=name, folder=folder, result=read_result(folder), options=_options(folder))
        for name, folder in zip(names, folders, strict=True)
    )


def compare_runs(runs: Sequence[Run]) -> Comparison:
    """The comparison of two runs or more.

    Raises:
        UsageError: two of them cannot be compared, because data, metric or test images differ; both are named.
    """
    for run in runs:
        _check_predictions(run)
    # All pairs, as a run of an older version that does not say what it was tested on agrees with everybody.
    for one, other in combinations(runs, 2):
        _check_pair(one, other)
    first, *others = runs
    return Comparison(
        tuple(runs),
        (None, *(_difference(first, run) for run in others)),
        all(run.result.predictions is not None for run in runs),
    )


def _check_pair(one: Run, other: Run) -> None:
    """Raise ``UsageError`` where two runs differ in data, metric or test images."""
    left, right = one.result, other.result
    both = f"{one.folder} and {other.folder}"
    if left.dataset.fingerprint != right.dataset.fingerprint:
        prints = f"fingerprints {left.dataset.fingerprint[:12]} and {right.dataset.fingerprint[:12]}"
        same = left.dataset.path == right.dataset.path
        where = f"{left.dataset.path} has changed in between" if same else "their images or labels differ"
        raise UsageError(f"{both} cannot be compared: {where} ({prints}): run one of them again on the other's data.")
    if left.metrics.name != right.metrics.name:
        metrics = f"{words.metric_name(left.metrics.name)}, the other by {words.metric_name(right.metrics.name)}"
        raise UsageError(
            f"{both} cannot be compared: one is scored by {metrics}: run one of them again with the other's --metric."
        )
    first, second = left.predictions, right.predictions
    known = first is not None and second is not None and first.fingerprint != second.fingerprint
    if known or left.dataset.counts.get("test") != right.dataset.counts.get("test"):
        seeds = f" (seeds {left.plan.seed} and {right.plan.seed})" if left.plan.seed != right.plan.seed else ""
        raise UsageError(
            f"{both} cannot be compared: they were tested on different images of the same data{seeds}: run one of "
            "them again with the other's --seed and --group-by."
        )


def _check_predictions(run: Run) -> None:
    """Raise ``UsageError`` where predictions are not as many as there are test images."""
    result, predictions = run.result, run.result.predictions
    if predictions is None:
        return
    lengths = {len(predictions.true), len(predictions.predicted), len(predictions.groups)}
    if lengths != {result.dataset.total("test")} or not predictions.true:
        raise UsageError(
            f"{run.folder / RESULT_FILE} is damaged (its predictions are not those of its test images): run again, "
            "with --force in the same folder, to write it anew."
        )


def _difference(first: Run, other: Run) -> Difference | None:
    """The test score of ``other``'s winner less that of ``first``'s, on the same images.

    None where predictions are not known, and for a metric of probabilities, of which a result has none.
    """
    from tlsearch.stats.claims import compare

    base, theirs = first.result.predictions, other.result.predictions
    metric: CountMetric | None = _count_metric(other.result.metrics)
    if base is None or theirs is None or metric is None:
        return None
    return compare(theirs.true, theirs.predicted, base.predicted, metric, groups=_joined(base, theirs))


def _count_metric(metrics: Metrics) -> CountMetric | None:
    """The metric of a run, where it is a function of the predicted classes."""
    return next((name for name in get_args(CountMetric) if name == metrics.counts), None)


def _joined(one: EvaluationPredictions, other: EvaluationPredictions) -> list[int]:
    """Groups that hold together what belongs together in either run, as ``--group-by`` may differ."""
    import numpy as np
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    # Every image is an edge from its group in one run to its group in the other.
    size = len(one.groups)
    left, right = (np.unique(np.asarray(run.groups), return_inverse=True)[1] for run in (one, other))
    edges = csr_array((np.ones(size), (left, size + right)), shape=(2 * size, 2 * size))
    _, component = connected_components(edges, directed=False)
    return [int(number) for number in component[left]]


def _names(places: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that are all different."""
    longest = max(len(place.parts) for place in places)
    for count in range(1, longest + 1):
        names = ["/".join(place.parts[-count:]) for place in places]
        if len(set(names)) == len(names):
            return names
    return [str(place) for place in places]


def _options(folder: Path) -> dict[str, str]:
    """What the run in ``folder`` was asked for, as people write it; empty where its run.toml is gone."""
    file = folder / CONFIG_NAME
    if not file.exists():
        return {}
    config = RunConfig.from_toml(file)
    limit, found = config.effective_time_limit, dict[str, str]()
    asked = {
        "trials": config.effective_trials,
        "time_limit": format_duration(limit) if limit is not None else "none",
    }
    for option in fields(config):
        value = asked.get(option.name, getattr(config, option.name))
        if option.name in _PLACES:
            continue
        is_set = option.name in _ALWAYS or value != option.default
        name = _FLAGS.get(option.name, option.name).replace("_", "-")
        found[name] = _written(option.name, value) if is_set else UNSET[isinstance(value, bool)]
    return found


def _written(name: str, value: object) -> str:
    """An option as people write it; weights are named as they were asked for."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or UNSET[0]
    if isinstance(value, bool):
        return "yes" if value else UNSET[1]
    return UNSET[0] if value is None else str(value if name in ("trials", "time_limit") else to_plain(name, value))
