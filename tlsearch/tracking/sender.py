"""Sender: commands go to the MLflow store, or into a folder while it does not answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tlsearch.errors import RunError
from tlsearch.tracking.commands import Command, Store
from tlsearch.tracking.outbox import Address, Outbox
from tlsearch.tracking.quiet import first_line

if TYPE_CHECKING:
    from mlflow import MlflowClient

T = TypeVar("T")
Warn = Callable[[str], None]

PAUSE_SECONDS = 60.0
"""How long a store that has failed is left alone."""

# What is said once.
_FAILS, _REFUSES, _DAMAGED = "fails", "refuses", "damaged"


class Sender:
    """Applies commands, each now or, in their order, when the store answers again.

    A store that fails is left alone for a minute, and ``warn`` is told of it once. The next command then sends first
    what was kept. A command that the store refuses is dropped, and ``warn`` is told once.
    """

    def __init__(self, client: MlflowClient, address: Address, experiment_id: str, unsent: Path, warn: Warn) -> None:
        """Begin to send.

        Args:
            client: MLflow's client of the store.
            address: The store and the experiment, as they are kept with what cannot be sent.
            experiment_id: The experiment.
            unsent: The folder for what cannot be sent. Relative paths of files begin at the folder that holds it.
            warn: Gets a sentence when the store fails or refuses something, or is back.
        """
        self._address, self._client, self._unsent, self._warn = address, client, unsent, warn
        self._outbox = Outbox(unsent)
        self._now = Store(client=client, experiment_id=experiment_id, ids=self._outbox.ids, home=unsent.parent)
        self._later = replace(self._now, retry=True)
        self._silent_until = 0.0
        self._warned: set[str] = set()
        self.sent = 0
        """Commands that were kept and sent later."""

    def send(self, command: Command[T]) -> T | None:
        """Give what the command gives; None where it is kept for later, or was refused.

        Raises:
            RunError: It cannot even be kept.
        """
        if time.monotonic() >= self._silent_until and not self.send_waiting():
            try:
                return command.apply(self._now)
            except Exception as error:  # MLflow lets through whatever its stores raise
                if self._refused(error):
                    return None
                self._keep_still(error)
        self._outbox.add(self._address, command)
        return None

    def send_waiting(self) -> int:
        """Send what was kept; gives the number of commands that still wait."""
        before, waiting = self.sent, len(self._outbox)
        try:
            if waiting:
                self._check_store()
            self._outbox.send(self._apply_later)
        except RunError:
            raise
        except Exception as error:
            self._keep_still(error)
        if waiting and not self._outbox:
            what = f"what was kept for it is sent ({self.sent - before} of {waiting} writes)"
            self._warn(f"the MLflow store {self._address.uri} answers, and {what}")
            self._warned.discard(_FAILS)
        return len(self._outbox)

    def read(self, call: Callable[[], T], otherwise: T) -> T:
        """Give what ``call`` gives, or ``otherwise`` where the store does not answer."""
        if time.monotonic() < self._silent_until:
            return otherwise
        try:
            return call()
        except Exception as error:
            self._keep_still(error)
            return otherwise

    def real(self, known: str) -> str:
        """Give the store's id of what may have got one of our own."""
        return self._now.real(known)

    def ours(self, real: str) -> str:
        """Give the id by which we know what has the id ``real`` in the store."""
        return next((own for own, found in self._outbox.ids.items() if found == real), real)

    def with_real_ids(self, text: str) -> str:
        """Give ``text`` with the store's ids in the place of ours."""
        return self._now.with_real_ids(text)

    def forget(self) -> None:
        """Remove what is left of commands that were kept and sent, when nobody needs their ids any more."""
        self._outbox.remove()

    @property
    def waiting(self) -> int:
        """How many commands wait."""
        return len(self._outbox)

    def belongs_to(self, run: str) -> None:
        """From now on what is written belongs to ``run``, which the store holds."""
        self._address = replace(self._address, run=run)

    def _check_store(self) -> None:
        """Raise what MLflow does where the store does not hold the run that the commands belong to.

        It may be another store, which a server made that was started again in another folder.
        """
        address = self._outbox.address
        if address is not None and address.run:
            self._client.get_run(address.run)

    def _apply_later(self, command: Command[Any] | None) -> None:
        if command is None:
            self._warn_once(_DAMAGED, f"what was kept in {self._unsent} is damaged in parts, which are left out")
            return
        try:
            command.apply(self._later)
            self.sent += 1
        except Exception as error:
            if not self._refused(error):
                raise

    def _refused(self, error: Exception) -> bool:
        """Whether the store has said no; the first time ``warn`` is told."""
        if not is_refusal(error):
            return False
        why = first_line(error)
        self._warn_once(_REFUSES, f"the MLflow store {self._address.uri} refuses a part of the record ({why})")
        return True

    def _keep_still(self, error: Exception) -> None:
        self._silent_until = time.monotonic() + PAUSE_SECONDS
        what = "does not hold what was recorded before" if is_refusal(error) else "does not answer"
        what = f"the MLflow store {self._address.uri} {what} ({first_line(error)})"
        self._warn_once(_FAILS, f"{what}; what is to be recorded is kept in {self._unsent} until it does")

    def _warn_once(self, kind: str, text: str) -> None:
        if kind not in self._warned:
            self._warn(text)
        self._warned.add(kind)


def is_refusal(error: Exception) -> bool:
    """Whether the store has answered and said no, so that the same command would fail for ever."""
    code = getattr(error, "error_code", "")
    gone = isinstance(error, FileNotFoundError)  # a file that was to be kept is not there any more
    return gone or code in ("INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST")
