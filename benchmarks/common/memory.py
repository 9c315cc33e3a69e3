"""Anonymous resident memory (RssAnon) of processes.

Memory-mapped features are not counted, for the system can drop their pages at any time.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import psutil

SAMPLE_SECONDS = 0.5


def watch_memory(process: subprocess.Popen[bytes]) -> int:
    """The peak of the process tree's anonymous memory in bytes, until the process ends."""
    peak = 0
    while process.poll() is None:
        try:
            parent = psutil.Process(process.pid)
            peak = max(peak, sum(anonymous_bytes(p.pid) for p in [parent, *parent.children(recursive=True)]))
        except psutil.NoSuchProcess:
            pass
        time.sleep(SAMPLE_SECONDS)
    return peak


def anonymous_bytes(pid: int) -> int:
    """RssAnon of a process in bytes; 0 where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")), 0)
