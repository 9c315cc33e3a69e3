"""Where a training is, kept in a file now and then, so that one that was killed goes on to the same weights."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from tlsearch.training.compiled import State
from tlsearch.types import TrialSpec
from tlsearch.utils.files import unusable, write_atomically

SHARE = 0.05
"""The share of the time of a training that writing its states may take."""

_ABOUT = "about"


@dataclass(frozen=True)
class KeptState:
    """A training at the end of an epoch.

    Attributes:
        history: The numbers of its epochs so far.
        epoch_seconds: The seconds that each of them took.
        state: The values of all variables of its model.
    """

    history: tuple[Mapping[str, float], ...]
    epoch_seconds: tuple[float, ...]
    state: State


class KeptStates:
    """The latest state of each of several trainings, one file each. A file appears when it is whole."""

    def __init__(self, folder: Path) -> None:
        """Keep files in ``folder``, which is made when the first is written."""
        self._folder = folder
        self._due = time.monotonic()

    def get(self, spec: TrialSpec, like: State) -> KeptState | None:
        """Give the state of the training of ``spec``, whose arrays are as those of ``like``; None where none is kept.

        A file that is damaged, or that is of another model, counts as none.
        """
        try:
            with np.load(self._file(spec), allow_pickle=False) as kept:
                about = json.loads(kept[_ABOUT].tobytes())
                state = [kept[str(number)] for number in range(len(like))]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None
        if [(a.shape, a.dtype) for a in state] != [(a.shape, a.dtype) for a in like]:
            return None
        return KeptState(tuple(about["history"]), tuple(about["seconds"]), state)

    def is_due(self) -> bool:
        """Whether so much time has passed since the last writing that another takes but a small share of it."""
        return time.monotonic() >= self._due

    def put(self, spec: TrialSpec, kept: KeptState) -> None:
        """Keep a state in the place of an earlier one of the same training.

        Raises:
            RunError: It cannot be written.
        """
        began = time.monotonic()
        about = json.dumps({"history": kept.history, "seconds": kept.epoch_seconds}).encode()
        file, content = self._file(spec), io.BytesIO()
        arrays = {str(number): values for number, values in enumerate(kept.state)}
        np.savez(content, **{**arrays, _ABOUT: np.frombuffer(about, np.uint8)})  # type: ignore[arg-type]  # its stub
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(file, content.getvalue())
        except OSError as error:
            remedy = "make room there, then go on with `tlsearch resume`"
            raise unusable(self._folder, content.tell(), error, remedy) from error
        now = time.monotonic()
        self._due = now + (now - began) / SHARE

    def _file(self, spec: TrialSpec) -> Path:
        return self._folder / f"{spec.digest}.npz"
