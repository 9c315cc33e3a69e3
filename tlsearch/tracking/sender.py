"""Sender: commands go to the MLflow store, or into a folder while it does not answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tlsearch.errors import RunError
from tlsearch.tracking.commands import Command, LogModel, Store
from tlsearch.tracking.outbox import Address, Outbox
from tlsearch.tracking.quiet import first_line
from tlsearch.tracking.servers.answer import without_retries
from tlsearch.tracking.servers.refusals import is_refusal, may_be_refusal
from tlsearch.utils.sqlite_urls import is_missing

if TYPE_CHECKING:
    from mlflow import MlflowClient

T = TypeVar("T")
Warn = Callable[[str], None]

PAUSE_SECONDS = 60.0
"""How long a store that has failed is left alone."""

FILES_SECONDS = 60.0
"""After so long no further file is tried, where one has failed."""

# What is said once.
_FAILS, _REFUSES, _DAMAGED, _FILES, _LATE = "fails", "refuses", "damaged", "files", "late"


class Sender:
    """Applies commands, each now or, in their order, when the store answers again.

    A store that fails is left alone for a minute, and ``warn`` is told of it once. The next command then sends first
    what was kept. A command that the store refuses is dropped, and ``warn`` is told once.

    Files are often kept elsewhere than records: in a bucket, in a folder of the server, behind a limit of size. Where
    one cannot be kept although the store answers, ``warn`` is told once what the artifact store says. That file and
    those that come later wait until ``send_waiting`` tries each of them again; everything else goes on.
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
        known = self._outbox.address
        if known is not None and known.uri != address.uri and is_missing(known.uri):
            self._outbox.readdress(address.uri)  # its database was moved
        self._now = Store(
            client=client,
            experiment_id=experiment_id,
            ids=self._outbox.ids,
            home=unsent.parent,
            tell=lambda text: self._warn_once(text, text),
        )
        self._later = replace(self._now, retry=True)
        self._silent_until = 0.0
        self._warned: set[str] = set()
        self.sent = 0
        """Commands that were kept and sent later."""
        self.files_trouble = ""
        """What the artifact store has said of a file that it could not keep."""
        self.files_until = math.inf
        """When no further file is begun, on the clock of ``time.monotonic``; it waits from then on."""

    def send(self, command: Command[T]) -> T | None:
        """Give what the command gives; None where it is kept for later, or was refused.

        Raises:
            RunError: It cannot even be kept.
        """
        if self._answered:
            # So late none is begun: to look through all that wait at every write takes as long as to send some.
            self._send_kept(files=not self.files_trouble and not self._is_too_late)
        waits = command.file and (bool(self._outbox.files) or self._is_late())
        if self._answered and not self._outbox.records and not waits:
            try:
                return command.apply(self._now)
            except Exception as error:  # MLflow lets through whatever its stores raise
                if self._refused(command, error):
                    return None
                if not self._fails_as_file(command, error):
                    self._keep_still(error)
        self._outbox.add(self._address, command)
        return None

    def send_waiting(self, *, files: bool = True) -> int:
        """Send what was kept; gives the number of commands that still wait.

        Without ``files``, those that keep files are left where the artifact store has failed.
        """
        self._send_kept(files=files or not self.files_trouble)
        return len(self._outbox)

    def read(self, call: Callable[[], T], otherwise: T) -> T:
        """Give what ``call`` gives, or ``otherwise`` where the store does not answer."""
        if not self._answered:
            return otherwise
        try:
            return call()
        except Exception as error:
            self._keep_still(error)
            return otherwise

    def lacks(self, run: str) -> bool:
        """Whether the store answers, and a run that it held is no longer in it, or is deleted.

        It is not asked about a run whose beginning still waits.
        """
        if not self._answered or self._outbox.records:
            return False
        try:
            with without_retries():
                found = self._client.get_run(self.real(run))
        except Exception as error:  # whatever a store raises
            return is_refusal(error)
        return str(found.info.lifecycle_stage) != "active"

    def steps(self, run: str, metric: str) -> set[int]:
        """The steps at which a run has a metric in the store; none where it does not answer, or the run still waits."""
        none: set[int] = set()
        if self._outbox.records:
            return none
        return self.read(lambda: {int(p.step) for p in self._client.get_metric_history(self.real(run), metric)}, none)

    def is_now(self, known: str, run: str) -> None:
        """From now on ``known`` means ``run``, which stands for it in this store."""
        self._outbox.know(known, run)

    def warn(self, text: str) -> None:
        """Tell a person something of the store."""
        self._warn(text)

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
        """How many commands wait that need the records of the store alone."""
        return self._outbox.records

    def belongs_to(self, run: str) -> None:
        """From now on what is written belongs to ``run``, which the store holds."""
        self._address = replace(self._address, run=run)

    @property
    def _answered(self) -> bool:
        """Whether the store has not failed within the last minute."""
        return time.monotonic() >= self._silent_until

    def _send_kept(self, *, files: bool) -> None:
        """Send what was kept, as long as the store answers: records first, for files belong to their runs."""
        before, waiting = self.sent, self._outbox.records + (self._outbox.files if files else 0)
        if not waiting:
            return
        try:
            self._check_store()
            self._outbox.send(self._apply_record)
            if files:
                self._send_files()
        except RunError:
            raise
        except Exception as error:
            self._keep_still(error)
        if not self._outbox.records and not (files and self._outbox.files):
            what = f"what was kept for it is sent ({self.sent - before} of {waiting} writes)"
            self._warn(f"the MLflow store {self._address.uri} answers, and {what}")
            self._warned.discard(_FAILS)

    def _check_store(self) -> None:
        """Raise what MLflow does where the store does not hold the run that the commands belong to.

        It may be another store, which a server made that was started again in another folder.
        """
        address = self._outbox.address
        if address is not None and address.run:
            self._client.get_run(address.run)

    def _apply_record(self, command: Command[Any] | None) -> bool:
        if command is None:
            self._warn_once(_DAMAGED, f"what was kept in {self._unsent} is damaged in parts, which are left out")
            return True
        try:
            command.apply(self._later)
            self.sent += 1
        except Exception as error:
            if not self._refused(command, error):
                raise
        return True

    def _send_files(self) -> None:
        """Try each file once: one that is too large keeps no other back, nor does a slow failure of all take hours."""
        self.files_trouble, until = "", time.monotonic() + FILES_SECONDS
        left: set[str] = set()

        def apply(command: Command[Any] | None) -> bool:
            gives_up = self._is_late() or (bool(self.files_trouble) and time.monotonic() > until)
            if command is None or command.needs in left or gives_up:
                done = command is None
            else:
                try:
                    done = self._apply_record(command)
                except Exception as error:
                    if not self._fails_as_file(command, error):
                        raise
                    done = False
            if not done and isinstance(command, LogModel):
                left.add(command.own)
            return done

        self._outbox.send(apply, files=True)

    @property
    def _is_too_late(self) -> bool:
        return time.monotonic() > self.files_until

    def _is_late(self) -> bool:
        """Whether no further file is begun, for the time of the run is over; the first time ``warn`` is told."""
        if not self._is_too_late:
            return False
        what = "the time limit left no time to record all files in MLflow"
        self._warn_once(_LATE, f"{what}: they wait in {self._unsent}")
        return True

    def _refused(self, command: Command[Any], error: Exception) -> bool:
        """Whether the store has said no; the first time ``warn`` is told."""
        never = is_refusal(error) or command.is_gone(self._now)
        if not never and not (not command.file and may_be_refusal(error) and self._answers_now()):
            return False
        why = first_line(error)
        self._warn_once(_REFUSES, f"the MLflow store {self._address.uri} refuses a part of the record ({why})")
        return True

    def _fails_as_file(self, command: Command[Any], error: Exception) -> bool:
        """Whether a file alone has failed, for the store answers; the first time ``warn`` is told."""
        if not command.file or not self._answers_now():
            return False
        self.files_trouble = f"{command.file}: {first_line(error)}"
        self._warn_once(
            _FILES,
            f"the artifact store of {self._address.uri} does not keep files ({self.files_trouble}); metrics and "
            f"parameters are recorded all the same, and files wait in {self._unsent}",
        )
        return True

    def _answers_now(self) -> bool:
        try:
            with without_retries():
                self._client.get_experiment(self._now.experiment_id)
        except Exception:  # whatever it is: the caller has an error of its own to tell
            return False
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
