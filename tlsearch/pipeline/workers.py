"""workers: how many processes a run has, before the first of them starts or once the images are known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.runs.workers import Machine, WorkerPlan, as_asked, chosen, count_of, memory_limit
from tlsearch.utils.machine import usable_cores, usable_memory
from tlsearch.utils.units import counted
from tlsearch.worker.pool import WorkerPool
from tlsearch.worker.protocol import FindGpu

if TYPE_CHECKING:
    from tlsearch.pipeline.context import RunContext

SHARED_CAP = 1.5
"""How much longer a trial may take where workers share the cores: on two cores a step takes so much longer in one
thread than in two, and the others go on beside it."""

_KEY = ("workers",)


def settle_known(pool: WorkerPool, config: RunConfig, checkpoint: Checkpoint) -> None:
    """Have the workers that were asked for, or that an earlier attempt at the run had; else one for the time being."""
    machine = _machine()
    plan = checkpoint.get(_KEY, WorkerPlan) or as_asked(config, machine)
    if plan is not None:
        _settle(pool, config, plan, machine)


def settle_workers(context: RunContext, images: int) -> WorkerPlan:
    """Choose the workers where that was left open, for so many images, and say what it comes to.

    What trials depend on is written into the run's configuration, so that whoever asks for the same run gets the same.
    No process is started.
    """
    config, machine = context.config, _machine()

    def choose() -> WorkerPlan:
        plan = as_asked(config, machine)
        if plan is None:
            plan = chosen(config, machine, images)
            if plan != WorkerPlan() and context.worker.send(FindGpu()):
                plan = chosen(config, Machine(cores=machine.cores, memory=machine.memory, gpu=True), images)
        return plan

    plan: WorkerPlan = context.checkpoint.get_or_compute(_KEY, WorkerPlan, choose)
    _settle(context.pool, config, plan, machine)
    if plan != WorkerPlan():
        settled = replace(config, round_size=plan.round_size, threads=plan.threads)
        settled.with_output(context.output).to_toml(context.output / CONFIG_NAME)
        count = len(context.pool.workers)
        threads = f" with {counted(plan.threads, 'thread')} each" if plan.threads else ""
        rounds = f"; trials in rounds of {plan.round_size}" if plan.round_size > 1 else ""
        context.callbacks.on_step("plan", f"{counted(count, 'worker')}{threads}{rounds}")
    return plan


def trial_cap(context: RunContext) -> float | None:
    """The seconds of training that any one trial may take; None without a time limit."""
    share = context.budget.trial_share()
    return share if share is None or not context.pool.repeats else SHARED_CAP * share


def _machine() -> Machine:
    return Machine(cores=usable_cores(), memory=usable_memory())


def _settle(pool: WorkerPool, config: RunConfig, plan: WorkerPlan, machine: Machine) -> None:
    pool.settle(
        count_of(config, plan, machine),
        plan.threads,
        repeats=plan.round_size > 1,
        memory=memory_limit(config, machine),
    )
