"""workers: how many processes a run has, before the first of them starts or once the images are known."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tlsearch.callbacks import WorkerInfo
from tlsearch.cluster.cluster import RayCluster
from tlsearch.cluster.room import ClusterRequest
from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.config_values import FEWEST_BYTES
from tlsearch.errors import UsageError
from tlsearch.runs.workers import Machine, WorkerPlan, as_asked, chosen, count_of, memory_limit
from tlsearch.utils.cache_folders import features_dir
from tlsearch.utils.machine import usable_cores, usable_memory
from tlsearch.utils.units import counted, format_size
from tlsearch.worker.pool import WorkerPool
from tlsearch.worker.protocol import FindGpu

if TYPE_CHECKING:
    from tlsearch.pipeline.context import RunContext

SHARED_CAP = 1.5
"""How much longer a trial may take where workers share the cores: on two cores a step takes so much longer in one
thread than in two, and the others go on beside it."""

_KEY = ("workers",)


def settle_known(context: RunContext) -> None:
    """Have the workers that were asked for, or that an earlier attempt at the run had; else one for the time being.

    Raises:
        UsageError: They were to be on a cluster that cannot be used as asked.
    """
    config, machine = _asked(context)
    plan = _kept(context) or as_asked(config, machine)
    if plan is not None:
        _settle(context, config, plan, machine)
    if context.cluster is not None:
        _place(context, context.cluster)


def settle_workers(context: RunContext, images: int) -> WorkerPlan:
    """Choose the workers where that was left open, for so many images, and say what it comes to.

    What trials depend on is written into the run's configuration, so that whoever asks for the same run gets the same.
    No process is started.
    """
    config, machine = _asked(context)

    def choose() -> WorkerPlan:
        plan = as_asked(config, machine)
        if plan is None:
            plan = chosen(config, machine, images)
            if plan != WorkerPlan() and context.worker.send(FindGpu()):
                plan = chosen(config, Machine(cores=machine.cores, memory=machine.memory, gpu=True), images)
        return replace(plan, solve_apart=context.pool.solvers > 0)

    plan: WorkerPlan = context.checkpoint.get_or_compute(_KEY, WorkerPlan, choose)
    _settle(context, config, plan, machine)
    if plan != WorkerPlan():
        has_gpus = context.cluster is not None and context.cluster.request.gpus
        apart = plan.solve_apart if has_gpus else context.config.solve_apart
        settled = replace(context.config, round_size=plan.round_size, threads=plan.threads, solve_apart=apart)
        settled.with_output(context.output).to_toml(context.output / CONFIG_NAME)
        context.callbacks.on_step("plan", _in_words(context, plan))
    if fewer := _why_fewer(context, plan):
        context.callbacks.on_warning(fewer)
    return plan


def _why_fewer(context: RunContext, plan: WorkerPlan) -> str:
    """Why there are fewer workers on this machine than were asked for; empty where there are as many.

    A run that is resumed keeps the size of its rounds, and so may have no use for more workers.
    """
    wanted, count = context.config.workers, len(context.pool.workers)
    if wanted == "auto" or count >= wanted or context.cluster is not None:
        return ""
    asked = f"--workers is {wanted}, but this run has {counted(count, 'worker')}"
    if count == plan.round_size:
        rounds = "one at a time" if count == 1 else f"{count} at a time"
        return f"{asked}: its trials are asked for {rounds} (--round-size), which a run keeps"
    return f"{asked}: each may take {format_size(FEWEST_BYTES)} or more of the memory that all may hold (--memory)"


def _in_words(context: RunContext, plan: WorkerPlan) -> str:
    count, cluster = len(context.pool.workers), context.cluster
    where = "" if cluster is None else f" on {counted(cluster.nodes(), 'node')} of the Ray cluster"
    if cluster is not None and cluster.request.gpus:
        some = f"{cluster.slots.with_gpu} of them" if cluster.slots.without else "all"
        where = f", {'' if count == 1 else f'{some} '}with a GPU,{where}"
    threads = f" with {counted(plan.threads, 'thread')} each" if plan.threads else ""
    rounds = f"; trials in rounds of {plan.round_size}" if plan.round_size > 1 else ""
    return f"{counted(count, 'worker')}{where}{threads}{rounds}"


def trial_cap(context: RunContext) -> float | None:
    """The seconds of training that any one trial may take; None without a time limit."""
    share = context.budget.trial_share()
    return share if share is None or not context.pool.repeats else SHARED_CAP * share


def workers_now(pool: WorkerPool) -> list[WorkerInfo]:
    """What each worker does."""
    found = []
    for number, worker in enumerate(pool.workers, 1):
        now, node = worker.doing()
        info = WorkerInfo(number=number, node=node)
        if now is not None:
            seconds = time.monotonic() - now.since
            info = replace(info, kind=now.kind, subject=now.subject, seconds=seconds)
        found.append(info)
    return found


def cluster_of(config: RunConfig, log: Path) -> RayCluster | None:
    """The cluster that was asked for, which is not connected yet; None for this machine."""
    if config.cluster is None:
        return None
    cpus = config.cpus_per_worker or config.threads or 1
    return RayCluster(ClusterRequest(address=config.cluster, cpus=cpus, gpus=config.gpus_per_worker), log)


def _asked(context: RunContext) -> tuple[RunConfig, Machine]:
    """What was asked for, and the machine; a cluster stands for one that has room for exactly so many workers."""
    config, cluster = context.config, context.cluster
    if cluster is None:
        _apart(context)
        return config, Machine(cores=usable_cores(), memory=usable_memory())
    wanted = None if config.workers == "auto" else config.workers
    count = len(context.pool.workers) if cluster.is_open else cluster.room(wanted, apart=_apart(context))
    threads = config.threads or cluster.request.cpus
    return replace(config, workers=count, threads=threads), Machine(cores=count * threads, memory=2**63)


def _kept(context: RunContext) -> WorkerPlan | None:
    """What an earlier attempt at the run has settled."""
    return context.checkpoint.get(_KEY, WorkerPlan)


def _apart(context: RunContext) -> bool | None:
    """Whether what is solved must, or must not, have workers of its own; None for where the cluster has both kinds.

    A run keeps what it began with: the two kinds of processors do not give the same last digits.

    Raises:
        UsageError: It must, and cannot.
    """
    config, kept = context.config, _kept(context)
    apart = config.solve_apart if kept is None else kept.solve_apart
    if apart and (context.cluster is None or not config.gpus_per_worker):
        raise UsageError(
            "The run fits heads on workers without a GPU and does all else on workers with one (--solve-apart): name a "
            "cluster that has both with --cluster and --gpus-per-worker, or leave --solve-apart out in another run."
        )
    if apart is None and not config.cache_limit:
        return False  # no feature is stored: to fit a head all images go through the network
    return apart


def _settle(context: RunContext, config: RunConfig, plan: WorkerPlan, machine: Machine) -> None:
    cluster, count = context.cluster, count_of(config, plan, machine)
    if cluster is not None and count != cluster.slots.count:
        cluster.room(count, apart=_apart(context))
    # Each node of a cluster has memory of its own, which Ray reserves for the workers there.
    unlimited = cluster is not None and config.memory is None
    context.pool.settle(
        count,
        plan.threads,
        repeats=plan.round_size > 1,
        memory=None if unlimited else memory_limit(config, machine),
        solvers=0 if cluster is None else cluster.slots.solvers,
    )


def _place(context: RunContext, cluster: RayCluster) -> None:
    """Wait for the places of the workers, and see that they have and see what this machine has and sees."""
    pool, auto = context.pool, context.config.workers == "auto"
    taken = cluster.take(len(pool.workers), all_of_them=not auto)
    pool.settle(taken, pool.threads, repeats=pool.repeats, memory=pool.memory, solvers=cluster.slots.solvers)
    seen = {"--output": context.work}
    if context.config.shared_cache is None:  # else each node may have a cache folder of its own
        seen["--cache-dir"] = features_dir(context.config.cache_dir)
    cluster.check(seen)
