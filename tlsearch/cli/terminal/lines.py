"""Text in lines: broken between words and behind the slashes of a path, and never within a name.

A word that is longer than a line stands on a line of its own. A path that is longer is broken behind its slashes, so
that its last part stays whole; an address is not. What is still too long runs over the edge: a terminal shows it in two
lines, and what is copied from there is whole. Where the output is no terminal, nothing is broken.
"""

from __future__ import annotations

import os
import re
import shutil
import sys

_HARD_SPACE = "\ufdd0"  # a code point that Unicode keeps out of every text

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tabs and line feeds

_WORD = re.compile(r"( *)([^ ]+)")
_PART = re.compile(r"[/\\]*[^/\\]+[/\\]*|[/\\]+")


def is_unicode(stream: object) -> bool:
    """Whether a stream, or a console, takes any letter; one that says no encoding does."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf")


def unbroken(text: str) -> str:
    """The text as a word that is not broken at its spaces, until ``plain`` gives them back."""
    return text.replace(" ", _HARD_SPACE)


def plain(text: str) -> str:
    """The text as it is printed: a name in an archive, of whoever made it, cannot command the terminal."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", text.replace(_HARD_SPACE, " "))


def width_of(text: str) -> int:
    """The cells of a terminal that the text takes."""
    text = plain(text)
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # what answers at once does without rich

    return cell_len(text)


def parts(word: str) -> list[str]:
    """The parts of a word that stay whole: those of a path, each with the slash behind it; else the word."""
    return [word] if "://" in word else _PART.findall(word)


def longest_part(text: str) -> int:
    """The cells that the text needs at least, so that no name in it is broken."""
    return max((width_of(part) for word in text.split() for part in parts(word)), default=0)


def wrap(text: str, width: int | None, hanging: str = "") -> list[str]:
    """The text in lines of at most ``width`` cells, as far as its names allow.

    Args:
        text: Line breaks in it stay, and so do the spaces before its first word and between words.
        width: None for lines of any length.
        hanging: Stands before the rest of a line that was broken.

    Returns:
        At least one line. Hard spaces of ``unbroken`` are still in them.
    """
    lines = text.split("\n")
    return lines if width is None else [part for line in lines for part in _wrap_line(line, width, hanging)]


def terminal_width() -> int | None:
    """The width of the terminal that standard output is; None where it is none."""
    is_terminal = sys.stdout.isatty() or os.environ.get("TTY_COMPATIBLE") == "1"  # rich asks the same
    return shutil.get_terminal_size().columns if is_terminal else None


def _wrap_line(line: str, width: int, hanging: str) -> list[str]:
    lines = [""]
    for gap, word in _WORD.findall(line):
        if width_of(lines[-1] + gap + word) <= width:
            lines[-1] += gap + word
            continue
        start = gap if lines == [""] else hanging
        if lines[-1].strip():
            lines.append("")
        lines[-1] = start
        for part in parts(word) if width_of(start + word) > width else [word]:
            if lines[-1].strip() and width_of(lines[-1] + part) > width:
                lines.append(start)
            lines[-1] += part
    return lines
