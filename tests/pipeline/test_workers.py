"""Workers of two kinds as a run settles them: where heads have workers of their own, and what a later attempt keeps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.test_room import Rays, node
from tests.helpers.pipeline.contexts import Heard, make_context
from tests.worker.test_side_by_side import Fake
from tlsearch.cluster.cluster import RayCluster
from tlsearch.config import CONFIG_NAME, RunConfig
from tlsearch.errors import UsageError
from tlsearch.pipeline import workers as pipeline_workers
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.workers import cluster_of, settle_known, settle_workers
from tlsearch.runs.workers import WorkerPlan
from tlsearch.worker.pool import WorkerPool

GB = 1e9
BOTH = (node("a", 4, gpus=2), node("b", 8))
WITH_GPU = BOTH[:1]


class Opened(RayCluster):
    """A cluster that gets its nodes from a test and waits for nobody."""

    listed: Any = ()

    def room(self, workers: int | None, *, apart: bool | None = None) -> int:
        self._ray = Rays(self.listed)
        return super().room(workers, apart=apart)

    def take(self, count: int, *, all_of_them: bool) -> int:
        return count

    def check(self, folders: Any) -> None:
        """All is well."""

    def nodes(self) -> int:
        return len(self.listed)


def context_on(folder: Path, nodes: Any, heard: Heard, **options: Any) -> RunContext:
    """The context of a run on nodes; None for one on this machine."""
    where = {} if nodes is None else {"cluster": "auto", "gpus_per_worker": 1.0}
    context = make_context(folder, Fake(), heard=heard, **{**where, **options})
    context.output.mkdir(exist_ok=True)
    cluster = cluster_of(context.config, folder / "worker.log")
    if cluster is None:
        return context
    opened = Opened(cluster.request, cluster.log)
    opened.listed = nodes

    def make() -> Any:
        opened.worker()
        return Fake()

    return replace(context, cluster=opened, pool=WorkerPool(make, Fake))


def settled(context: RunContext) -> WorkerPlan:
    settle_known(context)
    return settle_workers(context, 2000)


@pytest.mark.parametrize(
    ("nodes", "options", "plan", "solvers", "said"),
    [
        (BOTH, {}, WorkerPlan(8, 1, solve_apart=True), 2, "4 workers, 2 of them with a GPU, on 2 nodes"),
        (BOTH, {"workers": 3}, WorkerPlan(6, 1, solve_apart=True), 1, "3 workers, 2 of them with a GPU, on 2 nodes"),
        (BOTH, {"workers": 9, "round_size": 3}, WorkerPlan(3, 1, solve_apart=True), 1, "3 workers, 2 of them with a"),
        (BOTH, {"workers": 2}, WorkerPlan(4, 1), 0, "2 workers, all with a GPU, on 2 nodes"),
        (BOTH, {"workers": 2, "solve_apart": True}, WorkerPlan(4, 1, solve_apart=True), 1, "2 workers, 1 of them with"),
        (BOTH, {"solve_apart": False}, WorkerPlan(4, 1), 0, "2 workers, all with a GPU, on 2 nodes"),
        (BOTH, {"cache_limit": 0}, WorkerPlan(4, 1), 0, "2 workers, all with a GPU, on 2 nodes"),
        (BOTH, {"gpus_per_worker": None}, WorkerPlan(24, 1), 0, "12 workers on 2 nodes"),
        (WITH_GPU, {}, WorkerPlan(4, 1), 0, "2 workers, all with a GPU, on 1 node"),
        (WITH_GPU, {"workers": 1, "threads": 2}, WorkerPlan(1, 2), 0, "1 worker, with a GPU, on 1 node"),
    ],
)
def test_where_heads_have_workers_of_their_own(
    nodes: Any, options: dict[str, Any], plan: WorkerPlan, solvers: int, said: str, tmp_path: Path
) -> None:
    heard = Heard()
    context = context_on(tmp_path, nodes, heard, **options)
    assert settled(context) == plan
    assert context.pool.solvers == solvers
    assert heard.lines[-1][1].startswith(said)
    kept = RunConfig.from_toml(context.output / CONFIG_NAME)
    assert kept.solve_apart is (None if "gpus_per_worker" in options else plan.solve_apart)


def test_a_run_keeps_what_it_began_with(tmp_path: Path) -> None:
    first = context_on(tmp_path, WITH_GPU, Heard())
    assert not settled(first).solve_apart
    later = context_on(tmp_path, BOTH, Heard())  # a node without a GPU has come
    assert not settled(later).solve_apart
    assert later.pool.solvers == 0
    assert not settled(context_on(tmp_path, None, Heard(), solve_apart=False)).solve_apart  # here, as without GPUs


@pytest.mark.parametrize(
    ("nodes", "options", "said"),
    [
        (None, {}, r"fits heads on workers without a GPU .* \(--solve-apart\): name a cluster that has both"),
        (BOTH, {"gpus_per_worker": None}, "name a cluster that has both with --cluster and --gpus-per-worker"),
        (WITH_GPU, {}, "needs a worker of either kind, .* has room for 2 with a GPU and 0 without one: add the nodes"),
        (BOTH, {"workers": 1}, r"ask for at least two workers \(--workers"),
    ],
)
@pytest.mark.parametrize("known", ["checkpoint", "run.toml"])
def test_with_one_kind_a_run_that_began_with_both_is_refused(
    nodes: Any, options: dict[str, Any], said: str, known: str, tmp_path: Path
) -> None:
    if known == "checkpoint":
        assert settled(context_on(tmp_path, BOTH, Heard())).solve_apart
    else:
        options = {**options, "solve_apart": True}
    with pytest.raises(UsageError, match=said):
        settle_known(context_on(tmp_path, nodes, Heard(), **options))


def test_it_goes_on_with_fewer_of_either_kind(tmp_path: Path) -> None:
    plan = settled(context_on(tmp_path, BOTH, Heard()))
    heard = Heard()
    later = context_on(tmp_path, BOTH, heard, workers=2)
    assert settled(later) == plan
    assert (len(later.pool.workers), later.pool.solvers) == (2, 1)
    assert heard.lines[-1][1].startswith("2 workers, 1 of them with a GPU, on 2 nodes")
    assert heard.lines[-1][1].endswith("trials in rounds of 8")
    assert pipeline_workers._kept(later) == plan


@pytest.mark.parametrize(
    ("first", "later", "said"),
    [
        ({"workers": 1}, {"workers": 3}, "has 1 worker: its trials are asked for one at a time (--round-size), which"),
        ({"workers": 2}, {"workers": 8}, "has 4 workers: its trials are asked for 4 at a time (--round-size), which a"),
        ({"workers": 2}, {"workers": 3, "memory": 1_300_000_000}, "has 2 workers: each may take 600MB or more of the"),
        ({"workers": 2}, {"workers": 3}, None),
        ({"workers": 2}, {"workers": "auto"}, None),
        ({"workers": 4, "round_size": 2}, {"workers": 1}, None),
    ],
)
def test_workers_that_a_run_has_no_use_for_are_named(
    first: dict[str, Any], later: dict[str, Any], said: str | None, tmp_path: Path
) -> None:
    plan = settled(context_on(tmp_path, None, Heard(), **first))
    heard = Heard()
    assert settled(context_on(tmp_path, None, heard, **later)) == plan
    assert len(heard.warnings) == (said is not None)
    if said is not None:
        assert said in heard.warnings[0]
        assert heard.warnings[0].startswith(f"--workers is {later['workers']}, but this run ")
