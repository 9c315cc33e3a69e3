"""Variables of the environment, and the socket that two of them name.

What is wrong with one is said in one sentence, and the exit code is 2.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import NoReturn


def stop(sentence: str) -> NoReturn:
    """Say what is wrong and how to mend it, and end the program."""
    print(f"error: {sentence}", file=sys.stderr)
    raise SystemExit(2)


def whole(name: str, default: int, most: int = 10**12, least: int = 0) -> int:
    """A whole number from ``least`` to ``most``."""
    text = os.environ.get(name, "") or str(default)
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        stop(f"{name} is {text!r}, but it must be a whole number from {least} to {most:,}, such as {name}={default}.")
    return number


def real(name: str, default: float, most: float) -> float:
    """A number from 0 to ``most``."""
    text = os.environ.get(name, "") or str(default)
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        stop(f"{name} is {text!r}, but it must be a number from 0 to {most:g}, such as {name}={default:g}.")
    return number


def share(name: str, default: float) -> float:
    """A number above 0 and below 1."""
    number = real(name, default, most=1)
    if not 0 < number < 1:
        stop(f"{name} is {number:g}, but it must be a number above 0 and below 1, such as {name}={default:g}.")
    return number


def listen(host: str, port: int) -> socket.socket:
    """The socket that requests come to."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror  # not of a name
        stop(
            f"{host}:{port} cannot be listened on ({reason}): end the program that does, or choose another port with "
            f"PORT={port % 65535 + 1}, or another address of this machine with HOST."
        )
