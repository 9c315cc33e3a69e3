"""The warm start: what a good practitioner would try first, in place of a random start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from tlsearch.plugins.api import TrainingHints
from tlsearch.search.space import LR_HEAD, Params, SearchSpace
from tlsearch.training.probe import best_depth
from tlsearch.types import Candidate

DEFAULT_RATES = (2e-4, 2e-4, 5e-4)
"""Learning rates of the trained layers of a backbone without hints, cut in the middle, late and early: those that suit
a residual network with BatchNorm."""

DEFAULT_SHARES = (0.42, 0.83)
"""The shares of the cut points that are frozen of a backbone without hints: a third to half, and all but the last
stage."""

SKIP_CUTS = 4
"""Inner cuts that are joined with the final features, one by one, for a candidate that is worth it. The best partner
need not be the cut that is best alone: of VGG16 and of EfficientNet-Lite0 the third best gave 1 and 2 points more than
the best (benchmarks/quality/search_quality.py on the clothing data set at 128 px, seed 0)."""

MOST_SOLVED = 0.5
"""The share of all trials that linear probes may take of the warm start; otherwise one inner cut is joined."""

FEW_IMAGES = 600
"""Training images below which a linear probe of the best candidates sees augmented images too. There the views cost
seconds, and tuning layers has little to learn from: on 225 photographs of clothes 0.742 in the mean of five folds
against 0.724 without (EfficientNet-Lite0 at 160 px)."""

EARLY = 0.2
"""The share of cut points that is frozen in one more trial of a network whose features are best early."""


def depths_of(candidate: Candidate, hints: TrainingHints) -> tuple[int, int]:
    """Give the freeze depths (a third to half, all but the last stage) of a candidate.

    Hints that leave nothing to train of it do not count.
    """
    last = candidate.depth - 1
    middle, late = (min(max(1, round(share * candidate.depth)), last) for share in DEFAULT_SHARES)
    if max(hints.freeze_middle or 0, hints.freeze_late or 0) > last:
        return middle, late
    return hints.freeze_middle or middle, hints.freeze_late or late


def rates_of(hints: TrainingHints) -> tuple[float, float, float]:
    """Give the learning rates of the trained layers of a backbone that is cut in the middle, late and early."""
    middle, late, early = DEFAULT_RATES
    return hints.lr_middle or middle, hints.lr_late or late, hints.lr_early or early


def warm_start(
    space: SearchSpace,
    profile: Mapping[Candidate, Sequence[float]],
    best: Sequence[Candidate],
    cost_of: Callable[[Params], float],
    trials: int,
    once: Sequence[Candidate] = (),
) -> list[Params]:
    """Give the parameters of the first trials, in order.

    Linear probes come first, since the profile has computed their features: for every candidate on its final features,
    and on these joined with its best inner cut; then for the best ones joined with further cuts, or, where trials are
    few, with the maxima; of few images on augmented ones too. Then the best ones are trained in turns, in each turn the
    cheaper first, so that a network that is slow to train does not use up the time before another has had its first
    try. What is worth one try has it in the first turn. Further cuts joined with features of augmented images come
    last.

    Args:
        space: What may be tried.
        profile: The accuracies of each candidate's features by depth.
        best: The candidates that are worth tuning further.
        cost_of: Gives the operations of parameters.
        trials: How many trials there may be in all.
        once: Further candidates that are tuned once, in their last stage.
    """
    skip_cuts = {c: _best_skip_cuts(profile[c]) for c in space.candidates}
    plain = [space.params(c) for c in space.candidates]
    joined = [_joined(space, c, skip_cut) for c in space.candidates for skip_cut in skip_cuts[c][:1]]
    further = [_joined(space, c, skip_cuts[c][n]) for n in range(1, SKIP_CUTS) for c in best if n < len(skip_cuts[c])]
    if len(plain) + len(joined) + len(further) > MOST_SOLVED * trials:
        further = [space.params(c, pooling="avgmax") for c in space.candidates]
    augmented = _augmented(space, [(c, n) for c in best for n in skip_cuts[c][:1]])
    more = _augmented(space, [(c, n) for c in best for n in skip_cuts[c][1:SKIP_CUTS]])
    if len(plain) + len(joined) + len(further) + len(augmented) + len(more) > MOST_SOLVED * trials:
        augmented, more = [], []
    tuned = [_trained(space, c, best_depth(profile[c]) < c.depth / 2) for c in best]
    turns = zip_longest(*tuned, *(_once(space, c) for c in once))
    trained = [params for turn in turns for params in sorted((p for p in turn if p is not None), key=cost_of)]
    return [*plain, *joined, *further, *augmented, *trained, *more]


def _best_skip_cuts(accuracies: Sequence[float]) -> list[int]:
    """The cuts (from 1) before the last, those first whose features are best as they are; of equals the deeper."""
    inner = range(1, len(accuracies))
    return sorted(inner, key=lambda depth: (accuracies[depth - 1], depth), reverse=True)


def _joined(space: SearchSpace, candidate: Candidate, skip_cut: int) -> Params:
    """Head2Toe (Evci et al. 2022): features of an inner cut joined with the final ones."""
    return space.params(candidate, skip_cut_depth=skip_cut, pooling="avgmax")


def _augmented(space: SearchSpace, skip_cuts: Sequence[tuple[Candidate, int]]) -> list[Params]:
    """Where images are few, joined features of augmented images."""
    return [augmented_probe(space, c, cut) for c, cut in skip_cuts] if sees_augmented(space) else []


def sees_augmented(space: SearchSpace) -> bool:
    """Whether linear probes on augmented images are among the first trials: images are few, and something augments."""
    return space.train_images < FEW_IMAGES and space.policy_of("strong") != "none"


def augmented_probe(space: SearchSpace, candidate: Candidate, skip_cut: int = 0) -> Params:
    """Give a linear probe on augmented images, its features joined with those of an inner cut (0: of none)."""
    return _joined(space, candidate, skip_cut) | {"policy": space.policy_of("strong")}


def _heads(space: SearchSpace, candidate: Candidate) -> list[Params]:
    """What trains a hidden layer where the user wants the whole network frozen.

    The first is the head of many courses, on a flattened map where the map is small enough.
    """
    strong = space.policy_of("strong")
    return [
        space.params(candidate, hidden=True, units=100, pooling="flatten", lr_head=1e-3),
        space.params(candidate, hidden=True, dropout=0.5, policy=strong, lr_head=1e-3, weight_decay=1e-2),
    ]


def _once(space: SearchSpace, candidate: Candidate) -> list[Params]:
    """What is worth one try is tuned in its last stage; where all is frozen, it gets the head of many courses."""
    trained = _trained(space, candidate, peaks_early=False)
    return trained[:1] if _is_frozen(space, candidate) else trained[1:2]


def _is_frozen(space: SearchSpace, candidate: Candidate) -> bool:
    """Whether the user wants all of the network frozen."""
    return dict(space.frozen).get(candidate.label) == candidate.depth


def _trained(space: SearchSpace, candidate: Candidate, peaks_early: bool) -> list[Params]:
    """What trains, the most promising first.

    In some hundred steps a deep cut gains most, though it takes longest: of EfficientNet-Lite0 0.86 to 0.88 against
    0.79 to 0.83 for late cuts (benchmarks/quality/search_quality.py).
    """
    if _is_frozen(space, candidate):
        return _heads(space, candidate)
    hints, mild, strong = space.hints_of(candidate), space.policy_of("mild"), space.policy_of("strong")
    middle, late = depths_of(candidate, hints)
    deep_rate, late_rate, early_rate = rates_of(hints)
    entries = [
        _fine_tuned(space, candidate, deep_rate, 2 * deep_rate, freeze_depth=middle, policy=strong),
        _fine_tuned(space, candidate, late_rate, 2 * late_rate, freeze_depth=late, policy=mild),
        _fine_tuned(space, candidate, late_rate, 2 * late_rate, freeze_depth=late, dropout=0.2),
        space.params(candidate, hidden=True, dropout=0.5, policy=strong, lr_head=1e-3, weight_decay=1e-2),
    ]
    if peaks_early:
        entries.append(_fine_tuned(space, candidate, early_rate, early_rate, freeze=EARLY, policy=mild, strength=0.75))
    return entries


def _fine_tuned(space: SearchSpace, candidate: Candidate, rate: float, head_rate: float, **chosen: Any) -> Params:
    """Fine-tuning of the layers behind a cut; the head's rate is kept within the search space."""
    head_rate = min(max(head_rate, LR_HEAD[0]), LR_HEAD[1])
    return space.params(candidate, train_suffix=True, lr_suffix=rate, lr_head=head_rate, **chosen)
