"""Which networks a run considers where none was asked for: by their work, and their accuracy on ImageNet.

Only networks that say both are chosen among. Files of the user, weights of other packages, and networks that do not say
how much they compute always take part: somebody wanted them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tlsearch.plugins.api import WeightSource
from tlsearch.plugins.facts import BackboneFacts
from tlsearch.utils.units import counted, short_duration

FEW = 4
"""So many networks are chosen at most."""

TRIALS = 4
"""So many trials there must be for each of them: two of its linear probes are the first trials, and probes should take
no more than half of all."""

SPEED = 8e10
"""Operations a second that one core of a processor does of a network, about; see ``Backbone`` for what they are. An
image of 160 px takes EfficientNet-Lite0 3 to 4 ms on two cores with AVX-512."""

PREPARATION = 16.0
"""Seconds in which a network is built, compiled, timed and probed, about: EfficientNet-Lite0 on two cores."""

MOST_BEFORE = 0.05
"""The share of the time that a network may take before the search: for its preparation, and for one pass over all
images. The search passes those that it tries again for every augmented view."""


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
        trials: The most trials.
        cores: The cores of the processor.
        sides: The side in pixels from which a backbone starts, by its name.
    """

    images: int
    seconds: float | None
    trials: int
    cores: int
    sides: Mapping[str, int] = field(default_factory=dict)

    @property
    def places(self) -> int:
        """How many networks are chosen at most."""
        return max(1, min(FEW, self.trials // TRIALS))

    def rate(self, backbone: BackboneFacts, source: WeightSource | None) -> Rated | None:
        """Rate a network with its weights; None where it takes part without a choice.

        A file of the user has no source.
        """
        if source is None or source.accuracy is None or backbone.work is None:
            return None
        side = self.sides.get(backbone.name, backbone.default_image_size)
        return Rated(backbone.name, backbone.work * (side / backbone.default_image_size) ** 2, source.accuracy)

    def seconds_before(self, network: Rated) -> float:
        """About how long a network takes before the search, in seconds."""
        return PREPARATION + self.images * network.work / (SPEED * self.cores)

    def allows(self, network: Rated) -> bool:
        """Whether there is time for the network."""
        return self.seconds is None or self.seconds_before(network) <= MOST_BEFORE * self.seconds


@dataclass(frozen=True, kw_only=True)
class ShortList:
    """What was chosen, by name in the order in which it came, and why each of the others was not."""

    chosen: tuple[str, ...]
    reasons: dict[str, str]


def choose(here: Sequence[Rated], means: Means, away: Sequence[Rated] = ()) -> ShortList:
    """Choose the networks that are worth their time.

    The network with the least work always takes part. The others are left out if there is no time for them. Those that
    are ``here``, on this machine, come first; if places are left, networks are chosen from those that are ``away`` and
    can be downloaded.

    Where there are more than places, it is the cheapest, the most accurate and others evenly between them of those than
    which no other one is more accurate with as little work, and then the next accurate.
    """
    cheapest = min(here or away, key=lambda n: n.work, default=None)
    first, more = ([n for n in networks if n is cheapest or means.allows(n)] for networks in (here, away))
    picked = [cheapest] if cheapest in first and means.places == 1 else _pick(first, means.places)
    picked = [*picked, *_pick(more, means.places - len(picked))]
    return ShortList(
        chosen=tuple(n.name for n in (*here, *away) if n in picked),
        reasons={n.name: _reason(n, means, n in (*first, *more)) for n in (*here, *away) if n not in picked},
    )


def _pick(networks: Sequence[Rated], places: int) -> list[Rated]:
    """At most so many networks: those of the front, and then the next accurate."""
    if len(networks) <= places:
        return list(networks)
    front = _front(networks)
    picked = _spread(front, places)
    rest = sorted((n for n in networks if n not in front), key=lambda n: (-n.accuracy, n.work))
    return [*picked, *rest[: places - len(picked)]]


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
    if not allowed and means.seconds is not None:
        longest = short_duration(MOST_BEFORE * means.seconds)
        return f"not on the short list, for it would take longer than {longest} before the search; {how}"
    if means.places < FEW:
        return f"not on the short list, for there is no room for more in {counted(means.trials, 'trial')}; {how}"
    return f"not on the short list, for others promise more for their work; {how}"


def list_line(networks: Sequence[Rated], choice: ShortList) -> str:
    """What a run says of its choice: the networks with their accuracy and work, and how to try the others."""
    by_name = {n.name: n for n in networks}
    named = ", ".join(f"{n} ({by_name[n].accuracy:.3f}, {by_name[n].work / 1e9:.1f})" for n in choice.chosen)
    return (
        f"short list of {len(choice.chosen)} from {len(networks)} networks: {named} (accuracy on ImageNet, billion "
        "operations an image); --backbone all tries every one"
    )
