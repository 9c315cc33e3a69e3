"""Trials that end before their schedule."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tlsearch.errors import OutOfTimeError
from tlsearch.training.trainer import Trainer


class TrialStopped(Exception):  # noqa: N818 - not an error: a trial that was pruned or ran out of time
    """A trial that ended before its schedule."""

    def __init__(self, state: str, reason: str) -> None:
        """Take the state of the trial and the reason for people."""
        super().__init__(reason)
        self.state, self.reason = state, reason


@contextmanager
def timed_out(when: str) -> Iterator[None]:
    """Raise ``TrialStopped`` where the time of the trial ends in the block; ``when`` says how far it was."""
    try:
        yield
    except OutOfTimeError as error:
        raise TrialStopped("timed_out", f"its time ended {when}") from error


def after(trainer: Trainer) -> str:
    """Give how far a training is: ``after 4 of 10 epochs``."""
    done, whole = (trainer.times_seen(epochs) for epochs in (len(trainer.history), trainer.epochs))
    return f"after {done:.3g} of {whole:.3g} epochs"
