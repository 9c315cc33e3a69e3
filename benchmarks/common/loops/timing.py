"""Times of trials that were trained, and from them the time of a whole list, part of which was not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, TypeVar

from benchmarks.common.loops.trial_kinds import head_of, kind_of
from tlsearch.types import TrialSpec

if TYPE_CHECKING:
    import keras

T = TypeVar("T")


@dataclass(frozen=True)
class Timed:
    """A trial that was trained for ``epochs`` epochs.

    ``epoch_seconds`` are those of an epoch that compiles and computes nothing for the first time (0 where a head is
    solved).
    """

    seconds: float
    epochs: int
    epoch_seconds: float

    def at(self, epochs: int) -> float:
        """The seconds of the same trial with ``epochs`` epochs: what it takes once stays, epochs are added."""
        return self.seconds + (epochs - self.epochs) * self.epoch_seconds


class Stopwatch:
    """Takes the time of the epochs of one Keras ``fit``."""

    def __init__(self) -> None:
        """Start with no epoch."""
        self._epochs: list[dict[str, float]] = []

    def callback(self) -> keras.callbacks.Callback:
        """What is given to ``fit``."""
        import keras

        return keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: self._epochs.append({"begin": time.perf_counter()}),
            on_train_batch_end=lambda batch, logs: self._note("train", batch),
            on_test_begin=lambda logs=None: self._note("test begin", 0),
            on_test_batch_end=lambda batch, logs=None: self._note("test", batch),
            on_epoch_end=lambda epoch, logs: self._note("end", epoch),
        )

    def _note(self, what: str, number: int) -> None:
        now, marks = time.perf_counter(), self._epochs[-1]
        marks.setdefault(f"first {what}", now)
        marks[f"last {what}"] = now
        marks[f"count {what}"] = number + 1

    def epoch_seconds(self) -> float:
        """Seconds of an epoch with its validation: the mean of all after the first, which compiles.

        Of a single epoch the first training and the first validation step, which compile, are counted as if they were
        like the others.
        """
        if len(self._epochs) > 1:
            return fmean(marks["last end"] - marks["begin"] for marks in self._epochs[1:])
        marks = self._epochs[0]
        return sum(_steady(marks, what) for what in ("train", "test"))


def _steady(marks: Mapping[str, float], what: str) -> float:
    """Seconds of all steps of a single epoch, had the first been like the others; nothing where it is the only one."""
    count = marks.get(f"count {what}", 0)
    return (marks[f"last {what}"] - marks[f"first {what}"]) * count / (count - 1) if count > 1 else 0.0


def spread_evenly(specs: Sequence[TrialSpec], count: int) -> list[TrialSpec]:
    """``count`` of ``specs`` (all where there are fewer), both kinds of head by turns, evenly over the list."""
    by_head: dict[str, list[TrialSpec]] = {}
    for spec in specs:
        by_head.setdefault(head_of(spec), []).append(spec)
    groups = sorted(by_head.values(), key=len, reverse=True)
    count = min(count, len(specs))
    shares = [0] * len(groups)
    for turn in range(count * len(groups)):
        group = turn % len(groups)
        if sum(shares) < count and shares[group] < len(groups[group]):
            shares[group] += 1
    chosen = {
        group[int((n + 0.5) * len(group) / share)]
        for group, share in zip(groups, shares, strict=True)
        for n in range(share)
    }
    return [spec for spec in specs if spec in chosen]


@dataclass
class Times:
    """What is known of the time of trials.

    ``typical`` were trained with everything that they share in place; ``exact`` are the trials of a list as they came,
    including what they made for the others; ``stands`` names those of them that stand for trials which would have made
    as much.
    """

    epochs: int
    typical: dict[TrialSpec, Timed] = field(default_factory=dict)
    exact: dict[TrialSpec, Timed] = field(default_factory=dict)
    stands: Mapping[TrialSpec, TrialSpec] = field(default_factory=dict)

    def seconds(self, spec: TrialSpec) -> float:
        """The seconds of a trial in full: its own where it was trained, else the mean of those most like it."""
        if spec in self.exact:
            timed = self.exact[spec]
            later = [
                t.epoch_seconds
                for s, t in self.typical.items()
                if kind_of(s) == kind_of(spec) and not s.is_linear_probe
            ]
            epoch = fmean(later) if later and not spec.is_linear_probe else timed.epoch_seconds
            return timed.seconds + (self.epochs - timed.epochs) * epoch
        if spec in self.typical:
            return self.typical[spec].at(self.epochs)
        if spec in self.stands:
            other = self.stands[spec]
            if not any(kind_of(known) == kind_of(spec) for known in self.typical):
                return self.seconds(other)  # of a list so short that none of its kind was trained without making views
            return self._like(spec) + max(0.0, self.seconds(other) - self._like(other))
        return self._like(spec)

    def _like(self, spec: TrialSpec) -> float:
        """The mean seconds of the trials most like it that made nothing for others."""
        alike = {s: t.at(self.epochs) for s, t in self.typical.items() if kind_of(s) == kind_of(spec)}
        same_head = [seconds for s, seconds in alike.items() if head_of(s) == head_of(spec)]
        return fmean(same_head or alike.values())

    def total(self, specs: Sequence[TrialSpec]) -> float:
        """The seconds of a whole list."""
        return sum(self.seconds(spec) for spec in specs)


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """Seconds and result of a call."""
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result
