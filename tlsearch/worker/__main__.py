"""``python -m tlsearch.worker``: the process that holds the backend.

It answers one call at a time (see ``worker_client`` for the messages), ignores SIGINT so that the parent decides
what an interruption means, and ends when its standard input closes, or, in the middle of a call, when its parent is
gone. Whatever libraries print goes to standard
error: standard output carries messages only.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

from tlsearch import backend as runtime
from tlsearch.errors import OutOfMemoryError, TlsearchError, TrialError
from tlsearch.plugins.guard import blamed
from tlsearch.worker import protocol as wire

Emit = Callable[[Any], Any]


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer calls until ``requests`` ends."""
    from tlsearch.worker.handlers import Jobs

    def emit(event: Any) -> Any:
        wire.send(answers, ("event", event))
        return wire.receive(requests)[1]

    jobs = Jobs(emit)
    while True:
        try:
            _, name, kwargs = wire.receive(requests)
        except EOFError:
            return
        try:
            wire.send(answers, ("result", getattr(jobs, name)(**kwargs)))
        except TlsearchError as error:
            wire.send(answers, ("error", type(error).__name__, str(error), traceback.format_exc(), error.plugin))
        except BaseException as error:
            # A plugin or the backend may raise anything, even SystemExit; the parent decides whether one trial or the
            # run ends.
            what = f"{type(error).__name__}: {error}".split("\n")[0][:500]
            failed: TlsearchError = TrialError(what)
            if runtime.is_out_of_memory(error):
                failed = OutOfMemoryError(what)
            elif plugin := jobs.culprit(error):
                failed = blamed(error, plugin)
            wire.send(answers, ("error", type(failed).__name__, str(failed), traceback.format_exc(), failed.plugin))


def _end_with(parent: int) -> None:
    """Ends this process when ``parent`` is no longer its parent: nobody wants the answer any more."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main() -> None:
    """Move the message channel out of the way of ``print``, then serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), name="tlsearch-parent", daemon=True).start()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    runtime.prepare()
    gc.freeze()  # the libraries' objects, which need not be looked through between trials: .2 s a time
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
