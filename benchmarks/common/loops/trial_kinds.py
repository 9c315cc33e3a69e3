"""The trials that the loops are compared on: four kinds, drawn from a seed as the search draws its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from tlsearch.models.cuts import CutInfo
from tlsearch.plugins import registry
from tlsearch.plugins.api import TrainingHints
from tlsearch.search.space import DROPOUT, LABEL_SMOOTHING, STRENGTHS, UNITS, Params, SearchSpace, schedule
from tlsearch.search.warm_start import rates_of
from tlsearch.types import Candidate, TrialSpec

FROZEN = "everything frozen"
FROZEN_AUGMENTED = "everything frozen, augmented"
LAST_BLOCK = "last block trained"
LAST_BLOCK_AUGMENTED = "last block trained, augmented"
KINDS = (FROZEN, FROZEN_AUGMENTED, LAST_BLOCK, LAST_BLOCK_AUGMENTED)
MIXED = "all kinds, mixed"

POLICY = "standard"

BATCH = 32

HEAD_RATE = 1e-3
"""The middle of the learning rates of a head on frozen features, as in the warm start."""

RATE_SPREAD = 3.0
"""Learning rates lie within this factor of the warm start's, either way. The search goes further, to where training
diverges; what two loops make of a diverging trial says nothing of either."""

DECAY = (1e-4, 1e-2)


def last_block(cuts: Sequence[CutInfo]) -> int:
    """How many cut points are frozen where only the last block is trained: all up to the stage end before the last."""
    ends = [depth for depth, cut in enumerate(cuts, 1) if cut.stage_end and depth < len(cuts)]
    return ends[-1]


def draw_trials(
    candidate: Candidate, cuts: Sequence[CutInfo], train_images: int, trials: int, epochs: int, seed: int
) -> dict[str, tuple[TrialSpec, ...]]:
    """``trials`` different trials of each of ``KINDS``, each trained for ``epochs`` epochs.

    Heads are linear and hidden by turns and augmented kinds take the strengths by turns; pooling, width, dropout,
    rates, weight decay and label smoothing are drawn. A linear head on frozen features is solved, so few of them
    differ; when they are used up, hidden ones take their place. No trial joins the features of an inner cut, for
    which a plain loop has no counterpart. The first trials of a longer list are those of a shorter one.
    """
    steps = schedule(train_images, BATCH, epochs)
    space = SearchSpace(
        candidates=(candidate,),
        policies=("none", POLICY),
        steps=steps,
        train_images=train_images,
        batch_size=BATCH,
        seed=seed,
    )
    return {kind: _draw_kind(space, kind, last_block(cuts), trials, [seed, n]) for n, kind in enumerate(KINDS)}


def _draw_kind(space: SearchSpace, kind: str, freeze: int, trials: int, seed: Sequence[int]) -> tuple[TrialSpec, ...]:
    rng = np.random.default_rng(list(seed))
    found: list[TrialSpec] = []
    candidate = space.candidates[0]
    augmented = kind in (FROZEN_AUGMENTED, LAST_BLOCK_AUGMENTED)
    suffix = kind in (LAST_BLOCK, LAST_BLOCK_AUGMENTED)
    while len(found) < trials:
        number = len(found)
        # Every second head is hidden, and each strength meets both.
        hidden = bool((number + number // len(STRENGTHS)) % 2)
        chosen = _draw_numbers(candidate, suffix, rng)
        if suffix:
            chosen |= {"train_suffix": True, "freeze_depth": freeze}
        if augmented:
            chosen |= {"policy": POLICY, "strength": STRENGTHS[number % len(STRENGTHS)]}
        specs = (space.spec(space.params(candidate, **chosen, hidden=h)) for h in (hidden, True))
        spec = next((spec for spec in specs if spec not in found), None)
        if spec is not None:
            found.append(spec)
    return tuple(found)


def _draw_numbers(candidate: Candidate, suffix: bool, rng: np.random.Generator) -> Params:
    spread = RATE_SPREAD ** rng.uniform(-1, 1, 2)
    rate = rates_of(_hints_of(candidate.backbone))[1] * float(spread[0])
    return {
        "pooling": str(rng.choice(["avg", "avgmax"])),
        "units": round(float(np.exp(rng.uniform(*np.log(UNITS))))),
        "dropout": float(rng.uniform(*DROPOUT)),
        "lr_suffix": rate,
        "lr_head": 2 * rate if suffix else HEAD_RATE * float(spread[1]),
        "weight_decay": float(np.exp(rng.uniform(*np.log(DECAY)))),
        "label_smoothing": float(rng.choice(LABEL_SMOOTHING)),
    }


@cache  # plugins are looked for anew in every call
def _hints_of(backbone: str) -> TrainingHints:
    installed = backbone in {entry.name for entry in registry.find_plugins("backbone")}
    plugin = registry.load_plugin("backbone", backbone) if installed else None
    return getattr(plugin, "hints", None) or TrainingHints()


def mix(kinds: Mapping[str, Sequence[TrialSpec]], seed: int) -> tuple[TrialSpec, ...]:
    """All trials of all kinds in one seeded order."""
    every = [spec for specs in kinds.values() for spec in specs]
    return tuple(every[n] for n in np.random.default_rng([seed, len(KINDS)]).permutation(len(every)))


def kind_of(spec: TrialSpec) -> str:
    """Which of ``KINDS`` a trial is of."""
    if spec.kind == "feature_extraction":
        return FROZEN_AUGMENTED if spec.strength else FROZEN
    return LAST_BLOCK_AUGMENTED if spec.strength else LAST_BLOCK


def head_of(spec: TrialSpec) -> str:
    """One of "solved", "linear" and "hidden": what a trial costs besides its backbone depends on it."""
    return "solved" if spec.is_linear_probe else ("hidden" if spec.units else "linear")
