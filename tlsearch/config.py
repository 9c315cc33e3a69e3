"""RunConfig: everything that a run was asked for, frozen and validated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Metric = Literal["accuracy", "balanced_accuracy", "macro_f1"]


@dataclass(frozen=True)
class RunConfig:
    """What a run was asked for. Every field but ``dataset`` has the default of the command line.

    ``backbones`` are ``NAME`` or ``NAME@WEIGHTS``; ``weights`` are ``BACKBONE[@NAME]=FILE``. ``trials`` None means
    40 and ``time_limit`` (seconds) None means 1800, but a run that is given ``trials`` alone has no time limit, so
    that two such runs do the same. ``image_size`` None lets each candidate choose; ``metric`` None is accuracy,
    or balanced accuracy where classes are imbalanced. ``cache_limit`` is in bytes.
    """

    dataset: Path
    backbones: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    augment: tuple[str, ...] = ()
    trials: int | None = None
    time_limit: float | None = None
    epochs: int | None = None
    batch_size: int = 32
    image_size: int | None = None
    metric: Metric | None = None
    seed: int = 0
    output: Path | None = None
    experiment: str | None = None
    tracking_uri: str | None = None
    storage: str | None = None
    cache_dir: Path | None = None
    cache_limit: int = 10_000_000_000
    baseline: Literal["auto", "none"] = "auto"
    dry_run: bool = False
