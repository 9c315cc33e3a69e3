"""What failed of the training from scratch: a run that is resumed goes on without it, as the run did before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tlsearch.errors import OutOfMemoryError, OutOfTimeError, PluginFailedError, TlsearchError
from tlsearch.pipeline.halving import RaceResult
from tlsearch.pipeline.jobs import Job
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.worker.client import WorkerDiedError

TRIAL_ERRORS = (PluginFailedError, OutOfMemoryError, WorkerDiedError)
"""Failures that need not come again with another network, or without augmentation."""

_KINDS: Mapping[str, type[TlsearchError]] = {kind.__name__: kind for kind in (*TRIAL_ERRORS, OutOfTimeError)}

_KEY = ("not trained from scratch",)


@dataclass(frozen=True, kw_only=True)
class KeptError:
    """An error as the checkpoint keeps it.

    Attributes:
        kind: The name of its class.
        text: Its message.
        plugin: The plugin whose fault it is, kind and name; empty for none.
    """

    kind: str
    text: str
    plugin: str

    def again(self) -> TlsearchError:
        """Give the error."""
        error = _KINDS[self.kind](self.text)
        error.plugin = self.plugin
        return error


class Failures:
    """What failed, in this attempt at the run or an earlier one, by a name.

    It is kept when the run goes on without it. What ends the run is tried again in one that is resumed.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Read what an earlier attempt has kept."""
        self._checkpoint = checkpoint
        kept: dict[str, KeptError] | None = checkpoint.get(_KEY, dict[str, KeptError])
        self._is_kept, self._known = kept is not None, dict(kept or {})

    def noted(self, name: str, job: Job[RaceResult]) -> Job[RaceResult]:
        """Give what comes of a job; where it has failed in an earlier attempt, it does not begin, and fails as then."""
        if name in self._known:
            raise self._known[name].again()
        try:
            return (yield from job)
        except tuple(_KINDS.values()) as error:
            kind = next(name for name, kind in _KINDS.items() if isinstance(error, kind))
            self._known[name] = KeptError(kind=kind, text=str(error), plugin=error.plugin)
            raise

    def keep(self) -> None:
        """Keep what failed: the run goes on."""
        if not self._is_kept:
            self._checkpoint.put(_KEY, self._known)
