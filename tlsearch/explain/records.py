"""What a run says of its heat maps: the records that ``result.json`` holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tlsearch.types import Interval


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Probabilities of each picture's class while its places are blurred or shown, averaged over ``images`` pictures.

    ``shares`` are the shares of the area that are blurred (deletion) or shown (insertion), from 0 to 1. ``deletion``
    has the probability at each share, the hottest places blurred first, ``insertion`` that with the hottest places
    shown first; ``random_deletion`` and ``random_insertion`` are those of a random order. ``deletion_gain`` is how much
    smaller the area under ``deletion`` is than under ``random_deletion``, ``insertion_gain`` how much larger that under
    ``insertion`` is than under ``random_insertion``: above 0 where the order of the map is better than a random one.
    ``own_gain`` is how much smaller the area under ``deletion`` is than in the order of another picture's map: what a
    map says of its own picture, besides what all maps have in common. Their 95 % intervals are those of a bootstrap
    over the pictures.
    """

    images: int
    shares: tuple[float, ...]
    deletion: tuple[float, ...]
    insertion: tuple[float, ...]
    random_deletion: tuple[float, ...]
    random_insertion: tuple[float, ...]
    deletion_gain: float
    deletion_gain_ci95: Interval
    insertion_gain: float
    insertion_gain_ci95: Interval
    own_gain: float
    own_gain_ci95: Interval

    @property
    def better_than_random(self) -> bool:
        """Whether the maps are shown to mean something: the interval of ``deletion_gain`` lies above 0."""
        return self.deletion_gain_ci95[0] > 0


@dataclass(frozen=True, kw_only=True)
class MapAgreement:
    """How alike the maps of the winner and of the network from scratch are, by rank correlation, -1 to 1.

    ``same`` is the mean over ``images`` pictures of the correlation of their two maps for one class, with its 95 %
    interval by bootstrap. ``different`` is that of maps of different pictures: what all maps have in common, such as
    heat in the middle.
    """

    images: int
    same: float
    same_ci95: Interval
    different: float


@dataclass(frozen=True, kw_only=True)
class ShownMap:
    """A picture whose heat map the report shows, about the class ``explained``.

    ``probability`` is what the model that ships gives that class. ``mistake`` says whether the class was predicted
    although the picture is of another one. ``border`` is the share of the heat in the border frame, None where no place
    speaks for the class. ``overlay`` is the file in the output folder with the heat over the picture, ``scratch`` that
    of the network from scratch, where there is one.
    """

    path: str
    true: str
    explained: str
    probability: float
    mistake: bool
    border: float | None
    overlay: str
    scratch: str | None = None


@dataclass(frozen=True, kw_only=True)
class MapStudy:
    """Where the winner looks, on validation images or, where trials are compared on folds, on all but test images.

    ``method`` says how maps are made ("cam" is exact: ``exact``), on ``rows`` x ``columns`` places. ``border`` is the
    mean share of the heat for the predicted class in the border frame, over ``images`` pictures, with its 95 % interval
    by bootstrap; the frame is ``border_area`` of the area. ``border_by_class`` has it for the classes with at least
    three of these pictures. ``curves`` say whether the maps mean anything, or ``no_curves`` why there are none;
    ``from_scratch`` compares with the network from scratch, or ``no_from_scratch`` says why it does not. ``seen`` says
    whether the model that ships was trained on these pictures. ``shown`` are those in the report.
    """

    method: str
    exact: bool
    rows: int
    columns: int
    images: int
    border: float | None
    border_ci95: Interval | None
    border_area: float
    border_by_class: Mapping[str, float] = field(default_factory=dict)
    curves: Curves | None = None
    no_curves: str | None = None
    from_scratch: MapAgreement | None = None
    no_from_scratch: str | None = None
    seen: bool = False
    shown: tuple[ShownMap, ...] = ()
