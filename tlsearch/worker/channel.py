"""Messages between tlsearch's own processes: a stream in each direction, and no code is run to read them.

A message is its length (8 bytes, big-endian) and JSON: a list of what kind of message it is and its content.
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO, Protocol, TypeVar, overload

from tlsearch.utils.serialize import MESSAGE

T = TypeVar("T")

_LENGTH = struct.Struct(">Q")


class MessageError(ValueError):
    """What came through a stream is no message."""


class Messages(Protocol):
    """Sends messages to another process and receives its messages, whatever carries them."""

    def send(self, kind: str, content: Any) -> None:
        """Send a message whose content is plain, as ``serialize.MESSAGE.encode`` makes it."""

    def receive(self) -> tuple[str, Any]:
        """Give the next message; see ``Channel.receive``."""


def pack(kind: str, content: Any) -> bytes:
    """Give a message, without its length, whose content is plain."""
    return json.dumps([kind, content], separators=(",", ":")).encode("ascii")


def unpack(text: bytes) -> tuple[str, Any]:
    """Give the kind and the plain content of a message.

    Raises:
        MessageError: It is none.
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MessageError(str(error)) from error
    if not (isinstance(message, list) and len(message) == 2 and isinstance(message[0], str)):
        raise MessageError("a message is a list of its kind and its content")
    return message[0], message[1]


class Channel:
    """Sends messages through one stream and receives them through another."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        """Use these two streams."""
        self._incoming, self._outgoing = incoming, outgoing

    def send(self, kind: str, content: Any) -> None:
        """Write a message whose content is plain, as ``serialize.MESSAGE.encode`` makes it."""
        self.send_packed(pack(kind, content))

    def receive(self) -> tuple[str, Any]:
        """Read a message: its kind and its content, which is still plain.

        Raises:
            EOFError: The stream has ended.
            MessageError: It holds no message.
        """
        return unpack(self.receive_packed())

    def send_packed(self, text: bytes) -> None:
        """Write a message that ``pack`` has made."""
        self._outgoing.write(_LENGTH.pack(len(text)) + text)
        self._outgoing.flush()

    def receive_packed(self) -> bytes:
        """Read a message as ``unpack`` takes it. Raises ``EOFError`` where the stream has ended."""
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        return self._exactly(length)

    def _exactly(self, size: int) -> bytes:
        text = self._incoming.read(size)
        if len(text) < size:
            raise EOFError("the stream ended in the middle of a message, or before it")
        return text


@overload
def decode(kind: type[T], content: Any) -> T: ...


@overload
def decode(kind: Any, content: Any) -> Any: ...


def decode(kind: Any, content: Any) -> Any:
    """Give the value of type ``kind`` that is the content of a message.

    Raises:
        MessageError: The content is nothing of that type.
    """
    try:
        return MESSAGE.decode(kind, content)
    except ValueError as error:
        raise MessageError(str(error)) from error
