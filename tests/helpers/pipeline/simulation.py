"""A search whose trials are made up: their value is a function of their spec."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

import optuna

from tests.helpers.pipeline.made_up import LITE, VGG, make_costs, make_space
from tlsearch.search.rounds import AskedTrial, RunRound
from tlsearch.search.space import Params
from tlsearch.search.storage import open_study
from tlsearch.search.study import Search
from tlsearch.search.trial_record import TrialRecord
from tlsearch.search.warm_start import FEW_IMAGES, warm_start
from tlsearch.types import Decision, NumberedEpochJudge, State, TrialResult, TrialSpec

SPACE = replace(make_space(), train_images=FEW_IMAGES)  # of fewer the warm start has many more trials
PROFILE = {c: [0.5 + 0.4 * (n == c.depth // 2) for n in range(c.depth)] for c in (LITE, VGG)}
WARM_START = warm_start(SPACE, PROFILE, [LITE, VGG], lambda p: make_costs(SPACE).operations(SPACE.spec(p)), 40)
EPOCHS = 10

RunTrial = Callable[[int, TrialSpec, NumberedEpochJudge], TrialResult]
Rows = list[tuple[int, TrialSpec, str, float | None]]
"""Number, spec, state and value of the trials of a search, in order."""


def hashed(spec: TrialSpec) -> float:
    """0..1, different for every spec."""
    return int.from_bytes(hashlib.sha256(spec.digest.encode()).digest()[:4], "big") / 2**32


def worth(spec: TrialSpec) -> float:
    """A made-up accuracy: suffixes are worth more, best cut in the middle, and nothing is quite alike."""
    middle = 1 - abs(spec.freeze_depth / spec.depth - 0.5)
    return 0.6 + 0.2 * middle * (spec.kind == "fine_tuning") + 0.1 * hashed(spec)


def result(spec: TrialSpec, state: State = "complete", value: float | None = None, reason: str = "") -> TrialResult:
    metrics = {"val_loss": 1 - worth(spec), "val_accuracy": worth(spec)}
    return TrialResult(spec=spec, state=state, value=value, seconds=1.0, metrics=metrics, reason=reason)


def simulated(number: int, spec: TrialSpec, judge: NumberedEpochJudge) -> TrialResult:
    """A trial without a network: its curve rises to its worth; some fail and the budget cuts some."""
    if hashed(spec) < 0.1:
        return result(spec, "failed", reason="out of luck")
    epochs = 0 if spec.is_linear_probe else EPOCHS
    for done in range(1, epochs + 1):
        share = done / epochs
        if judge(done, {"fraction": share, "objective": worth(spec) - 0.3 * (1 - share)}) is Decision.PRUNE:
            return result(spec, "pruned", reason="worse than the median")
        if hashed(spec) > 0.75 and done == 7:
            return result(spec, "timed_out", reason="its time ended")
    return result(spec, value=worth(spec))


def open_search(
    file: Path | None,
    may_run: Callable[[TrialSpec], bool] = lambda _: True,
    affordable: Callable[[TrialSpec], bool] = lambda _: True,
    entries: Sequence[Params] = WARM_START,
    seed: int = 0,
    round_size: int = 1,
) -> Search:
    """A search whose study lies in ``file``, or in memory."""
    study = optuna.create_study(direction="maximize")
    if file is not None:
        study = open_study("s", file.parent, f"sqlite:///{file}")
    space = replace(SPACE, seed=seed)
    search = Search(study, space, make_costs(space), may_run, affordable, round_size)
    search.begin_with(entries)
    return search


def nothing(_: TrialRecord) -> None:
    """Nobody wants to know."""


def in_turn(run_trial: RunTrial) -> RunRound:
    """Give what runs the trials of a round one after the other: each is told before the next one begins."""

    def run_round(asked: Sequence[AskedTrial]) -> Generator[TrialResult | None, None, None]:
        for item in asked:
            yield run_trial(item.number, item.spec, item.judge)

    return run_round


def run(search: Search, trials: int, run_trial: RunTrial = simulated) -> Rows:
    """Run until ``trials`` are finished; what there is then, in order."""
    search.run(trials, in_turn(run_trial), nothing)
    return [(f.number, f.spec, f.state, f.value) for f in search.finished]
