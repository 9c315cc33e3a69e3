"""A worker process that only repeats what it gets, and requests for it."""

from __future__ import annotations

from dataclasses import dataclass

from tlsearch.worker.protocol import Request


@dataclass(frozen=True, kw_only=True)
class Repeat(Request[tuple[str, str]]):
    """Asks the parrot for the text and the decision about its event."""

    text: str = ""
    half: bool = False
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Counted(Repeat, Request[tuple[str, str]]):
    """The same as a trial."""

    counts_as_trial = True


@dataclass(frozen=True, kw_only=True)
class Timed(Repeat, Request[tuple[str, str]]):
    """The same, within a time."""

    ends_in_time = True
    grace = 0.1


@dataclass(frozen=True, kw_only=True)
class Pool(Repeat, Request[tuple[str, str]]):
    """The same as a setup."""

    is_setup = True


@dataclass(frozen=True, kw_only=True)
class Other(Repeat, Request[tuple[str, str]]):
    """The same as another setup."""

    is_setup = True


PARROT = """
import io, sys, time
from tlsearch.worker.channel import Channel
channel = Channel(sys.stdin.buffer, sys.stdout.buffer)
while True:
    try:
        _, (name, content) = channel.receive()
    except EOFError:
        break
    channel.send("event", {"type": "WorkProgress", "text": content["text"], "done": 1, "total": 2})
    _, decision = channel.receive()
    if content["text"] == "hang":
        time.sleep(600)
    if content["half"]:
        whole = io.BytesIO()
        Channel(whole, whole).send("reply", ["x" * 1000, decision])
        sys.stdout.buffer.write(whole.getvalue()[:500])
        break
    channel.send("reply", [content["text"], decision] if content["text"] != "nonsense" else 5)
"""
