"""Texts that people type, and lists of names that they read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def is_utf8(text: str) -> bool:
    """Whether a file in UTF-8 can hold the text, and the system can open it if it is a path."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # what stands for bytes that are no UTF-8
        return False
    return "\0" not in text


def nearest(key: str, known: Sequence[str]) -> str:
    """What to say of an unknown key: the known one that is most like it, else all of them."""
    near = difflib.get_close_matches(key.replace("-", "_"), known, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else "known keys are " + ", ".join(known) + "."


def some(names: Sequence[str], limit: int = 5) -> str:
    """``a, b, c and 3 more``."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def choose_plugin(names: Iterable[str]) -> str:
    """What to do where there is no plugin of a name: take one of ``names``, if there are any, or install it."""
    listed = ", ".join(names)
    return f"choose one of {listed}, or install its plugin" if listed else "none is installed: install its plugin"
