"""The configuration that was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tlsearch.types import TrialSpec

_SHOWN_APART = {"backbone", "weights", "freeze_depth", "policy", "strength"}


@dataclass(frozen=True, kw_only=True)
class Winner:
    """The configuration that was chosen. ``params`` holds what else was searched, by name."""

    label: str
    spec: TrialSpec
    backbone: str
    weights: str | None
    freeze_depth: int
    cut_point: str
    frozen_layers: tuple[str, ...]
    head: str
    augmentation: str
    strength: float
    params: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: TrialSpec, cut_point: str, frozen_layers: tuple[str, ...]) -> Winner:
        """The winner that ``spec`` describes."""
        head = f"hidden layer of {spec.units}" if spec.units else "linear"
        return cls(
            label=spec.label,
            spec=spec,
            backbone=spec.backbone,
            weights=spec.weights,
            freeze_depth=spec.freeze_depth,
            cut_point=cut_point,
            frozen_layers=frozen_layers,
            head=("linear probe" if spec.is_linear_probe else head) + f", {spec.pooling} pooling",
            augmentation=spec.policy,
            strength=spec.strength,
            params={name: value for name, value in spec.to_dict().items() if name not in _SHOWN_APART},
        )
