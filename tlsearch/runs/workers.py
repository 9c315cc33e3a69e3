"""How a run shares a machine among worker processes: how many trials it asks for at once, and threads for each."""

from __future__ import annotations

from dataclasses import dataclass

from tlsearch.config import RunConfig
from tlsearch.config_values import FEWEST_BYTES

MOST_WORKERS = 4
"""Workers that are chosen at most where nobody asked for more: the trials of a round learn nothing from each other."""

WORKER_BYTES = 1_500_000_000
"""Memory that a worker is given when their number is chosen."""

MEMORY_SHARE = 0.8
"""The share of the machine's memory that all workers together may hold where ``memory`` says nothing else."""

ROUNDS_A_WORKER = 2
"""Trials of a round for each worker: where one of them takes long, the others still have something to do."""

SHORTEST_RUN = 600.0
"""The time limit in seconds below which one worker is chosen: the start of another takes ten seconds of a core."""

FEWEST_CORES = 4
"""Cores below which one worker is chosen. With two, a step of one worker in each of two gains a third in the search;
measuring, the profile, and the making and testing of models then have one core instead of two, and trials of a round
learn nothing from each other."""

FEWEST_TRIALS = 20
FEWEST_IMAGES = 300
"""Trials (where there is no time limit) and images below which one worker is chosen."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a run may use.

    Attributes:
        cores: The number of processor cores.
        memory: The bytes of memory.
        gpu: Whether the backend computes on a GPU.
    """

    cores: int
    memory: int
    gpu: bool = False


@dataclass(frozen=True)
class WorkerPlan:
    """What the trials of a run depend on, and is the same in every attempt at it.

    Attributes:
        round_size: The number of trials that are asked for before any of them is told.
        threads: The threads of a worker; None uses all cores.
        solve_apart: Whether what is solved computes on workers without a GPU, and all else on workers with one.
    """

    round_size: int = 1
    threads: int | None = None
    solve_apart: bool = False


def as_asked(config: RunConfig, machine: Machine) -> WorkerPlan | None:
    """What a run was asked for; None where the number of workers is to be chosen."""
    if config.workers == "auto":
        return None
    return _plan(config, config.workers, machine)


def chosen(config: RunConfig, machine: Machine, images: int) -> WorkerPlan:
    """Choose for a machine and a number of images."""
    limit = config.effective_time_limit
    long = config.effective_trials >= FEWEST_TRIALS if limit is None else limit >= SHORTEST_RUN
    workers = 1
    if long and images >= FEWEST_IMAGES and machine.cores >= FEWEST_CORES and not machine.gpu:
        cores = machine.cores // (config.threads or 1)
        workers = max(1, min(MOST_WORKERS, cores, memory_limit(config, machine) // WORKER_BYTES))
    return _plan(config, workers, machine)


def _plan(config: RunConfig, workers: int, machine: Machine) -> WorkerPlan:
    size = ROUNDS_A_WORKER * workers if workers > 1 else 1
    threads = max(1, machine.cores // workers) if workers > 1 else None
    return WorkerPlan(config.round_size or size, config.threads or threads)


def count_of(config: RunConfig, plan: WorkerPlan, machine: Machine) -> int:
    """The number of workers of this attempt at a run, which decides how fast it is and nothing else."""
    wanted = config.workers
    if wanted == "auto":
        wanted = 1 if plan.threads is None or machine.gpu else machine.cores // plan.threads
    return max(1, min(wanted, plan.round_size, memory_limit(config, machine) // FEWEST_BYTES))


def memory_limit(config: RunConfig, machine: Machine) -> int:
    """The bytes that all workers together may hold."""
    return config.memory or int(MEMORY_SHARE * machine.memory)
