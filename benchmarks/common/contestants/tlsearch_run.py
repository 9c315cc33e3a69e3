"""``tlsearch run`` with a time limit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common.contestants.contestant import Contest, Predict, run_contestant


def train(contest: Contest) -> tuple[Predict, str]:
    """Run the command on the training images, with the test images for its own test, and load the model."""
    output = Path(contest.work) / "output"
    command = [sys.executable, "-m", "tlsearch", "run", contest.images, *contest.arguments]
    command += ["--time-limit", f"{contest.seconds:.0f}s", "--seed", str(contest.seed), "--output", str(output)]
    command += ["--cache-dir", str(output.with_name("cache"))]
    command += ["--tracking-uri", f"sqlite:///{output.with_name('mlflow.db')}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    result = json.loads((output / "result.json").read_text(encoding="utf-8"))

    def predict(files: Sequence[Path]) -> list[str]:
        import tlsearch

        return [str(found.label) for found in tlsearch.load(output / "model").predict(files)]

    return predict, str(result["winner"]["label"])


if __name__ == "__main__":
    run_contestant(train)
