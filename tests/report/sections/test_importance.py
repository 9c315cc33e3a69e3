"""What the charts of the trials compare: scores of the same images alone."""

from __future__ import annotations

from dataclasses import replace

from tests.helpers.results.sample_result import SAMPLE
from tlsearch.report.sections.importance import importance


def test_a_network_from_scratch_with_other_folds_than_the_trials_is_in_no_chart() -> None:
    assert SAMPLE.baseline is not None
    folds, trials = replace(SAMPLE.plan, folds=5), tuple(replace(row, folds=5) for row in SAMPLE.trials)
    other = importance(replace(SAMPLE, plan=folds, trials=trials, baseline=replace(SAMPLE.baseline, val_folds=1)))
    assert "from scratch" not in [key.label for key in other.shown["scatter_keys"]]
    assert (
        "The network from scratch is in no chart: its score (fold 1 of 5) is one of other images."
        in (other.shown["scatter_caption"])
    )
    first = tuple(replace(row, folds=1 + 4 * (row.number == 1), value_on_shared_folds=row.value) for row in trials)
    for shown in (
        replace(SAMPLE, plan=folds, trials=trials, baseline=replace(SAMPLE.baseline, val_folds=5)),
        replace(SAMPLE, plan=folds, trials=first, baseline=replace(SAMPLE.baseline, val_folds=1)),
    ):
        section = importance(shown)
        assert "from scratch" in [key.label for key in section.shown["scatter_keys"]]
        assert "in no chart" not in section.shown["scatter_caption"]
