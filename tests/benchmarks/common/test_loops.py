"""The loops that are compared: the same trials on all sides, trained by each, and counted right."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.common.loops import trial_kinds
from benchmarks.common.loops.timing import Stopwatch, Timed, Times, spread_evenly
from benchmarks.common.loops.tlsearch_loop import Sample, TlsearchLoop, first_trials
from benchmarks.speed.lower_bound_parts import Parts, PartsTimer
from benchmarks.speed.vs_plain_loop import measure_tlsearch
from tests.helpers.networks.three_cuts import CANDIDATE, CUTS
from tlsearch.plugins.registry import load_plugin
from tlsearch.types import TrialSpec
from tlsearch.worker.events import EpochEnd, Listener
from tlsearch.worker.protocol import MeasureCandidate, OpenPool, Request, RunTrial

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def draw(trials: int = 40, epochs: int = 10, seed: int = 0) -> dict[str, tuple[TrialSpec, ...]]:
    return trial_kinds.draw_trials(CANDIDATE, CUTS, 3068, trials, epochs, seed)


def test_every_kind_has_different_trials_of_its_kind() -> None:
    kinds = draw()
    assert tuple(kinds) == trial_kinds.KINDS
    for kind, specs in kinds.items():
        assert len(set(specs)) == len(specs) == 40
        assert {trial_kinds.kind_of(spec) for spec in specs} == {kind}
        augmented = "augmented" in kind
        assert {spec.strength for spec in specs} == ({0.25, 0.5, 0.75, 1.0} if augmented else {0.0})
        assert {spec.views for spec in specs} == ({4} if augmented else {1})
        assert {spec.freeze_depth for spec in specs} == ({3} if "frozen" in kind else {2})
        assert {bool(spec.units) for spec in specs} == {False, True}
        assert {spec.steps for spec in specs if not spec.is_linear_probe} == {960}
    suffixes = kinds[trial_kinds.LAST_BLOCK]
    assert sum(spec.units > 0 for spec in suffixes) == 20
    assert len({spec.lr_suffix for spec in suffixes}) > 30
    # All linear probes that differ: two poolings, with four strengths eight.
    assert sum(spec.is_linear_probe for spec in kinds[trial_kinds.FROZEN]) == 2
    assert sum(spec.is_linear_probe for spec in kinds[trial_kinds.FROZEN_AUGMENTED]) == 8


def test_trials_come_from_the_seed_and_longer_lists_go_on() -> None:
    assert draw() == draw()
    assert draw(seed=1) != draw()
    assert all(draw(8)[kind] == specs[:8] for kind, specs in draw().items())
    mixed = trial_kinds.mix(draw(), 0)
    assert sorted(mixed, key=lambda s: s.digest) == sorted(
        (spec for specs in draw().values() for spec in specs), key=lambda s: s.digest
    )
    assert [trial_kinds.kind_of(spec) for spec in mixed[:40]].count(trial_kinds.FROZEN) < 20


@pytest.mark.parametrize(
    ("name", "depth", "cut"), [("vgg16", 10, "block4_pool"), ("efficientnet_lite0", 12, "stage5c")]
)
def test_the_last_block_begins_at_the_stage_end_before_the_last(name: str, depth: int, cut: str) -> None:
    plugin = load_plugin("backbone", name)
    cuts = plugin.cut_points(None)  # both say the same of every model
    assert trial_kinds.last_block(cuts) == depth
    assert cuts[depth - 1].name == cut


def test_a_shorter_measurement_is_scaled_by_its_epochs_only() -> None:
    assert Timed(10.0, 2, 3.0).at(10) == 34.0
    assert Timed(10.0, 10, 3.0).at(10) == 10.0


def test_a_list_takes_what_its_trials_take_and_the_rest_as_those_like_them() -> None:
    frozen, suffixes = draw()[trial_kinds.FROZEN], draw()[trial_kinds.LAST_BLOCK]
    solved = [spec for spec in frozen if spec.is_linear_probe]
    hidden = [spec for spec in frozen if not spec.is_linear_probe]
    times = Times(10, {solved[0]: Timed(2.0, 10, 0.0), hidden[0]: Timed(5.0, 5, 0.5)}, {hidden[1]: Timed(40.0, 5, 9.0)})
    assert times.seconds(solved[1]) == 2.0
    assert times.seconds(hidden[2]) == times.seconds(hidden[0]) == 7.5
    # With its views 40 s for five epochs; the others are as long as those of a trial whose views are stored.
    assert times.seconds(hidden[1]) == 42.5
    assert times.total(frozen) == 2 * 2.0 + 42.5 + 37 * 7.5
    times.typical[suffixes[0]] = Timed(100.0, 10, 9.0)
    assert times.total(suffixes) == 4000.0


def test_both_kinds_of_head_are_measured() -> None:
    specs = draw()[trial_kinds.LAST_BLOCK]
    for count in (2, 5, 8):
        chosen = spread_evenly(specs, count)
        assert len(chosen) == count
        assert abs(sum(bool(spec.units) for spec in chosen) - count / 2) <= 0.5
    assert spread_evenly(specs, 100) == list(specs)
    assert len(spread_evenly(draw()[trial_kinds.FROZEN], 3)) == 3


def test_the_first_trials_need_every_view() -> None:
    mixed = trial_kinds.mix(draw(), 0)
    chosen = list(first_trials(mixed, 4))

    def views(specs: Any) -> set[tuple[str, float, int]]:
        return {(spec.kind, spec.strength, number) for spec in specs for number in range(spec.views)}

    assert views(chosen) == views(mixed)
    assert len(chosen) == 10
    assert [mixed.index(spec) for spec in chosen] == sorted(mixed.index(spec) for spec in chosen)


@pytest.mark.parametrize("strengths", [1, 2, 4])
def test_strengths_that_the_kinds_reach_in_one_order_stand_for_each_other(strengths: int) -> None:
    for seed in range(5):
        mixed = trial_kinds.mix(draw(), seed)
        stands = first_trials(mixed, strengths)

        def order(strength: float, mixed: Any = mixed) -> list[str]:
            return list(dict.fromkeys(trial_kinds.kind_of(spec) for spec in mixed if spec.strength == strength))

        for spec, other in stands.items():
            assert trial_kinds.kind_of(spec) == trial_kinds.kind_of(other)
            assert order(spec.strength) == order(other.strength)
            assert stands[other] == other
        tried = {spec.strength for spec, other in stands.items() if spec == other and spec.strength}
        orders = {tuple(order(strength)) for strength in (0.25, 0.5, 0.75, 1.0)}
        assert min(4, len(orders) * strengths) >= len(tried) >= len(orders)
        assert strengths != 4 or len(tried) == 4


def test_the_first_step_is_no_part_of_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = iter([0.0, 50.0, 51.0, 52.0, 53.0, 60.0, 60.5, 61.0])
    monkeypatch.setattr("benchmarks.common.loops.timing.time.perf_counter", lambda: next(budget))
    watch = Stopwatch()
    callback: Any = watch.callback()
    callback.on_epoch_begin(0, {})
    for batch in range(3):
        callback.on_train_batch_end(batch, {})
    callback.on_test_begin({})
    for batch in range(2):
        callback.on_test_batch_end(batch, {})
    callback.on_epoch_end(0, {})
    assert watch.epoch_seconds() == 3 * 1.0 + 2 * 0.5


class FakeWorker:
    """Replies as the worker does, with a clock of its own: a view takes 10 s, an epoch 1 s, a trial 2 s besides."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.stored, self.trained = 0.0, set[tuple[str, float, int]](), 0
        for module in ("timing", "tlsearch_loop"):
            monkeypatch.setattr(f"benchmarks.common.loops.{module}.time.perf_counter", lambda: self.now)

    def close(self) -> None: ...

    def send(self, request: Request[Any], listener: Listener | None = None) -> Any:
        if isinstance(request, OpenPool):
            self.now += 7.0
            self.stored.clear()
            return None
        if isinstance(request, RunTrial):
            assert listener is not None
            return self._train(request.spec, listener)
        assert isinstance(request, MeasureCandidate)
        return SimpleNamespace(candidate=CANDIDATE, cuts=CUTS, precision="float32")

    def _train(self, spec: TrialSpec, listener: Listener) -> Any:
        self.trained += 1
        self.now += 2.0
        epochs = 0 if spec.is_linear_probe else spec.steps // 96
        for epoch in range(epochs or spec.views):
            view = (spec.kind, spec.strength, epoch % spec.views)
            self.now += 0.0 if view in self.stored else 10.0
            self.stored.add(view)
            if epochs:
                self.now += 1.0
                listener(EpochEnd({}))
        return SimpleNamespace(result=SimpleNamespace(state="complete", reason="", metrics={}))


