"""A made-up result that strains a report: 100 classes with awkward names, 200 trials of all kinds, a winner without a
curve, no baseline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.helpers.results.sample_result import LITE, SAMPLE, VGG
from tests.helpers.results.sample_trials import SOLVED, WINNER
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Confusion, Histories, Mistake, TrialRow
from tlsearch.types import TrialResult

NAMES = (
    "<script>alert('x')</script>",
    "a_class_name_that_is_so_long_that_it_can_not_possibly_fit_into_any_table_or_chart_without_being_broken",
    "платье",
    "帽子",
    "cost in $ and $",
    *(f"class {number:03}" for number in range(5, 100)),
)
LONG_PATH = "a_very_long_folder_name_" * 5 + "/file_" + "0123456789" * 8 + ".jpg"


def _trials(generator: np.random.Generator) -> tuple[TrialRow, ...]:
    rows = []
    for number in range(1, 201):
        base = WINNER if number % 3 else SOLVED
        frozen = int(generator.integers(0, base.depth + 1))
        spec = replace(
            base, freeze_depth=frozen if base is WINNER else base.depth, steps=number,
            units=int(generator.choice([0, 64, 256, 1024])) if base is WINNER else 0,
            strength=float(generator.choice([0.25, 0.5, 1.0])) if base is WINNER else 0.0,
        )  # fmt: skip
        value = float(np.clip(0.7 + 0.01 * frozen + generator.normal(0, 0.05), 0, 1))
        state = ("failed", "pruned", "timed_out", "complete", "complete", "complete")[number % 6]
        metrics = {"objective": value - 0.1} if state in ("pruned", "timed_out") and number % 7 else {}
        reason = {"failed": "the loss is not finite in epoch 3", "pruned": "worse than the median", "timed_out": "late"}
        rows.append(
            TrialRow.of(
                number, "trial",
                TrialResult(
                    spec=spec, state=state,  # type: ignore[arg-type]  # states
                    value=value if state == "complete" else None, seconds=float(generator.uniform(2, 90)),
                    metrics=metrics, reason=reason.get(state, ""),
                ),
            )
        )  # fmt: skip
    best = max(
        (row for row in rows if row.value is not None and row.spec.is_linear_probe), key=lambda row: row.value or 0
    )
    return tuple(replace(row, number=0) if row is best else row for row in rows)


def large_result() -> RunResult:
    """The same every time."""
    generator = np.random.default_rng(0)
    matrix = np.diag(generator.integers(3, 12, 100)) + (generator.random((100, 100)) < 0.03)
    trials = _trials(generator)
    won = next(row for row in trials if row.number == 0)
    return replace(
        SAMPLE,
        dataset=replace(
            SAMPLE.dataset, path="/data/" + "very-long-name-" * 8, classes=NAMES,
            counts={part: dict.fromkeys(NAMES, n) for part, n in (("train", 60), ("val", 12), ("test", 12))},
        ),
        winner=replace(SAMPLE.winner, label=won.label, spec=won.spec),
        baseline=None, gain=None, from_scratch=(),
        trials=trials,
        confusion=Confusion(NAMES, tuple(tuple(int(n) for n in row) for row in matrix)),
        histories=Histories((), (), SAMPLE.histories.trials),
        mistakes=tuple(
            Mistake(path=LONG_PATH, true=NAMES[n % 5], predicted=NAMES[1], probability=0.9) for n in range(24)
        ),
        profile={LITE: SAMPLE.profile[LITE], VGG: SAMPLE.profile[VGG], "my-own-network@" + "weights-" * 9: SAMPLE.profile[VGG]},  # noqa: E501 - a name
    )  # fmt: skip
