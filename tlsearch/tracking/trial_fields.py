"""What is recorded of a trial in MLflow, and under which names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tlsearch.types import AVERAGED, Role, State, TrialResult, TrialSpec

Status = Literal["FINISHED", "KILLED", "FAILED"]

MAX_TAG_CHARS = 5000
"""Letters of a tag, as many as MLflow keeps."""

_MAX_PARAM_CHARS = 6000

STATUS_OF: Mapping[State, Status] = {
    "complete": "FINISHED",
    "pruned": "KILLED",
    "timed_out": "KILLED",
    "failed": "FAILED",
}
"""The status of an MLflow run for each state of a trial; a timed-out trial was cut by the clock, as a pruned
one was by its pruner, and the tag ``state`` tells them apart."""


CURVE = "curve"
"""What the names of learning curves begin with, so that the UI draws them in a section of their own, and the figures of
the table are the final ones: ``curve/val_accuracy`` by epoch, ``val_accuracy`` once."""

RANK = "rank"
"""The metric that orders the trials of a finished search: 1 is the winner."""


def run_name(number: int, total: int, label: str) -> str:
    """Give the name of a trial's run: its number, of two digits or as many as ``total`` has, and its configuration."""
    return f"{numbered(number, total)} {label}"


def numbered(number: int, total: int) -> str:
    """Give the number of a trial as names show it: names that are sorted as text then stand in order."""
    return f"{number:0{max(2, len(str(total)))}}"


def params_of(spec: TrialSpec, cut_point: str, n_frozen: int) -> dict[str, str]:
    """Give the params of a trial's run: what was searched, and where the network was cut.

    ``freeze_fraction`` (0..1), ``head_units``, ``strength`` and ``learning_rate`` are numbers on every trial, because
    the parallel-coordinates chart leaves out a run that lacks one. The learning rate is that of the pre-trained layers
    where some are trained, else that of the head; a linear probe has none, which is 0.

    Args:
        spec: What the trial computes.
        cut_point: The name of the cut point; empty where nothing is frozen.
        n_frozen: The number of frozen layers.
    """
    values = {**spec.to_dict(), "kind": spec.kind, "weights": spec.weights or "none"}
    values["head_units"], values["augmentation"] = values.pop("units"), values.pop("policy")
    values["freeze_fraction"] = spec.freeze_depth / spec.depth if spec.depth else 0.0
    values["learning_rate"] = (
        0.0 if spec.is_linear_probe else spec.lr_head if spec.kind == "feature_extraction" else spec.lr_suffix
    )
    values.update(cut_point=cut_point or "none", frozen_layers=n_frozen)
    return {name: _text(value) for name, value in values.items()}


def metrics_of(numbers: Mapping[str, float], metric: str) -> dict[str, float]:
    """Give the numbers of an epoch or of a result under the names of the record.

    What a trial is compared by, ``objective`` inside, is named after the metric (``val_accuracy``,
    ``val_balanced_accuracy``); what only counts epochs is left out.
    """
    names = {"objective": f"val_{metric}", AVERAGED: f"val_{metric}_of_averaged_weights"}
    return {names.get(name, name): value for name, value in numbers.items() if name not in ("epoch", "fraction")}


def finals_of(result: TrialResult, metric: str) -> dict[str, float]:
    """Give the final metrics of a trial's run: what trials are sorted and filtered by.

    MLflow draws a chart of every metric of a run, one with a single bar where it has one value. So there are no others:
    ``result.json`` has them.

    What a trial had reached that was stopped on its way cannot be compared with what others ended with: its score
    stands behind ``stopped/``, out of the columns that tables are sorted by.
    """
    found = metrics_of(result.metrics, metric)
    if result.value is not None:
        found[f"val_{metric}"] = result.value
    scores = {"val_accuracy", f"val_{metric}"}
    if result.state == "complete":
        scores |= {"val_loss", "train_accuracy"}
    before = "" if result.state == "complete" else "stopped/"
    kept = {f"{before}{name}": value for name, value in found.items() if name in scores}
    counts = {name: value for name, value in found.items() if name == "trainable_params"}
    # The UI shows every digit that a number has.
    return {name: float(f"{value:.5g}") for name, value in {**kept, **counts, "seconds": result.seconds}.items()}


def curve_of(numbers: Mapping[str, float], metric: str, fold: int) -> dict[str, float]:
    """Give the numbers of an epoch as points of learning curves.

    Those of the first ``fold`` (from 1) have the same names in all trials, which are all validated on it; those of
    further folds lie apart.
    """
    section = CURVE if fold == 1 else f"{CURVE} of fold {fold}"
    return {f"{section}/{name}": value for name, value in metrics_of(numbers, metric).items()}


def note_of(result: TrialResult, metric: str, gain: float | None = None) -> str:
    """Give one line on what a trial was and how it ended, the description of its run.

    Args:
        result: What came of the trial.
        metric: The name of the chosen metric.
        gain: The difference of its validation figure to that of the network from scratch, which trains on fewer folds
            where there are several.
    """
    name = metric.replace("_", " ")
    ended: str = "cut off by the clock" if result.state == "timed_out" else result.state
    if result.state == "complete" and result.value is not None:
        ended = f"validation {name} {result.value:.3f}"
    over = ""
    if gain is not None:
        where = "on the folds that both have " if len(result.fold_values) > 1 else ""
        over = f", {where}{gain:+.3f} over the network from scratch"
    why = f" ({result.reason.rstrip('.')})" if result.reason else ""
    return f"{result.spec.label}. In {result.seconds:.1f} s: {ended}{over}{why}."


def tags_of(
    role: Role,
    spec: TrialSpec,
    *,
    plugins: Mapping[str, str],
    fingerprint: str,
    seed: int,
    search: str = "",
) -> dict[str, str]:
    """Give the tags to filter a trial's run by.

    Args:
        role: What the trial is for.
        spec: What it computes.
        plugins: "distribution version" by the name of the plugin; they become tags ``plugin.<name>``.
        fingerprint: That of the data set.
        seed: The study's.
        search: The name of the parent.
    """
    tags = {
        "role": role,
        "kind": spec.kind,
        "backbone": spec.backbone,
        "weights": spec.weights or "none",
        "augmentation": spec.policy,
        "seed": str(seed),
        "dataset_fingerprint": fingerprint,
        "spec_digest": spec.digest,
        **({"search": search} if search else {}),
    }
    tags.update({f"plugin.{name}": version for name, version in plugins.items()})
    return tags


def cut_params(params: Mapping[str, object]) -> dict[str, str]:
    """Give params as texts of at most 6,000 characters, above which MLflow would refuse them."""
    return {name: str(value)[:_MAX_PARAM_CHARS] for name, value in params.items()}


def cut_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Give tags of at most 5,000 characters."""
    return {name: str(value)[:MAX_TAG_CHARS] for name, value in tags.items()}


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
