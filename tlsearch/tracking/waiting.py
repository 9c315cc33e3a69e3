"""What a tracker knows of writes that its store has not got yet, and of the ids that they have meanwhile."""

from __future__ import annotations

from tlsearch.tracking.sender import Sender


class Waiting:
    """The part of a tracker that is about writes which wait."""

    def __init__(self, sender: Sender) -> None:
        """Take what sends them."""
        self._sender = sender

    def send_waiting(self, *, files: bool = True) -> int:
        """Send what was kept while the store did not answer, and give the number of writes that still wait.

        Without ``files``, files that the artifact store could not keep are not tried again.
        """
        return self._sender.send_waiting(files=files)

    @property
    def files_trouble(self) -> str:
        """What the artifact store has said, where files are all that waits; else empty."""
        return "" if self._sender.waiting else self._sender.files_trouble

    @property
    def sent(self) -> int:
        """How many writes were kept and sent later."""
        return self._sender.sent

    def forget_sent(self) -> None:
        """Remove what is left of writes that were kept and sent, when the run is over."""
        self._sender.forget()

    def real(self, run_id: str) -> str:
        """Give the store's id of a run or a model, which until now may have one of our own."""
        return self._sender.real(run_id)

    def with_real_ids(self, text: str) -> str:
        """Give ``text`` with the store's ids of runs and models in the place of our own."""
        return self._sender.with_real_ids(text)
