"""The comparisons of loops in small: the same trials on all sides, trained by each, and counted right."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tlsearch.models.cuts import CutInfo
from tlsearch.types import Candidate, TrialSpec
from tlsearch.worker.handlers import Jobs

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import bare_loop  # noqa: E402 - found through the path above
import floor  # noqa: E402
import honesty_shuffled  # noqa: E402
import plain_loop  # noqa: E402
import same_accuracy  # noqa: E402
import tlsearch_loop  # noqa: E402
import trial_kinds  # noqa: E402
import vs_plain_loop  # noqa: E402
from floor_parts import FloorLoop, Parts  # noqa: E402
from loop_images import fewer_images, read_images  # noqa: E402
from loop_timing import Stopwatch, Timed, Times, spread_evenly  # noqa: E402

CANDIDATE = Candidate("stub", "random", None, "id", 32, 3)
CUTS = tuple(CutInfo(f"cut{n}", f"conv{n}", True, (4, 4, 8), "float16", n * 1e6, (f"conv{n}",)) for n in (1, 2, 3))

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
    ("name", "depth", "cut"), [("vgg16", 10, "block4_pool"), ("efficientnet_lite0", 12, "block 10")]
)
def test_the_last_block_begins_at_the_stage_end_before_the_last(name: str, depth: int, cut: str) -> None:
    from tlsearch.plugins import registry

    plugin = registry.load_plugin("backbone", name)
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
    chosen = list(tlsearch_loop.first_trials(mixed, 4))

    def views(specs: Any) -> set[tuple[str, float, int]]:
        return {(spec.kind, spec.strength, number) for spec in specs for number in range(spec.views)}

    assert views(chosen) == views(mixed)
    assert len(chosen) == 10
    assert [mixed.index(spec) for spec in chosen] == sorted(mixed.index(spec) for spec in chosen)


@pytest.mark.parametrize("strengths", [1, 2, 4])
def test_strengths_that_the_kinds_reach_in_one_order_stand_for_each_other(strengths: int) -> None:
    for seed in range(5):
        mixed = trial_kinds.mix(draw(), seed)
        stands = tlsearch_loop.first_trials(mixed, strengths)

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
    clock = iter([0.0, 50.0, 51.0, 52.0, 53.0, 60.0, 60.5, 61.0])
    monkeypatch.setattr("loop_timing.time.perf_counter", lambda: next(clock))
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
    """Answers as the worker does, with a clock of its own: a view takes 10 s, an epoch 1 s, a trial 2 s besides."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.stored, self.trained = 0.0, set[tuple[str, float, int]](), 0
        for module in ("loop_timing", "tlsearch_loop"):
            monkeypatch.setattr(f"{module}.time.perf_counter", lambda: self.now)

    def setup(self, name: str, **kwargs: Any) -> None:
        self.now += 7.0
        self.stored.clear()

    def close(self) -> None: ...

    def call(self, name: str, **kwargs: Any) -> Any:
        return SimpleNamespace(candidate=CANDIDATE, cuts=CUTS, precision="float32")

    def trial(self, name: str, on_event: Callable[[Any], Any], spec: TrialSpec, **kwargs: Any) -> Any:
        self.trained += 1
        self.now += 2.0
        epochs = 0 if spec.is_linear_probe else spec.steps // 96
        for epoch in range(epochs or spec.views):
            view = (spec.kind, spec.strength, epoch % spec.views)
            self.now += 0.0 if view in self.stored else 10.0
            self.stored.add(view)
            if epochs:
                self.now += 1.0
                on_event(("epoch", {}))
        return SimpleNamespace(result=SimpleNamespace(state="complete", reason="", metrics={}))


def fake_loop(monkeypatch: pytest.MonkeyPatch) -> tuple[tlsearch_loop.TlsearchLoop, FakeWorker]:
    worker = FakeWorker(monkeypatch)
    fold = SimpleNamespace(train=tuple(range(3068)), val=tuple(range(3068, 3409)))
    images: Any = SimpleNamespace(train=np.arange(3068), fold=fold, pool=dict)
    return tlsearch_loop.TlsearchLoop(worker, images, CANDIDATE), worker  # type: ignore[arg-type] # all that is used of it


@pytest.mark.parametrize("more", [2, 5, 40])
@pytest.mark.parametrize(("measured", "strengths"), [(2, 4), (5, 1), (10, 4), (10, 2)])
def test_scaled_times_are_those_of_the_whole_list(
    monkeypatch: pytest.MonkeyPatch, more: int, measured: int, strengths: int
) -> None:
    loop, worker = fake_loop(monkeypatch)
    kinds = draw()
    for kind, solved, views in zip(trial_kinds.KINDS, (2, 8, 0, 0), (1, 16, 1, 16), strict=True):
        totals = loop.measure(kinds[kind], 10, {}, more, measured, strengths, lambda text: None)
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
    totals = vs_plain_loop.measure_tlsearch(setup, 10, 2, 5, 4, 0)
    mixed = totals[trial_kinds.MIXED]
    assert mixed.seconds == pytest.approx(160 * 2.0 + 34 * 10.0 + 150 * 10.0 + 6 * 7.0)
    assert (mixed.first, mixed.more, mixed.restarts) == (10, 0, 6)


