"""Seeded draws that keep groups together and give every class its share."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np


def draw_stratified(
    labels: Sequence[int], groups: Sequence[int], shares: Sequence[float], seed: Sequence[int]
) -> list[list[int]]:
    """Disjoint parts of the positions 0..n-1, one for each share and the rest last, each sorted.

    ``shares`` are fractions of all positions, together below 1. What a class gives to a part is its share,
    rounded so that the part's total is right too (largest remainder), and at least one. Positions of a group
    stay together; the group belongs to the class of its first position. A class with fewer groups than parts
    is missing from the first of them. Equal arguments give equal parts.
    """
    generator = np.random.default_rng(list(seed))
    members: dict[int, list[int]] = defaultdict(list)
    for position, group in enumerate(groups):
        members[group].append(position)
    by_class: dict[int, list[list[int]]] = defaultdict(list)
    for group in sorted(members):
        by_class[labels[members[group][0]]].append(members[group])
    left = {
        label: [by_class[label][place] for place in generator.permutation(len(by_class[label]))]
        for label in sorted(by_class)
    }
    sizes = {label: sum(map(len, groups_of)) for label, groups_of in left.items()}
    parts = []
    for number, share in enumerate(shares):
        wanted = _apportion(sizes, share, generator)
        later = len(shares) - number  # parts that still need a group of each class after this one
        part = [p for label in left for p in _take(left[label], wanted[label], later)]
        parts.append(sorted(part))
    rest = sorted(position for remaining in left.values() for group in remaining for position in group)
    return [*parts, rest]


def _apportion(sizes: Mapping[int, int], share: float, generator: np.random.Generator) -> dict[int, int]:
    """How many positions of each class make up ``share`` of all: floors, then the largest remainders."""
    exact = {label: size * share for label, size in sizes.items()}
    wanted = {label: math.floor(value) for label, value in exact.items()}
    missing = round(sum(exact.values())) - sum(wanted.values())
    shuffled = [list(sizes)[place] for place in generator.permutation(len(sizes))]  # ties fall to chance
    for label in sorted(shuffled, key=lambda key: round(wanted[key] - exact[key], 9))[:missing]:
        wanted[label] += 1
    return {label: max(1, count) for label, count in wanted.items()}


def _take(groups: list[list[int]], wanted: int, keep: int) -> list[int]:
    """Remove groups of ``wanted`` positions in all and return these; ``keep`` groups at least are left.

    Groups are taken in order as long as they fit; where none fits, the smallest is taken.
    """
    taken: list[int] = []
    for group in list(groups):
        if len(groups) > keep and len(taken) + len(group) <= wanted:
            groups.remove(group)
            taken.extend(group)
    if not taken and len(groups) > keep:
        smallest = min(groups, key=len)
        groups.remove(smallest)
        taken.extend(smallest)
    return taken
