"""Memory of a long search: samples are taken where trials begin, growth is counted, and a quick run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.common.results import Result
from benchmarks.robustness import memory
from tlsearch.callbacks import TrialInfo
from tlsearch.types import Candidate, Role, TrialSpec

Quick = Callable[..., Result]


def make_samples(count: int) -> list[memory.Sample]:
    """A worker that grows by 10 MB a trial and is renewed every ten; one that waits before that."""
    return [
        memory.Sample(n + 1, parent=100.0 + n, worker=500.0 + 10 * (n % 10), waiting=200.0 if n % 10 == 9 else 0.0)
        for n in range(count)
    ]


def test_growth_is_counted_from_the_twentieth_trial() -> None:
    # Trial 20 needs 119 + 590 MB; trial 40 needs 20 MB more.
    assert memory.growth(make_samples(40)) == 20.0
    assert memory.growth(make_samples(20)) == 0.0


def test_blocks_are_of_twenty_trials() -> None:
    first, second, last = memory.blocks_of(
        make_samples(45), ["feature_extraction", "fine_tuning"] * 22 + ["fine_tuning"]
    )
    assert (first["first"], first["last"], second["first"], last["last"]) == (1, 20, 21, 45)
    assert (first["tuned"], last["tuned"]) == (10, 3)
    assert (first["parent"], first["worker"], first["mean"]) == (110, 545, 654)
    assert (first["at_most"], first["at_most_with_waiting"]) == (709, 909)


def test_a_sample_is_taken_where_a_trial_of_the_search_begins() -> None:
    candidate = Candidate(backbone="stub", weights="random", weights_file=None, weights_id="id", image_size=32, depth=3)
    spec = TrialSpec(backbone="stub", weights="random", image_size=32, depth=3, freeze_depth=3)
    roles: list[tuple[int, Role]] = [(0, "baseline"), (1, "trial"), (2, "trial"), (0, "confirmation")]
    watch = memory.Watch()
    for number, role in roles:
        watch.on_trial_begin(TrialInfo(number=number, role=role, name="", spec=spec, candidate=candidate))
    assert [sample.trial for sample in watch.samples] == [1, 2]
    assert all(sample.parent > 10 for sample in watch.samples)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("stub")
def test_a_quick_run(quick: Quick) -> None:
    figures = quick(memory.main, "--backbone", "stub").figures
    assert figures["trials"] == len(figures["worker_megabytes"]) == 21
    assert [(block["first"], block["last"]) for block in figures["blocks"]] == [(1, 20), (21, 21)]
    assert all(50 < megabytes < 3000 for megabytes in figures["worker_megabytes"])
    assert figures["growth_megabytes"] < 500
