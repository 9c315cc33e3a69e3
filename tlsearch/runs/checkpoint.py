"""What a run has found out so far, kept in its output folder, so that a run that was interrupted can be resumed.

Everything that takes long is computed by the worker, and what is computed next follows from the results. A run that is
resumed therefore goes the same way once more and finds the results of its first attempt here, together with the time
that had passed when each was put here: what it decides by the budget it decides as it did then. Each is on the disk
before anything else is told of it, so that a power cut, too, loses only what comes last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, overload

from tlsearch.features.passes import FrozenCounts
from tlsearch.runs.budget import TimeBudget
from tlsearch.utils import serialize
from tlsearch.utils.files import unusable, write_atomically

T = TypeVar("T")

Key = tuple[Any, ...]
"""All that a result depends on: records, tuples and plain values, a name first."""


class Checkpoint:
    """Results by key, one file each. A file appears when it is whole."""

    def __init__(self, folder: Path, budget: TimeBudget, passes: dict[str, FrozenCounts]) -> None:
        """Open the checkpoint of a run.

        Args:
            folder: Where the files are; it need not be there.
            budget: Its time, and that of each step, is kept with every result and comes back with it.
            passes: What was asked of frozen layers so far, kept likewise.
        """
        self._folder, self._budget, self._passes = folder, budget, passes
        self._latest = 0.0  # the time with the latest result that was taken from an earlier attempt
        self._seen: set[Path] = set()  # what this attempt at the run has read or put here: its budget is right already
        self._has_put = False

    def get_or_compute(self, key: Key, kind: Any, compute: Callable[[], T]) -> T:
        """Give the result of ``key``: the one that is kept, else what ``compute`` gives, which is kept.

        Args:
            key: All that the result depends on.
            kind: The type of the result, as in an annotation: records of records, tuples, arrays and plain values.
            compute: Gives the result.

        Raises:
            RunError: The result cannot be written.
        """
        kept: T | None = self.get(key, kind)
        if kept is None:
            kept = compute()
            self.put(key, kept)
        return kept

    @overload
    def get(self, key: Key, kind: type[T]) -> T | None: ...

    @overload
    def get(self, key: Key, kind: Any) -> Any: ...

    def get(self, key: Key, kind: Any) -> Any:
        """Give the result that is kept, of type ``kind``; None where there is none."""
        file = self._file(key)
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            value = serialize.FILE.decode(kind, kept["value"])
            passes = serialize.FILE.decode(Mapping[str, FrozenCounts], kept["passes"])
            elapsed, steps = kept["elapsed"], kept.get("steps", self._budget.spent())  # earlier versions kept none
        except (OSError, ValueError, TypeError, KeyError):  # not there, or not whole after the machine itself went down
            return None
        if file not in self._seen:
            self._seen.add(file)
            self._take_over(elapsed, steps, passes)
        return value

    def _take_over(self, elapsed: float, steps: Mapping[str, float], passes: Mapping[str, FrozenCounts]) -> None:
        """Set the clocks to the time of a result of an earlier attempt, and the counts to those of that time.

        What ran side by side was put here in another order than it is asked for. The clock does not go back then, nor
        behind what this attempt has done itself.
        """
        if elapsed < self._latest or (self._has_put and elapsed <= self._budget.elapsed()):
            return
        self._latest = elapsed
        self._budget.resume(elapsed, steps)
        self._passes.clear()
        self._passes.update(passes)

    def put(self, key: Key, value: Any) -> None:
        """Keep a result that is not None.

        Raises:
            RunError: It cannot be written.
        """
        clocks = {"elapsed": self._budget.elapsed(), "steps": self._budget.spent()}
        kept = {"name": key[0], "value": value, **clocks, "passes": self._passes}
        text = json.dumps(serialize.FILE.encode(kept))
        file = self._file(key)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(file, text, durable=True)
            self._seen.add(file)
            self._has_put = True
        except OSError as error:
            remedy = "make room there, then go on with `tlsearch resume`"
            raise unusable(self._folder, len(text), error, remedy) from error

    def _file(self, key: Key) -> Path:
        text = json.dumps(serialize.FILE.encode(key), sort_keys=True)
        return self._folder / f"{key[0]}-{hashlib.sha256(text.encode()).hexdigest()[:24]}.json"
