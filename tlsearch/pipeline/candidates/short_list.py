"""Which of many networks a run considers where none was asked for: by their work, and their accuracy on ImageNet.

Only networks that say both are chosen among. Files of the user, weights of other packages, and networks that do not say
how much they compute always take part: somebody wanted them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tlsearch.plugins.api import WeightSource
from tlsearch.plugins.facts import BackboneFacts
from tlsearch.utils.units import short_duration

FEW = 4
"""So many networks take part without a choice, and so many at most are chosen from more."""

SPEED = 8e10
"""Operations a second that one core of a processor does of a network, about; see ``Backbone`` for what they are. An
image of 160 px takes EfficientNet-Lite0 3 to 4 ms on two cores with AVX-512."""

LONGEST_PASS = 0.05
"""The share of the time that one pass of a network over all images may take. Every network is passed once before the
search, and the search passes those that it tries again for every augmented view."""


class Rated(NamedTuple):
    """A network that may be chosen: operations an image at the size of this run, and its accuracy on ImageNet."""

    name: str
    work: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a run has.

    Attributes:
        images: The number of images.
        seconds: The time; None without a limit.
        cores: The cores of the processor.
        sides: The side in pixels from which a backbone starts, by its name.
    """

    images: int
    seconds: float | None
    cores: int
    sides: Mapping[str, int] = field(default_factory=dict)

    def rate(self, backbone: BackboneFacts, source: WeightSource | None) -> Rated | None:
        """Rate a network with its weights; None where it takes part without a choice.

        A file of the user has no source.
        """
        if source is None or source.accuracy is None or backbone.work is None:
            return None
        side = self.sides.get(backbone.name, backbone.default_image_size)
        return Rated(backbone.name, backbone.work * (side / backbone.default_image_size) ** 2, source.accuracy)

    def pass_seconds(self, network: Rated) -> float:
        """About how long a network takes for all images, in seconds."""
        return self.images * network.work / (SPEED * self.cores)

    def allows(self, network: Rated) -> bool:
        """Whether there is time for the network."""
        return self.seconds is None or self.pass_seconds(network) <= LONGEST_PASS * self.seconds


@dataclass(frozen=True, kw_only=True)
class ShortList:
    """What was chosen, by name in the order in which it came, and why each of the others was not."""

    chosen: tuple[str, ...]
    reasons: dict[str, str]


def choose(networks: Sequence[Rated], means: Means, places: int = FEW) -> ShortList:
    """Choose the networks that are worth their time.

    Where there are no more than ``places``, it is all of them. Otherwise those that the time does not allow are left
    out; then those than which another one is more accurate with less work, as long as there are enough. Of the rest the
    most accurate and the cheapest are chosen, and others evenly between them. Where the time allows none, it is the one
    with the least work.
    """
    if len(networks) <= places:
        return ShortList(chosen=tuple(n.name for n in networks), reasons={})
    allowed = [network for network in networks if means.allows(network)] or [min(networks, key=lambda n: n.work)]
    front = _front(allowed)
    picked = _spread(front, places)
    rest = sorted((n for n in allowed if n not in front), key=lambda n: (-n.accuracy, n.work))
    picked += rest[: places - len(picked)]
    return ShortList(
        chosen=tuple(n.name for n in networks if n in picked),
        reasons={n.name: _reason(n, means, n in allowed) for n in networks if n not in picked},
    )


def _front(networks: Sequence[Rated]) -> list[Rated]:
    """The networks than which none is more accurate with as little work, from the cheapest to the most accurate."""
    front: list[Rated] = []
    for network in sorted(networks, key=lambda n: (n.work, -n.accuracy)):
        if not front or network.accuracy > front[-1].accuracy:
            front.append(network)
    return front


def _spread(front: Sequence[Rated], places: int) -> list[Rated]:
    """At most so many networks of the front: both ends, and evenly between them; of one the most accurate."""
    if len(front) <= places:
        return list(front)
    last = len(front) - 1
    return [front[last - round(n * last / max(1, places - 1))] for n in range(places)]


def _reason(network: Rated, means: Means, allowed: bool) -> str:
    """Why a network was not chosen: the same words for all of which that is true."""
    how = f"`--backbone {network.name}` tries it"
    if allowed or means.seconds is None:
        return f"not on the short list, for others promise more for their work; {how}"
    longest = short_duration(LONGEST_PASS * means.seconds)
    return f"not on the short list, for a pass over the images would take longer than {longest}; {how}"


def list_line(networks: Sequence[Rated], choice: ShortList) -> str:
    """What a run says of its choice: the networks with their accuracy and work, and how to try the others."""
    by_name = {n.name: n for n in networks}
    named = ", ".join(f"{n} ({by_name[n].accuracy:.3f}, {by_name[n].work / 1e9:.1f})" for n in choice.chosen)
    return (
        f"short list of {len(choice.chosen)} from {len(networks)} networks: {named} (accuracy on ImageNet, billion "
        "operations an image); --backbone all tries every one"
    )