def test_the_floor_counts_each_view_once() -> None:
    kinds = draw()
    loop = FloorLoop(SimpleNamespace(kinds=kinds), 10, 2, 2, lambda text: None)  # type: ignore[arg-type] # all that is used of it
    hidden = next(spec for spec in kinds[trial_kinds.FROZEN] if spec.units)
    suffix = next(spec for spec in kinds[trial_kinds.LAST_BLOCK] if spec.units)
    solved = {("avg", 1): 1.0, ("avgmax", 1): 2.0, ("avg", 4): 4.0, ("avgmax", 4): 8.0}
    parts = Parts(5.0, 4.0, 30.0, 20.0, 1.0, "float32", solved)
    parts.heads[hidden], parts.suffixes[suffix], parts.starts[suffix] = Timed(3, 10, 0.2), Timed(20, 2, 5.0), 2.0
    frozen, frozen_augmented, last, last_augmented = (loop.total(kinds[kind], parts) for kind in trial_kinds.KINDS)
    assert (frozen.build, frozen.render, frozen.forward) == (5.0, 0.0, 30.0)
    assert frozen.train == 1.0 + 2.0 + 38 * 3.0
    assert (frozen_augmented.render, frozen_augmented.forward) == (16.0, 17 * 30.0)
    assert frozen_augmented.train == 4 * (4.0 + 8.0) + 32 * 3.0
    assert (last.render, last.forward) == (0.0, 30.0)
    assert last.train == 3.0 + 40 * 60.0 + 20 * 2.0
    assert (last_augmented.build, last_augmented.forward) == (9.0, 30.0 + 16 * 20.0)
    everything = loop.total(trial_kinds.mix(kinds, 0), parts)
    assert (everything.build, everything.render, everything.forward) == (5.0, 16.0, 17 * 30.0)
    trained = [frozen.train, frozen_augmented.train, last.train, last_augmented.train]
    assert everything.train == sum(trained) - 2 * 3.0
    assert everything.seconds == everything.build + everything.render + everything.forward + everything.train


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the stub backbone, on the path of this process and of the workers that it starts."""
    site = honesty_shuffled.install_plugin(tmp_path_factory.mktemp("site"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        patch.setenv("PYTHONPATH", str(site))
        yield site


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, make_dataset: Callable[..., Path]) -> Path:
    return make_dataset(tmp_path_factory.mktemp("data"), per_class=40, size=40, splits=("train", "val"))


def test_fewer_images_keep_all_that_validate(dataset: Path, tmp_path: Path) -> None:
    images = read_images(dataset, 32, 0, tmp_path)
    few = fewer_images(images, 30, 0)
    assert (len(few.train), len(few.val)) == (30, len(images.val))
    assert np.bincount(np.asarray(few.labels)[few.train]).tolist() == [10, 10, 10]
    assert np.array_equal(few.pixels[few.val], images.pixels[images.val])
    assert few.one_hot[few.val].argmax(axis=1).tolist() == [images.labels[row] for row in images.val]
    assert few.digest != images.digest
    assert fewer_images(images, 10_000, 0) is images


class HereWorker:
    """A worker without a process of its own."""

    def __init__(self, log: Path) -> None:
        self.jobs = Jobs(lambda event: self._answer(event))
        self._answer: Callable[[Any], Any] = lambda event: "continue"

    def __enter__(self) -> HereWorker:
        return self

    def __exit__(self, *_: object) -> None: ...

    def close(self) -> None: ...

    def call(self, name: str, **kwargs: Any) -> Any:
        return getattr(self.jobs, name)(**kwargs)

    setup = call

    def trial(self, name: str, on_event: Callable[[Any], Any], **kwargs: Any) -> Any:
        self._answer = on_event
        return self.call(name, **kwargs)


@pytest.fixture
def here(stub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loop_setup.Worker", HereWorker)


def last_json(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
    return found


def options(dataset: Path) -> list[str]:
    return [str(dataset), "--backbone", "stub", "--image-size", "32", "--epochs", "2"]


@pytest.mark.usefixtures("here")
def test_both_loops_and_the_floor_are_measured(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [*options(dataset), "--trials", "2", "--measure", "1"]
    assert vs_plain_loop.main(asked) == 0
    said = capsys.readouterr().out
    figures = last_json(said)
    assert "everything frozen, augmented" in said
    assert figures["frozen_up_to"] == "cut2"
    assert figures["versions"]["keras"]
    rows = figures["kinds"]
    assert list(rows) == [*trial_kinds.KINDS, trial_kinds.MIXED]
    for row in rows.values():
        assert row["plain_seconds"] > 0
        assert row["ratio"] == pytest.approx(row["plain_seconds"] / row["tlsearch_seconds"], rel=0.3)
    assert rows[trial_kinds.MIXED]["plain_seconds"] == pytest.approx(
        sum(rows[kind]["plain_seconds"] for kind in trial_kinds.KINDS), abs=0.3
    )
    assert rows[trial_kinds.LAST_BLOCK]["tlsearch_measured"] == {"with_views": 1, "more": 1, "epochs": 2}
    assert rows[trial_kinds.MIXED]["tlsearch_measured"] == {"with_views": 6, "more": 0, "epochs": 2}
    result = tmp_path / "result.txt"
    result.write_text(said, encoding="utf-8")
    assert floor.main([*asked, "--result", str(result)]) == 0
    found = last_json(capsys.readouterr().out)["kinds"]
    for kind, row in found.items():
        assert row["tlsearch_seconds"] == rows[kind]["tlsearch_seconds"]
        assert row["floor_seconds"] == pytest.approx(
            sum(row[f"{part}_seconds"] for part in ("build", "render", "forward", "train")), abs=0.1
        )
        assert row["train_seconds"] > 0
        assert (row["render_seconds"] > 0) == ("augmented" in kind or kind == trial_kinds.MIXED)
    with pytest.raises(SystemExit, match="another trials"):
        floor.main([*options(dataset), "--trials", "1", "--result", str(result)])


@pytest.mark.usefixtures("here")
def test_accuracies_are_compared_trial_by_trial(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert same_accuracy.main([*options(dataset), "--trials", "1", "--epochs", "4"]) == 0
    rows = last_json(capsys.readouterr().out)["kinds"]
    assert list(rows) == list(trial_kinds.KINDS)
    for row in rows.values():
        # Three classes whose colours differ, chance is 33; four epochs of three steps are too few for the plain loop.
        assert row["tlsearch"] > 60
        assert row["mean_difference"] == pytest.approx(row["tlsearch"] - row["plain"], abs=0.02)
        assert abs(row["largest_difference"]) == max(map(abs, row["differences"]))


@pytest.mark.usefixtures("stub")
@pytest.mark.parametrize("frozen", [("conv1", "conv2"), ("conv1", "conv2", "conv3")])
def test_the_plain_loop_trains_what_is_not_frozen(dataset: Path, tmp_path: Path, frozen: tuple[str, ...]) -> None:
    images = read_images(dataset, 32, 0, tmp_path)
    candidate = replace(CANDIDATE, weights_file=None)
    spec = replace(draw()[trial_kinds.LAST_BLOCK][0], lr_suffix=0.01, lr_head=0.05, dropout=0.0, weight_decay=0.0)
    model, suffix = plain_loop.build_model(candidate, frozen, spec, 3)
    assert [v.path.split("/")[0] for v in suffix] == ["conv3"] * (2 if len(frozen) == 2 else 0)
    assert len(model.trainable_variables) == len(suffix) + 4
    trial = plain_loop.run_plain(candidate, frozen, spec, images, 12, 8)
    assert len(trial.val_accuracy) == trial.timed.epochs == 8
    if suffix:  # the features of a network of random values say too little
        assert trial.val_accuracy[-1] > 0.6
    assert 0 < trial.timed.epoch_seconds < trial.timed.seconds


def test_a_plain_loop_augments_as_far_as_the_policy() -> None:
    import keras

    pixels = np.full((4, 16, 16, 3), 100.0, np.float32)
    pixels[:, :, :8] = 200.0
    for strength in (0.25, 1.0):
        x = keras.ops.convert_to_tensor(pixels)
        for layer in plain_loop.augmentation(strength):
            x = layer(x, training=True)
        assert tuple(x.shape) == pixels.shape
        assert np.abs(np.asarray(x) - pixels).max() > 5
    turn, zoom = plain_loop.augmentation(0.5)[1:3]
    assert max(turn.factor) == pytest.approx(0.04)
    assert tuple(zoom.height_factor) == pytest.approx((-0.2, 0.0))


def test_a_bare_solver_finds_what_tells_classes_apart_on_any_number_of_views() -> None:
    labels = tuple(n % 3 for n in range(90))
    rows: Any = SimpleNamespace(labels=labels, train=np.arange(60))
    pooled = np.random.default_rng(0).normal(size=(90, 8)).astype(np.float32)
    assert bare_loop.solve([pooled], rows, "avg") > 0
    assert bare_loop.columns(pooled, "avg").shape == (90, 4)
    scaled = bare_loop.standardised(pooled, pooled[:60])
    assert scaled[:60].mean(axis=0) == pytest.approx(np.zeros(8), abs=1e-5)
    assert scaled[:60].std(axis=0) == pytest.approx(np.ones(8), rel=1e-4)


@pytest.mark.usefixtures("stub")
def test_a_bare_pass_gives_what_the_network_gives() -> None:
    import keras

    candidate = replace(CANDIDATE, weights_file=None)
    keras.utils.set_random_seed(0)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3)).astype(np.uint8)
    for layer, width in ((None, 32), ("conv2", 16)):
        found = bare_loop.choose_forward(candidate, pixels, layer)
        assert found.batch in bare_loop.BATCHES
        seconds, model = bare_loop.start_forward(candidate, found, pixels)
        more, said = bare_loop.pass_over(model, found, pixels)
        assert seconds > 0
        assert more > 0
        assert said.shape[-1] == width
        whole = np.asarray(model(pixels))
        assert said == pytest.approx(whole, abs=2e-2)