def fake_loop(monkeypatch: pytest.MonkeyPatch) -> tuple[TlsearchLoop, FakeWorker]:
    worker = FakeWorker(monkeypatch)
    fold = SimpleNamespace(train=tuple(range(3068)), val=tuple(range(3068, 3409)))
    pool = {"pixels": {}, "labels": (), "groups": (), "classes": (), "digest": ""}
    images: Any = SimpleNamespace(train=np.arange(3068), fold=fold, pool=lambda: pool)
    return TlsearchLoop(worker, images, CANDIDATE), worker  # type: ignore[arg-type] # all that is used of it


@pytest.mark.parametrize("more", [2, 5, 40])
@pytest.mark.parametrize(("measured", "strengths"), [(2, 4), (5, 1), (10, 4), (10, 2)])
def test_scaled_times_are_those_of_the_whole_list(
    monkeypatch: pytest.MonkeyPatch, more: int, measured: int, strengths: int
) -> None:
    loop, worker = fake_loop(monkeypatch)
    kinds = draw()
    for kind, solved, views in zip(trial_kinds.KINDS, (2, 8, 0, 0), (1, 16, 1, 16), strict=True):
        totals = loop.measure(kinds[kind], 10, {}, Sample(more, measured, strengths))
        whole = 40 * 2.0 + views * 10.0 + (40 - solved) * 10.0
        # With all trials trained the worker restarts by itself, which this one does not.
        assert totals.seconds == pytest.approx(whole + 7.0 * totals.restarts)
        stored = 40 if views == 1 else 10 * strengths
        assert totals.first + totals.more == min(stored, more + (strengths if views > 1 else 1))
        assert totals.restarts == (0 if totals.first + totals.more > 25 else 1)
    assert worker.trained > 0


