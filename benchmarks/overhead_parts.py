"""Where a process spends its time, told from outside: its main thread's stack is looked at every few milliseconds.

Nothing of what is watched is changed or wrapped. Each look is counted with the time since the last one, for the part
whose rule comes first among those that match a frame of the stack. Times are ``time.monotonic``, which on one machine
all processes share.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

PERIOD = 0.002
"""Seconds between two looks."""

FOLDER_VARIABLE = "TLSEARCH_BENCHMARK_PARTS"
"""Names the folder in which a watched worker leaves what was seen."""

WAITING = "waiting for the other process"
RENEWING = "starting a new worker"
MESSAGES = "messages to and from the worker"
IMPORTS = "<frozen importlib._bootstrap>"


class Rule(NamedTuple):
    """Frames of files whose path contains ``path``, of these ``functions`` or, where none is named, of all."""

    part: str
    path: str
    functions: tuple[str, ...] = ()


class Segment(NamedTuple):
    """A time in which one part was seen at every look."""

    start: float
    end: float
    part: str


PARENT = (
    Rule("MLflow", "/mlflow/"),
    Rule("MLflow", "/tlsearch/tracking/"),
    Rule("Optuna", "/optuna/"),
    Rule("rest of the parent", "/search/execute.py", ("on_event",)),
    Rule(RENEWING, "/tlsearch/worker_client.py", ("start", "_end")),
    Rule(WAITING, "/tlsearch/worker_client.py", ("_exchange",)),
    Rule("rest of the parent", ""),
)

TRIAL = (
    Rule("trace", "/polymorphic_function/tracing_compilation.py", ("_create_concrete_function",)),
    Rule("solve", "/training/solve.py"),
    Rule("store reads", "/tlsearch/features/"),
    Rule("validate", "/keras/src/", ("predict_on_batch", "evaluate")),
    Rule("validate", "/training/", ("probabilities",)),
    Rule("train", "/keras/src/", ("train_on_batch", "fit")),
    Rule("train", "/training/", ("run_round",)),
    Rule("build", "/keras/src/"),
    Rule("build", "/training/compiled.py"),
    Rule("build", "/training/network.py"),
    Rule("build", "/training/optimizer.py"),
)

BARE = (*TRIAL, Rule("rest of the trial", ""))

WORKER = (
    Rule(WAITING, "/tlsearch/worker.py", ("emit",)),
    Rule(RENEWING, IMPORTS),
    Rule(RENEWING, "/training/jobs.py", ("open_pool", "_network")),
    Rule("keeping the best models", "/training/jobs.py", ("save", "keep_head")),
    *TRIAL,
    Rule("rest of the trial", "/training/"),
    Rule(WAITING, "/tlsearch/worker.py", ("serve",)),
    Rule(RENEWING, ""),
)

PARTS = tuple(dict.fromkeys(rule.part for rule in (*TRIAL, *BARE, *WORKER, *PARENT) if rule.part != WAITING))
"""All parts in the order in which a table shows them, but for the messages."""


class Watch:
    """Looks at the thread that made it, from ``start`` until ``stop``, which gives what was seen."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._thread_id = threading.get_ident()
        self._known: dict[CodeType, int] = {}
        self._segments: list[Segment] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="benchmark-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> list[Segment]:
        """ImageFingerprint no more; gives the segments in their order."""
        self._ended.set()
        self._thread.join()
        return self._segments

    def _look(self) -> None:
        last = time.monotonic()
        while not self._ended.wait(PERIOD):
            now = time.monotonic()  # before the look: what is seen has not ended by then
            frame = sys._current_frames().get(self._thread_id)
            if frame is not None:
                self._add(last, now, self._part(frame))
            last = now

    def _add(self, start: float, end: float, part: str) -> None:
        before = self._segments[-1] if self._segments else None
        if before is not None and before.part == part and before.end == start:
            self._segments[-1] = before._replace(end=end)
        else:
            self._segments.append(Segment(start, end, part))

    def _part(self, innermost: FrameType) -> str:
        first = len(self._rules)
        frame: FrameType | None = innermost
        while frame is not None:
            first = min(first, self._place(frame.f_code))
            frame = frame.f_back
        return self._rules[first].part if first < len(self._rules) else "unknown"

    def _place(self, code: CodeType) -> int:
        """The first rule that a frame with this code matches."""
        place = self._known.get(code)
        if place is None:
            matching = (
                number
                for number, rule in enumerate(self._rules)
                if rule.path in code.co_filename and (not rule.functions or code.co_name in rule.functions)
            )
            place = self._known[code] = next(matching, len(self._rules))
        return place


def seconds_by_part(segments: Sequence[Segment], windows: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Seconds of each part within the ``windows`` (start, end); both in order and without overlap."""
    found: dict[str, float] = {}
    first = 0
    for segment in segments:
        while first < len(windows) and windows[first][1] <= segment.start:
            first += 1
        for start, end in windows[first:]:
            if start >= segment.end:
                break
            inside = min(segment.end, end) - max(segment.start, start)
            found[segment.part] = found.get(segment.part, 0.0) + inside
    return found


def joined(
    parent: Sequence[Segment], workers: Iterable[Sequence[Segment]], start: float, end: float
) -> dict[str, float]:
    """The parts of the time from ``start`` to ``end`` in the parent and its workers, whose sum is that time.

    What the parent waits for its workers is told apart by what they do meanwhile; the rest of it goes into messages,
    waking up and starting the interpreter.
    """
    found = seconds_by_part(parent, [(start, end)])
    waited = found.pop(WAITING, 0.0)
    waits = [(max(s.start, start), min(s.end, end)) for s in parent if s.part == WAITING]
    waits = [(begin, until) for begin, until in waits if begin < until]
    for worker in workers:
        for part, seconds in seconds_by_part(worker, waits).items():
            if part != WAITING:
                found[part] = found.get(part, 0.0) + seconds
                waited -= seconds
    found[MESSAGES] = waited
    return found


def watch_workers(folder: Path) -> dict[str, str]:
    """What to add to the environment so that every worker which is started is watched; ``folder`` is made.

    Python imports ``sitecustomize`` from the path when it starts, which is how the watch gets into a worker.
    """
    site = folder / "site"
    site.mkdir(parents=True)
    (site / "sitecustomize.py").write_text("import overhead_parts\n\noverhead_parts.watch_this_worker()\n", "utf-8")
    path = [str(site), str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(path), FOLDER_VARIABLE: str(folder)}


def watch_this_worker() -> None:
    """Watch this process until it ends, if it is a worker."""
    if "tlsearch.worker" not in sys.orig_argv:
        return
    watch = Watch(WORKER)
    watch.start()
    target = Path(os.environ[FOLDER_VARIABLE]) / f"worker-{os.getpid()}.json"
    atexit.register(lambda: target.write_text(json.dumps(watch.stop()), encoding="utf-8"))


def read_workers(folder: Path) -> list[list[Segment]]:
    """What was seen of each worker."""
    return [
        [Segment(*item) for item in json.loads(file.read_text(encoding="utf-8"))]
        for file in sorted(folder.glob("worker-*.json"))
    ]
