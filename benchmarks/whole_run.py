"""One whole `tlsearch run` as a user starts it: how long it takes, how much memory, and what it finds.

    python benchmarks/whole_run.py examples/clothing --time-limit 5m

Every argument is handed to `tlsearch run`, which starts with an empty cache; with `--output DIR` what it writes is
kept. Prints what the run prints, then a table, then one JSON line. Memory is anonymous resident memory (RssAnon)
summed over the process tree, sampled twice a second: memory-mapped features are not counted, for the system can drop
their pages at any time.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

SAMPLE_SECONDS = 0.5


def main() -> int:
    """Run, measure, print; gives the exit code of the run."""
    with tempfile.TemporaryDirectory(prefix="tlsearch-benchmark-") as folder:
        kept = "--output" in sys.argv
        output = Path(sys.argv[sys.argv.index("--output") + 1]) if kept else Path(folder) / "output"
        command = [sys.executable, "-m", "tlsearch", "run", *sys.argv[1:]]
        command += [] if kept else ["--output", str(output)]
        command += ["--cache-dir", str(Path(folder) / "cache")]
        command += ["--tracking-uri", f"sqlite:///{Path(folder) / 'mlflow.db'}"]
        started = time.monotonic()
        with subprocess.Popen(command) as process:
            peak = watch_memory(process)
        seconds = time.monotonic() - started
        if process.returncode:
            return process.returncode
        result = json.loads((output / "result.json").read_text(encoding="utf-8"))
    report(result, seconds, peak)
    return 0


def watch_memory(process: subprocess.Popen[bytes]) -> int:
    """The peak of the process tree's anonymous memory in bytes, until the process ends."""
    peak = 0
    while process.poll() is None:
        try:
            parent = psutil.Process(process.pid)
            peak = max(peak, sum(anonymous(p.pid) for p in [parent, *parent.children(recursive=True)]))
        except psutil.NoSuchProcess:
            pass
        time.sleep(SAMPLE_SECONDS)
    return peak


def anonymous(pid: int) -> int:
    """RssAnon of a process in bytes; 0 where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")), 0)


def report(result: dict[str, Any], seconds: float, peak: int) -> None:
    """A table for people and a line for programs."""
    figures = {
        "seconds": round(seconds),
        "peak_gigabytes": round(peak / 1e9, 2),
        "trials": sum(row["role"] == "trial" for row in result["trials"]),
        **{
            name: result[name]
            for name in ("winner", "metrics", "linear_probe", "baseline", "gain", "timings", "versions")
        },
        "processor": processor(),
        "cores": psutil.cpu_count(),
    }
    figures["winner"] = figures["winner"]["label"]
    table = Table("figure", "value")
    for name in ("seconds", "peak_gigabytes", "trials", "processor", "cores"):
        table.add_row(name, str(figures[name]))
    for step, spent in result["timings"].items():
        table.add_row(f"seconds of {step}", f"{spent:.1f}")
    Console().print(table)
    print(json.dumps(figures))


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


if __name__ == "__main__":
    sys.exit(main())
