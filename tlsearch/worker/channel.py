"""Messages between tlsearch's own processes: a stream in each direction, and no code is run to read them.

A message is its length (8 bytes, big-endian) and JSON: a list of what kind of message it is and its content.
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO, TypeVar, overload

from tlsearch.utils.serialize import MESSAGE

T = TypeVar("T")

_LENGTH = struct.Struct(">Q")


class MessageError(ValueError):
    """What came through a stream is no message."""


class Channel:
    """Sends messages through one stream and receives them through another."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        """Use these two streams."""
        self._incoming, self._outgoing = incoming, outgoing

    def send(self, kind: str, content: Any) -> None:
        """Write a message whose content is plain, as ``serialize.MESSAGE.encode`` makes it."""
        text = json.dumps([kind, content], separators=(",", ":")).encode("ascii")
        self._outgoing.write(_LENGTH.pack(len(text)) + text)
        self._outgoing.flush()

    def receive(self) -> tuple[str, Any]:
        """Read a message: its kind and its content, which is still plain.

        Raises:
            EOFError: The stream has ended.
            MessageError: It holds no message.
        """
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        text = self._exactly(length)
        try:
            message = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise MessageError(str(error)) from error
        if not (isinstance(message, list) and len(message) == 2 and isinstance(message[0], str)):
            raise MessageError("a message is a list of its kind and its content")
        return message[0], message[1]

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
