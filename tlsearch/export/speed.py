"""How long an exported file takes for an image, on this machine."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlsearch.export.contract import Format, Runner
from tlsearch.utils.machine import usable_cores

BATCHES = (1, 32)
MOST_SECONDS = 1.0
"""A case is repeated for so long, but for its first three times."""

FEWEST, MOST = 3, 30


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Milliseconds that an image takes in a batch of ``batch``; ``threads`` None means those of this process."""

    threads: int | None
    batch: int
    ms_per_image: float


def measure(form: Format, path: Path, side: int) -> tuple[Timing, ...]:
    """Time a file with one thread and with one for each core, alone and in a batch."""
    threads: list[int | None] = [None]
    if form.threaded:
        threads = list(dict.fromkeys([1, usable_cores()]))
    found = []
    for count in threads:
        runner = form.open(path, count)
        found += [
            Timing(threads=count, batch=size, ms_per_image=1000 * seconds_of(runner, size, side) / size)
            for size in BATCHES
        ]
    return tuple(found)


def seconds_of(runner: Runner, batch: int, side: int) -> float:
    """Give the median of the seconds that a batch takes, after one that is not counted."""
    pixels = np.random.default_rng(0).integers(0, 256, (batch, side, side, 3)).astype(np.float32)
    runner(pixels)
    seconds: list[float] = []
    begun = time.perf_counter()
    while len(seconds) < FEWEST or (len(seconds) < MOST and time.perf_counter() - begun < MOST_SECONDS):
        start = time.perf_counter()
        runner(pixels)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def machine() -> str:
    """Name the processor of this machine and the cores that this process may use."""
    import platform

    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    except OSError:  # another system than Linux
        pass
    return f"{name}, {usable_cores()} cores, {sys.platform}"
