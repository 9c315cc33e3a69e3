"""``python -m tlsearch.worker``: the process that holds the backend.

It handles one request at a time (see ``tlsearch.worker.protocol``), ignores what interrupts so that the parent decides
what an interruption means, and ends when its standard input closes, or, in the middle of a request, when its parent is
gone.
Whatever libraries print goes to standard error: standard output carries messages only.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
import traceback

import psutil

from tlsearch import backend
from tlsearch.errors import OutOfMemoryError, TlsearchError, TrialError
from tlsearch.plugins import registry
from tlsearch.plugins.guard import blamed, culprit
from tlsearch.types import Decision
from tlsearch.utils.serialize import MESSAGE
from tlsearch.worker.channel import Channel, decode
from tlsearch.worker.events import Event, Failure
from tlsearch.worker.log import log
from tlsearch.worker.protocol import reply_type


def serve(channel: Channel) -> None:
    """Handle requests until there are no more."""
    from tlsearch.worker.dispatch import handle, request_class
    from tlsearch.worker.state import WorkerState

    def emit(event: Event) -> Decision:
        channel.send("event", MESSAGE.encode(event, Event))
        return decode(Decision, channel.receive()[1])

    state = WorkerState(emit)
    while True:
        try:
            _, (name, content) = channel.receive()
        except EOFError:
            return
        try:
            request = decode(request_class(name), content)
            channel.send("reply", MESSAGE.encode(handle(state, request), reply_type(type(request))))
        except BaseException as error:
            # A plugin or the backend may raise anything, even SystemExit; the parent decides whether one trial or the
            # run ends.
            failed, trace = _as_ours(error), traceback.format_exc()
            failure = Failure(error=type(failed).__name__, message=str(failed), traceback=trace, plugin=failed.plugin)
            log(f"{name} failed: {failure.message}\n{failure.traceback}")
            channel.send("failure", MESSAGE.encode(failure))


def _as_ours(error: BaseException) -> TlsearchError:
    """The error for the parent: want of memory, the fault of a plugin, or of the trial."""
    if isinstance(error, TlsearchError):
        return error
    what = f"{type(error).__name__}: {error}".split("\n")[0][:500]
    if backend.is_out_of_memory(error):
        return OutOfMemoryError(what)
    plugins = {f"{known.entry.kind} {known.entry.name}": known.plugin for known in registry.loaded()}
    if name := culprit(error, plugins.items()):
        return blamed(error, name, plugins[name])
    return TrialError(what)


def _end_with(parent: int) -> None:
    """Ends this process when ``parent`` is no longer its parent: nobody wants the reply any more."""
    # Elsewhere than on Windows a process gets another parent when its own is gone.
    while os.getppid() == parent and psutil.pid_exists(parent):
        time.sleep(1)
    os._exit(1)


def main() -> None:
    """Move the message channel out of the way of ``print``, then serve."""
    # The parent decides what an interruption means, also where it goes to all processes of a group.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), name="tlsearch-parent", daemon=True).start()
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    backend.prepare(lean=True)
    gc.freeze()  # the libraries' objects, which need not be looked through between trials: .2 s a time
    serve(Channel(sys.stdin.buffer, outgoing))


if __name__ == "__main__":
    main()
