"""How a machine is shared among workers: as asked for, or by the rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tlsearch.config import RunConfig
from tlsearch.runs.workers import Machine, WorkerPlan, as_asked, chosen, count_of, memory_limit

LARGE = 64_000_000_000
TWO_CORES = Machine(cores=2, memory=LARGE)


def asked(**options: Any) -> RunConfig:
    return RunConfig(dataset=Path("images"), **options)


@pytest.mark.parametrize(
    ("options", "cores", "round_size", "threads"),
    [
        ({"workers": 1}, 2, 1, None),  # as without the option: all cores
        ({"workers": 2}, 2, 4, 1),
        ({"workers": 3}, 2, 6, 1),
        ({"workers": 2}, 16, 4, 8),
        ({"workers": 2, "round_size": 2}, 2, 2, 1),
        ({"workers": 1, "round_size": 2, "threads": 1}, 2, 2, 1),
        ({"workers": 4, "threads": 2}, 16, 8, 2),
    ],
)
def test_what_is_asked_for_decides_rounds_and_threads(
    options: dict[str, Any], cores: int, round_size: int, threads: int | None
) -> None:
    plan = as_asked(asked(**options), Machine(cores=cores, memory=LARGE))
    assert plan == WorkerPlan(round_size, threads)


def test_without_a_number_it_is_chosen() -> None:
    assert as_asked(asked(), TWO_CORES) is None


@pytest.mark.parametrize(
    ("options", "machine", "images", "workers"),
    [
        ({}, Machine(cores=8, memory=LARGE), 2000, 4),
        ({}, Machine(cores=16, memory=LARGE), 2000, 4),
        ({}, Machine(cores=8, memory=5_000_000_000), 2000, 2),
        ({"memory": 3_500_000_000}, Machine(cores=8, memory=LARGE), 2000, 2),
        ({}, Machine(cores=8, memory=1_800_000_000), 2000, 1),
        ({}, Machine(cores=8, memory=LARGE, gpu=True), 2000, 1),
        ({}, Machine(cores=4, memory=LARGE), 2000, 4),
        ({}, Machine(cores=3, memory=LARGE), 2000, 1),
        ({}, Machine(cores=8, memory=LARGE), 299, 1),
        ({"time_limit": 300.0}, Machine(cores=8, memory=LARGE), 2000, 1),
        ({"trials": 7}, Machine(cores=8, memory=LARGE), 2000, 1),
        ({"trials": 40}, Machine(cores=8, memory=LARGE), 2000, 4),
    ],
)
def test_several_workers_are_chosen_where_they_pay(
    options: dict[str, Any], machine: Machine, images: int, workers: int
) -> None:
    config = asked(**options)
    plan = chosen(config, machine, images)
    assert count_of(config, plan, machine) == workers
    assert (plan == WorkerPlan()) is (workers == 1)


def test_an_attempt_with_another_number_of_workers_keeps_what_trials_depend_on() -> None:
    plan = WorkerPlan(4, 1)
    assert [count_of(asked(workers=n), plan, TWO_CORES) for n in (1, 2, 3, 9)] == [1, 2, 3, 4]
    assert count_of(asked(), plan, TWO_CORES) == 2  # the cores that there are
    assert count_of(asked(workers=9), plan, Machine(cores=2, memory=1_600_000_000)) == 2  # the memory that there is


def test_workers_hold_four_fifths_of_the_memory_or_what_was_asked_for() -> None:
    assert memory_limit(asked(), Machine(cores=2, memory=10_000)) == 8_000
    assert memory_limit(asked(memory=700_000_000), TWO_CORES) == 700_000_000
