"""The opening portfolio: what a good practitioner would try first, in place of a random start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest

from tlsearch.records import Candidate
from tlsearch.search.space import Params, SearchSpace
from tlsearch.training.probe import best_depth

# Learning rates of a suffix by architecture family, for the portfolio's entries 3, 4 and 8: wide networks without
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
TAPS = 4
"""Inner cuts that are joined with the final features, one by one, for a candidate that is worth it. The best partner is
seldom the cut that is best alone, but near it: on photographs of clothes the third best of VGG16, of EfficientNet-Lite0
too, were worth 1 and 2 points more than the best."""

ENOUGH_TRIALS = 20
"""Where fewer are wanted, one inner cut is joined, and the rest are for what trains."""

EARLY = 0.2
"""The share of frozen cut points of the last entry, for networks whose features are best early."""


def depths_of(candidate: Candidate) -> tuple[int, int]:
    """The freeze depths (a third to half, all but the last stage) of a candidate."""
    known = DEPTHS.get(candidate.backbone)
    if known and known[1] < candidate.depth:
        return known
    middle, late = (min(max(1, round(share * candidate.depth)), candidate.depth - 1) for share in (0.42, 0.83))
    return middle, late


def rates_of(candidate: Candidate) -> tuple[float, float, float]:
    """The suffix learning rates of a candidate for the entries 3, 4 and 8."""
    return next((r for name, r in RATES.items() if candidate.backbone.startswith(name)), DEFAULT_RATES)


def opening(
    space: SearchSpace,
    profile: Mapping[Candidate, Sequence[float]],
    best: Sequence[Candidate],
    cost_of: Callable[[Params], float],
    trials: int,
) -> list[Params]:
    """The entries in order; ``profile`` is accuracy by depth, ``best`` the candidates worth tuning further, ``trials``
    how many there may be.

    Every candidate gets two solved heads, the best ones more, for what the profile has computed makes them cheap. Then
    the best ones get what trains, in turns, and in each turn the cheaper first, so that a network that is slow to train
    does not use up the time before another has had its first try.
    """
    count = TAPS if trials >= ENOUGH_TRIALS else 1
    taps = {c: best_taps(profile[c])[:count] for c in space.candidates}
    plain = [space.params(candidate) for candidate in space.candidates]
    joined = [_joined(space, c, tap) for c in space.candidates for tap in taps[c][:1]]
    more = _in_turns([[_joined(space, c, tap) for tap in taps[c][1:]] for c in best], cost_of)
    trained = _in_turns([_trained(space, c, best_depth(profile[c]) < c.depth / 2) for c in best], cost_of)
    return [*plain, *joined, *more, *trained]


def best_taps(accuracies: Sequence[float]) -> list[int]:
    """The cuts (from 1) before the last whose features are best as they are, best first; of equals the deeper."""
    inner = range(1, len(accuracies))
    return sorted(inner, key=lambda depth: (accuracies[depth - 1], depth), reverse=True)


def _joined(space: SearchSpace, candidate: Candidate, tap: int) -> Params:
    """Head2Toe (Evci et al. 2022): features of an inner cut joined with the final ones."""
    return space.params(candidate, tap_depth=tap, pooling="avgmax")


def _in_turns(lists: Sequence[Sequence[Params]], cost_of: Callable[[Params], float]) -> list[Params]:
    turns = zip_longest(*lists)
    return [params for turn in turns for params in sorted((p for p in turn if p is not None), key=cost_of)]


def _trained(space: SearchSpace, candidate: Candidate, peaks_early: bool) -> list[Params]:
    middle, late = depths_of(candidate)
    deep_rate, late_rate, early_rate = rates_of(candidate)
    # What is cheap first; augmentation multiplies the views that have to be computed.
    entries = [
        space.params(
            candidate, train_suffix=True, freeze_depth=late, dropout=0.2, lr_suffix=late_rate, lr_head=late_rate * 2
        ),
        space.params(
            candidate,
            train_suffix=True,
            freeze_depth=middle,
            policy="standard",
            lr_suffix=deep_rate,
            lr_head=deep_rate * 2,
        ),
        space.params(
            candidate,
            train_suffix=True,
            freeze_depth=late,
            policy="geometric",
            lr_suffix=late_rate,
            lr_head=late_rate * 2,
        ),
        space.params(candidate, hidden=True, dropout=0.5, policy="standard", lr_head=1e-3, weight_decay=1e-2),
    ]
    if peaks_early:
        entries.append(
            space.params(
                candidate,
                train_suffix=True,
                freeze=EARLY,
                policy="geometric",
                strength=0.75,
                lr_suffix=early_rate,
                lr_head=early_rate,
            )
        )
    # Head rates must lie in the search space, whatever the suffix's are.
    return [{**e, "lr_head": min(max(e["lr_head"], 1e-4), 1e-2)} for e in entries]
