"""Into which parts the time of a trial falls, and how a worker process is watched for them.

Rules name modules of tlsearch, Keras, TensorFlow, Optuna and MLflow; a test checks that those of tlsearch exist.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.speed.stack_sampler import Rule, Sampler, Segment, seconds_by_part

FOLDER_VARIABLE = "TLSEARCH_BENCHMARK_PARTS"
"""Names the folder in which a watched worker leaves what was seen."""

WAITING = "waiting for the other process"
RENEWING = "starting a new worker"
MESSAGES = "messages to and from the worker"

_ROOT = Path(__file__).parents[2]

PARENT = (
    Rule("MLflow", "mlflow"),
    Rule("MLflow", "tlsearch.tracking"),
    Rule("Optuna", "optuna"),
    Rule("rest of the parent", "tlsearch.pipeline.trial", ("__call__",)),
    Rule(RENEWING, "tlsearch.worker.client", ("start", "_end")),
    Rule(WAITING, "tlsearch.worker.client", ("_exchange",)),
    Rule("rest of the parent", ""),
)

TRIAL = (
    Rule("trace", "tensorflow.python.eager.polymorphic_function.tracing_compilation", ("_create_concrete_function",)),
    Rule("solve", "tlsearch.training.linear_head"),
    Rule("store reads", "tlsearch.features"),
    Rule("validate", "keras.src", ("predict_on_batch", "evaluate")),
    Rule("validate", "tlsearch.training", ("probabilities",)),
    Rule("train", "keras.src", ("train_on_batch", "fit")),
    Rule("train", "tlsearch.training", ("run_epoch",)),
    Rule("build", "keras.src"),
    Rule("build", "tlsearch.training.compiled"),
    Rule("build", "tlsearch.models.build"),
    Rule("build", "tlsearch.models.heads"),
    Rule("build", "tlsearch.training.optimizer"),
)

BARE = (*TRIAL, Rule("rest of the trial", ""))

WORKER = (
    Rule(WAITING, "tlsearch.worker", ("emit",)),
    Rule(RENEWING, "_frozen_importlib"),
    Rule(RENEWING, "tlsearch.worker.handlers", ("open_pool",)),
    Rule(RENEWING, "tlsearch.worker.state", ("network",)),
    Rule("keeping the best models", "tlsearch.worker.models.save", ("save_model", "save_fitted_head")),
    *TRIAL,
    Rule("rest of the trial", "tlsearch.training"),
    Rule(WAITING, "tlsearch.worker", ("serve",)),
    Rule(RENEWING, ""),
)

PARTS = tuple(dict.fromkeys(rule.part for rule in (*TRIAL, *BARE, *WORKER, *PARENT) if rule.part != WAITING))
"""All parts in the order in which a table shows them, but for the messages."""


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

    Python imports ``sitecustomize`` from the path when it starts, which is how the sampler gets into a worker.
    """
    site = folder / "site"
    site.mkdir(parents=True)
    code = "from benchmarks.speed.overhead_parts import watch_this_worker\n\nwatch_this_worker()\n"
    (site / "sitecustomize.py").write_text(code, "utf-8")
    path = [str(site), str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(path), FOLDER_VARIABLE: str(folder)}


def watch_this_worker() -> None:
    """Watch this process until it ends, if it is a worker."""
    if "tlsearch.worker" not in sys.orig_argv:
        return
    sampler = Sampler(WORKER)
    sampler.start()
    target = Path(os.environ[FOLDER_VARIABLE]) / f"worker-{os.getpid()}.json"
    atexit.register(lambda: target.write_text(json.dumps(sampler.stop()), encoding="utf-8"))


def read_workers(folder: Path) -> list[list[Segment]]:
    """What was seen of each worker."""
    return [
        [Segment(*item) for item in json.loads(file.read_text(encoding="utf-8"))]
        for file in sorted(folder.glob("worker-*.json"))
    ]
