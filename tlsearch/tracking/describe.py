"""What is recorded of a trial in MLflow, and under which names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tlsearch.records import Role, State, TrialSpec

Status = Literal["FINISHED", "KILLED", "FAILED"]

STATUS_OF: Mapping[State, Status] = {
    "complete": "FINISHED",
    "pruned": "KILLED",
    "censored": "KILLED",
    "failed": "FAILED",
}
"""The status of an MLflow run for each state of a trial; a censored trial was cut by the clock, as a pruned
one was by its pruner, and the tag ``state`` tells them apart."""


def params_of(spec: TrialSpec, cut_point: str, n_frozen: int) -> dict[str, str]:
    """The params of a trial's run: what was searched, the name of the cut point (empty where nothing is
    frozen) and the number of frozen layers."""
    values = {**spec.to_dict(), "kind": spec.kind, "weights": spec.weights or "none"}
    values.update(cut_point=cut_point or "none", frozen_layers=n_frozen)
    return {name: _text(value) for name, value in values.items()}


def tags_of(
    role: Role,
    spec: TrialSpec,
    *,
    plugins: Mapping[str, str],
    fingerprint: str,
    seed: int,
    state: State | None = None,
) -> dict[str, str]:
    """The tags to filter a trial's run by.

    ``plugins`` is name -> "distribution version" and becomes tags ``plugin.<name>``; ``fingerprint`` is that
    of the data set; ``seed`` is the study's; ``state`` is left out while the trial goes on.
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
        "summary": spec.label,
    }
    tags.update({f"plugin.{name}": version for name, version in plugins.items()})
    if state is not None:
        tags["state"] = state
    return tags


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