def test_the_mixed_list_computes_its_views_itself_and_knows_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, _ = fake_loop(monkeypatch)
    setup: Any = SimpleNamespace(loop=loop, kinds=draw())
    totals = measure_tlsearch(setup, 10, Sample(2, 5, 4), 0)
    mixed = totals[trial_kinds.MIXED]
    assert mixed.seconds == pytest.approx(160 * 2.0 + 34 * 10.0 + 150 * 10.0 + 6 * 7.0)
    assert (mixed.first, mixed.more, mixed.restarts) == (10, 0, 6)


def test_the_lower_bound_counts_each_view_once() -> None:
    kinds = draw()
    setup: Any = SimpleNamespace(kinds=kinds)
    timer = PartsTimer(setup, 10, Sample(2, 2))
    hidden = next(spec for spec in kinds[trial_kinds.FROZEN] if spec.units)
    suffix = next(spec for spec in kinds[trial_kinds.LAST_BLOCK] if spec.units)
    solved = {("avg", 1): 1.0, ("avgmax", 1): 2.0, ("avg", 4): 4.0, ("avgmax", 4): 8.0}
    parts = Parts(
        build_whole=5.0, build_prefix=4.0, whole=30.0, prefix=20.0, view=1.0, precision="float32", solved=solved
    )
    parts.heads[hidden], parts.suffixes[suffix], parts.starts[suffix] = Timed(3, 10, 0.2), Timed(20, 2, 5.0), 2.0
    frozen, frozen_augmented, last, last_augmented = (timer.total(kinds[kind], parts) for kind in trial_kinds.KINDS)
    assert (frozen.build, frozen.render, frozen.forward) == (5.0, 0.0, 30.0)
    assert frozen.train == 1.0 + 2.0 + 38 * 3.0
    assert (frozen_augmented.render, frozen_augmented.forward) == (16.0, 17 * 30.0)
    assert frozen_augmented.train == 4 * (4.0 + 8.0) + 32 * 3.0
    assert (last.render, last.forward) == (0.0, 30.0)
    assert last.train == 3.0 + 40 * 60.0 + 20 * 2.0
    assert (last_augmented.build, last_augmented.forward) == (9.0, 30.0 + 16 * 20.0)
    everything = timer.total(trial_kinds.mix(kinds, 0), parts)
    assert (everything.build, everything.render, everything.forward) == (5.0, 16.0, 17 * 30.0)
    trained = [frozen.train, frozen_augmented.train, last.train, last_augmented.train]
    assert everything.train == sum(trained) - 2 * 3.0
    assert everything.seconds == everything.build + everything.render + everything.forward + everything.train
