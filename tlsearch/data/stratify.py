"""Seeded draws that keep groups together and give every class its share.

Groups are placed one by one, the largest first, where their classes are furthest below their share; for single images
this is the method of Webster and Sainte-Lague. A group may hold images of several classes, as where all pictures of a
patient belong together; each class then counts alike, however small it is.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

_NONE = 1e-6  # stands for a target of 0, which only a group takes that fits nowhere else

Targets = Mapping[int, Sequence[float]]
"""For each class, how many of its images each part should have."""


def draw_stratified(
    labels: Sequence[int], groups: Sequence[int], shares: Sequence[float], seed: Sequence[int]
) -> list[list[int]]:
    """Disjoint parts of the positions 0..n-1, one for each share and the rest last, each sorted.

    ``shares`` are fractions of all positions, together below 1. What a class gives to a part is its share, rounded so
    that the part's total is right too (largest remainder), at least one, and as near to that as its groups allow.
    Positions of a group stay together. A class with fewer groups than parts is missing from the first of them. Equal
    arguments give equal parts.
    """
    generator = np.random.default_rng(list(seed))
    sizes = Counter(labels)
    held = _groups_of_class(labels, groups)
    wanted = [_apportion(sizes, share, generator) for share in shares]
    targets = {}
    for label in sorted(sizes):
        parts = [float(part[label]) for part in wanted]
        parts.append(max(1.0, sizes[label] - sum(parts)))
        missing = max(0, len(parts) - held[label])
        targets[label] = [0.0] * missing + parts[missing:]
    return _place(labels, groups, targets, generator)


def deal_stratified(labels: Sequence[int], groups: Sequence[int], hands: int, seed: Sequence[int]) -> list[list[int]]:
    """``hands`` disjoint parts of the positions 0..n-1 that hold all of them, each sorted.

    The parts are of equal size and every class is spread over them evenly, as near as groups allow, which stay
    together. A class with at least two groups is never in one part alone. Equal arguments give equal parts.
    """
    generator = np.random.default_rng(list(seed))
    targets = {label: [size / hands] * hands for label, size in sorted(Counter(labels).items())}
    return _place(labels, groups, targets, generator)


@dataclass
class _Part:
    """What one part holds so far, and how far it is below what it should hold in all."""

    room: float
    positions: list[int] = field(default_factory=list)
    held: Counter[int] = field(default_factory=Counter)

    def take(self, positions: Sequence[int], content: Mapping[int, int]) -> None:
        self.positions.extend(positions)
        self.held.update(content)
        self.room -= len(positions)


def _place(
    labels: Sequence[int], groups: Sequence[int], targets: Targets, generator: np.random.Generator
) -> list[list[int]]:
    """Give every group to the part that then is nearest to its targets, the largest first and class after class."""
    members: dict[int, list[int]] = defaultdict(list)
    for position, group in enumerate(groups):
        members[group].append(position)
    in_order = [members[group] for group in sorted(members)]
    shuffled = [in_order[place] for place in generator.permutation(len(in_order))]
    sizes = Counter(labels)
    left = _groups_of_class(labels, groups)
    parts = [_Part(room=sum(column)) for column in zip(*targets.values(), strict=True)]
    for positions in sorted(shuffled, key=lambda positions: (-len(positions), labels[positions[0]])):
        content = Counter(labels[position] for position in positions)

        def merit(number: int, content: Counter[int] = content) -> tuple[float, float, int]:
            cost = 0.0  # what the sum of (held - target)^2 / target rises by, less what is the same for all parts
            for label, count in content.items():
                target = targets[label][number] or _NONE
                cost += count * (2 * parts[number].held[label] + count) / target / sizes[label]
            return -round(cost, 9), round(parts[number].room, 9), number

        parts[max(_open_parts(content, parts, targets, left), key=merit)].take(positions, content)
        left.subtract(dict.fromkeys(content, 1))
    return [sorted(part.positions) for part in parts]


def _open_parts(
    content: Mapping[int, int], parts: Sequence[_Part], targets: Targets, left: Mapping[int, int]
) -> list[int]:
    """The parts that a group may go to: where a class has just enough groups left for the parts that lack it, these."""
    numbers = list(range(len(parts)))
    for label in sorted(content, key=lambda key: left[key]):
        lacking = [n for n, part in enumerate(parts) if targets[label][n] > 0 and not part.held[label]]
        if lacking and left[label] <= len(lacking):
            numbers = [n for n in numbers if n in lacking] or numbers
    return numbers


def _groups_of_class(labels: Sequence[int], groups: Sequence[int]) -> Counter[int]:
    """In how many groups each class occurs."""
    return Counter(label for label, _ in set(zip(labels, groups, strict=True)))


def _apportion(sizes: Mapping[int, int], share: float, generator: np.random.Generator) -> dict[int, int]:
    """How many positions of each class make up ``share`` of all: floors, then the largest remainders."""
    exact = {label: size * share for label, size in sorted(sizes.items())}
    wanted = {label: math.floor(value) for label, value in exact.items()}
    missing = round(sum(exact.values())) - sum(wanted.values())
    shuffled = [list(exact)[place] for place in generator.permutation(len(exact))]  # ties fall to chance
    for label in sorted(shuffled, key=lambda key: round(wanted[key] - exact[key], 9))[:missing]:
        wanted[label] += 1
    return {label: max(1, count) for label, count in wanted.items()}
