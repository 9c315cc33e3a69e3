"""What the worker writes into its log: for whoever wrote the code, and never a reason to end."""

from __future__ import annotations

import io
import os
import sys


def log(text: str) -> None:
    """Write a text to standard error, which is the worker's log. On a disk that is full it is lost.

    Without a buffer: what could not be written would be tried again, and fail, wherever the next text is printed.
    """
    try:
        os.write(sys.stderr.fileno(), f"{text}\n".encode("utf-8", "backslashreplace"))
    except io.UnsupportedOperation:  # a standard error that is no file, as in a notebook
        print(text, file=sys.stderr)
    except (OSError, ValueError):
        return
