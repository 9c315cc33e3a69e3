"""What the worker tells the parent while it is at a request, and how a request fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tlsearch.features.passes import FrozenCounts
from tlsearch.types import Decision


@dataclass(frozen=True)
class EpochEnd:
    """An epoch of a trial has ended.

    ``numbers`` are its losses and metrics, ``epoch``, and ``fraction``, the share of the trial that is done.
    """

    numbers: Mapping[str, float]


@dataclass(frozen=True)
class RateEpochEnd:
    """An epoch of the learning rate with this number has ended, in successive halving; ``numbers`` as for a trial."""

    number: int
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class WorkProgress:
    """So much of something that takes long is done."""

    text: str
    done: int
    total: int


@dataclass(frozen=True)
class FrozenPasses:
    """What was asked of frozen layers, by the label of the network."""

    counts: Mapping[str, FrozenCounts]


Event = EpochEnd | RateEpochEnd | WorkProgress | FrozenPasses

Listener = Callable[[Event], Decision]
"""Takes the events of a request; only the decision about an ``EpochEnd`` matters."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why there is no reply: the name of a class of ``tlsearch.errors``, and what an error of it carries."""

    error: str
    message: str
    traceback: str
    plugin: str
