"""Durations, sizes and counts as people write them."""

from __future__ import annotations

import math
import re

from tlsearch.errors import UsageError

_NUMBER = r"\d+(?:\.\d+)?"
_DURATION = re.compile(rf"(?:(?P<h>{_NUMBER})h)?(?:(?P<m>{_NUMBER})m(?:in)?)?(?:(?P<s>{_NUMBER})s?)?")
_SIZE = re.compile(rf"(?P<number>{_NUMBER})\s*(?P<unit>[kmgt]?i?b?)", re.IGNORECASE)
_LATENCY = re.compile(rf"(?P<number>{_NUMBER})(?P<unit>ms|s)")
_COUNT = re.compile(r"(?P<number>\d{1,3}(?:[_,]\d{3})+|\d+(?:\.\d+)?)\s*(?P<unit>[kmg]?)", re.IGNORECASE)
_FEWEST_BARE_BYTES = 1_000_000
"""A number of bytes without a unit is at least so large: nobody who writes 3 means 3 bytes."""

_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_duration(text: str, name: str = "The duration") -> float:
    """Seconds from ``90s``, ``5m``, ``1h30m``; ``math.inf`` from ``none``, which is no limit.

    Raises:
        UsageError: the text is no duration, or it is zero, or a number without a unit, which people mean differently;
            ``name`` is what the error calls it.
    """
    compact = text.strip().lower().replace(" ", "")
    if compact == "none":
        return math.inf
    if _is_bare(compact):
        raise UsageError(f"{name} is {text!r}, but it must have a unit: write {compact}s, {compact}m or {compact}h.")
    match = _DURATION.fullmatch(compact)
    seconds = 0.0
    if compact and match is not None:
        seconds = sum(float(match[unit] or 0) * size for unit, size in (("h", 3600), ("m", 60), ("s", 1)))
    if seconds <= 0:
        wanted = "a duration above 0, such as 90s, 5m or 1h30m, or none"
        raise UsageError(f"{name} is {text!r}, but it must be {wanted}.")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest text that ``parse_duration`` reads back: ``1h30m``, ``90.5s``, ``none``."""
    if math.isinf(seconds):
        return "none"
    if seconds != int(seconds):
        return f"{float(seconds)!r}s"  # a NumPy number would give its type
    hours, rest = divmod(int(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    return "".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if n)


def parse_latency(text: str, name: str = "The latency") -> float:
    """Seconds from ``20ms`` or ``0.5s``.

    Raises:
        UsageError: the text is none, or it has no unit; ``name`` is what the error calls it.
    """
    compact = text.strip().lower().replace(" ", "")
    if _is_bare(compact):
        raise UsageError(f"{name} is {text!r}, but it must have a unit: write {compact}ms or {compact}s.")
    match = _LATENCY.fullmatch(compact)
    seconds = 0.0 if match is None else float(match["number"]) / (1000 if match["unit"] == "ms" else 1)
    if seconds <= 0:
        raise UsageError(f"{name} is {text!r}, but it must be a time above 0 for one image, such as 20ms or 0.5s.")
    return seconds


def format_latency(seconds: float) -> str:
    """A text that ``parse_latency`` reads back: ``20ms``, ``5s``, ``0.0123456s``."""
    if seconds < 1 and float(f"{seconds * 1000:g}") / 1000 == seconds:
        return f"{seconds * 1000:g}ms"
    return f"{seconds:g}s" if float(f"{seconds:g}") == seconds else f"{float(seconds)!r}s"


def short_duration(seconds: float) -> str:
    """A duration as people say it: ``0.4s``, ``45s``, ``6m 12s``, ``1h 05m``."""
    if 0 <= seconds < 9.95:
        return f"{round(seconds, 1):g}s"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02}m"


def parse_size(text: str, name: str = "The size") -> int:
    """Bytes from ``10GB``, ``500 MB``, ``1.5GiB``, ``5000000``; without an i a unit is a power of 1000.

    Raises:
        UsageError: the text is no size, or a small number without a unit, which people mean differently; ``name`` is
            what the error calls it.
    """
    match = _SIZE.fullmatch(text.strip())
    unit = match["unit"].lower().removesuffix("b") if match else "i"
    base = 1024 if unit.endswith("i") else 1000
    power = _POWERS.get(unit.removesuffix("i"))
    if match is None or power is None or unit == "i":
        raise UsageError(f"{name} is {text!r}, but it must be a size such as 500MB or 10GB, 0 for none.")
    size = int(float(match["number"]) * base**power)
    if not match["unit"] and 0 < float(match["number"]) < _FEWEST_BARE_BYTES:
        number = match["number"]
        raise UsageError(f"{name} is {text!r}, but it must have a unit: write {number}GB or {number}MB, 0 for none.")
    return size


def parse_file_size(text: str, name: str = "The size") -> int:
    """Bytes from ``10MB``, ``900 KB``, ``1.5GiB``; a unit without an i is a power of 1000.

    Raises:
        UsageError: the text is none, or it has no unit; ``name`` is what the error calls it.
    """
    compact = text.strip().replace(" ", "")
    if _is_bare(compact):
        raise UsageError(f"{name} is {text!r}, but it must have a unit: write {compact}KB, {compact}MB or {compact}GB.")
    try:
        size = parse_size(text, name)
    except UsageError:
        size = 0
    if size <= 0:
        raise UsageError(f"{name} is {text!r}, but it must be the size of a file, such as 900KB, 10MB or 1GB.")
    return size


def format_size(size: int) -> str:
    """The shortest text that ``parse_size`` reads back exactly: ``10GB``, ``4096B``."""
    for unit in ("t", "g", "m", "k"):
        whole, rest = divmod(size, 1000 ** _POWERS[unit])
        if whole and not rest:
            return f"{whole}{'k' if unit == 'k' else unit.upper()}B"
    return f"{size}B" if size else "0"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its word: ``1 file``, ``1,200 files``; ``many`` is the plural where an s is not enough."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def parse_count(text: str, name: str = "The number") -> int:
    """A number from ``200M``, ``1.5G``, ``200_000_000``, ``4096``; a unit is a power of 1000.

    Raises:
        UsageError: the text is no such number; ``name`` is what the error calls it.
    """
    match = _COUNT.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{name} is {text!r}, but it must be a number such as 200M, 1.5G or 200_000_000.")
    number = match["number"].replace("_", "").replace(",", "")
    return round(float(number) * float(1000 ** _POWERS[match["unit"].lower()]))


def _is_bare(compact: str) -> bool:
    """Whether a text is a number above 0 without a unit, which people mean differently."""
    return compact.replace(".", "", 1).isdecimal() and float(compact) > 0
