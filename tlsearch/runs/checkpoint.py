"""What a run has found out so far, kept in its output folder, so that a run that was interrupted goes on from there.

Everything that takes long is asked of the worker, and what is asked next follows from the answers. A run that is taken
up again therefore goes the same way once more and finds the answers of its first attempt here, together with the time
that had passed when each was given: what it decides by the budget it decides as it did then.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from tlsearch.features.passes import FrozenCounts
from tlsearch.runs.budget import TimeBudget
from tlsearch.utils.files import unusable
from tlsearch.utils.serialize import decode, to_plain

T = TypeVar("T")


class Checkpoint:
    """Answers by question, one file each, in ``folder``. A file appears when it is whole.

    ``passes`` is what was asked of frozen layers so far; like the time of ``budget`` it is kept with every answer and
    comes back with it.
    """

    def __init__(self, folder: Path, budget: TimeBudget, passes: dict[str, FrozenCounts]) -> None:
        self._folder, self._budget, self._passes = folder, budget, passes
        self._own: set[Path] = set()  # what this attempt at the run has kept itself: its budget is right already

    def get_or_compute(self, question: tuple[Any, ...], kind: Any, ask: Callable[[], T]) -> T:
        """The answer to ``question``: the one that is kept, else what ``ask`` gives, which is kept.

        ``question`` must hold all that the answer depends on: records, tuples and plain values, a name first. ``kind``
        is the type of the answer, as in an annotation: records of records, tuples, arrays and plain values. Raises
        ``RunError`` where the answer cannot be written.
        """
        kept: T | None = self.get(question, kind)
        if kept is None:
            kept = ask()
            self.put(question, kept)
        return kept

    def get(self, question: tuple[Any, ...], kind: Any) -> Any:
        """The answer that is kept, of type ``kind``; None where there is none."""
        file = self._file(question)
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            answer = decode(kind, kept["answer"])
            passes = decode(Mapping[str, FrozenCounts], kept["passes"])
        except (OSError, ValueError, TypeError, KeyError):  # not there, or not whole after the machine itself went down
            return None
        if file not in self._own:
            self._budget.set(kept["elapsed"])
            self._passes.clear()
            self._passes.update(passes)
        return answer

    def put(self, question: tuple[Any, ...], answer: Any) -> None:
        """Keep an answer that is not None. Raises ``RunError`` where it cannot be written."""
        kept = {"question": question[0], "answer": answer, "elapsed": self._budget.elapsed(), "passes": self._passes}
        text = json.dumps(to_plain(kept, finite=False))
        file = self._file(question)
        part = file.with_name(f".{file.name}.{os.getpid()}.part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part.write_text(text, encoding="utf-8")
            part.replace(file)
            self._own.add(file)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            remedy = "make room there, then go on with `tlsearch resume`"
            raise unusable(self._folder, len(text), error, remedy) from error

    def _file(self, question: tuple[Any, ...]) -> Path:
        text = json.dumps(to_plain(question, finite=False), sort_keys=True)
        return self._folder / f"{question[0]}-{hashlib.sha256(text.encode()).hexdigest()[:24]}.json"
