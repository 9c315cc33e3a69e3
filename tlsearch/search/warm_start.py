"""The warm start: what a good practitioner would try first, in place of a random start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from tlsearch.search.space import LR_HEAD, Params, SearchSpace
from tlsearch.training.probe import best_depth
from tlsearch.types import Candidate

# Learning rates of a suffix by architecture family: cut in the middle, cut late, cut early. Wide networks without
# BatchNorm want small steps. Anything unknown is treated like ResNet50.
RATES: Mapping[str, tuple[float, float, float]] = {
    "efficientnet": (5e-4, 3e-4, 1e-3),
    "vgg": (5e-5, 1e-4, 1e-4),
}
DEFAULT_RATES = (2e-4, 2e-4, 5e-4)

# How many cut points to freeze "a third to half" and "all but the last stage".
DEPTHS: Mapping[str, tuple[int, int]] = {
    "efficientnet_lite0": (6, 15),
    "resnet50": (8, 14),
    "vgg16": (7, 10),
    "vgg19": (8, 12),
}
SKIP_CUTS = 4
"""Inner cuts that are joined with the final features, one by one, for a candidate that is worth it. The best partner
need not be the cut that is best alone: of VGG16 and of EfficientNet-Lite0 the third best gave 1 and 2 points more than
the best (benchmarks/search_quality.py on the clothing data set at 128 px, seed 0)."""

MOST_SOLVED = 0.5
"""The share of all trials that linear probes may take of the opening; otherwise one inner cut is joined."""

EARLY = 0.2
"""The share of cut points that is frozen in one more trial of a network whose features are best early."""


def depths_of(candidate: Candidate) -> tuple[int, int]:
    """The freeze depths (a third to half, all but the last stage) of a candidate."""
    known = DEPTHS.get(candidate.backbone)
    if known and known[1] < candidate.depth:
        return known
    middle, late = (min(max(1, round(share * candidate.depth)), candidate.depth - 1) for share in (0.42, 0.83))
    return middle, late


def rates_of(candidate: Candidate) -> tuple[float, float, float]:
    """The suffix learning rates of a candidate that is cut in the middle, late, early."""
    return next((r for name, r in RATES.items() if candidate.backbone.startswith(name)), DEFAULT_RATES)


def warm_start(
    space: SearchSpace,
    profile: Mapping[Candidate, Sequence[float]],
    best: Sequence[Candidate],
    cost_of: Callable[[Params], float],
    trials: int,
) -> list[Params]:
    """The entries in order; ``profile`` is accuracy by depth, ``best`` the candidates worth tuning further, ``trials``
    how many there may be.

    Linear probes come first, since the profile has computed their features: for every candidate on its final features,
    and on these joined with its best inner cut; then for the best ones joined with further cuts, or, where trials are
    few, with the maxima. Then the best ones are trained in turns, in each turn the cheaper first, so that a network
    that is slow to train does not use up the time before another has had its first try.
    """
    skip_cuts = {c: _best_skip_cuts(profile[c]) for c in space.candidates}
    plain = [space.params(c) for c in space.candidates]
    joined = [_joined(space, c, skip_cut) for c in space.candidates for skip_cut in skip_cuts[c][:1]]
    further = [_joined(space, c, skip_cuts[c][n]) for n in range(1, SKIP_CUTS) for c in best if n < len(skip_cuts[c])]
    if len(plain) + len(joined) + len(further) > MOST_SOLVED * trials:
        further = [space.params(c, pooling="avgmax") for c in space.candidates]
    turns = zip_longest(*(_trained(space, c, best_depth(profile[c]) < c.depth / 2) for c in best))
    trained = [params for turn in turns for params in sorted((p for p in turn if p is not None), key=cost_of)]
    return [*plain, *joined, *further, *trained]


def _best_skip_cuts(accuracies: Sequence[float]) -> list[int]:
    """The cuts (from 1) before the last, those first whose features are best as they are; of equals the deeper."""
    inner = range(1, len(accuracies))
    return sorted(inner, key=lambda depth: (accuracies[depth - 1], depth), reverse=True)


def _joined(space: SearchSpace, candidate: Candidate, skip_cut: int) -> Params:
    """Head2Toe (Evci et al. 2022): features of an inner cut joined with the final ones."""
    return space.params(candidate, skip_cut_depth=skip_cut, pooling="avgmax")


def _trained(space: SearchSpace, candidate: Candidate, peaks_early: bool) -> list[Params]:
    """What trains, the most promising first: in some hundred steps the deep suffix gains most, though it takes longest
    (EfficientNet-Lite0: .86 to .88 against .79 to .83 for the late ones, by benchmarks/search_quality.py)."""
    middle, late = depths_of(candidate)
    deep_rate, late_rate, early_rate = rates_of(candidate)
    entries = [
        _suffix(space, candidate, deep_rate, 2 * deep_rate, freeze_depth=middle, policy="standard"),
        _suffix(space, candidate, late_rate, 2 * late_rate, freeze_depth=late, policy="geometric"),
        _suffix(space, candidate, late_rate, 2 * late_rate, freeze_depth=late, dropout=0.2),
        space.params(candidate, hidden=True, dropout=0.5, policy="standard", lr_head=1e-3, weight_decay=1e-2),
    ]
    if peaks_early:
        entries.append(
            _suffix(space, candidate, early_rate, early_rate, freeze=EARLY, policy="geometric", strength=0.75)
        )
    return entries


def _suffix(space: SearchSpace, candidate: Candidate, rate: float, head_rate: float, **chosen: Any) -> Params:
    """A suffix in training; the head's rate is kept within the search space."""
    head_rate = min(max(head_rate, LR_HEAD[0]), LR_HEAD[1])
    return space.params(candidate, train_suffix=True, lr_suffix=rate, lr_head=head_rate, **chosen)
