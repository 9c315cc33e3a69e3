"""Models that serve several folds: built once, and to the last bit what a fresh one would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.helpers.networks.tiny import Patience, Tiny, make_extractor, make_network, make_spec
from tlsearch.data.split import Fold
from tlsearch.features.prefix import Network
from tlsearch.models.heads import Head
from tlsearch.plugins.load_metric import load_metric
from tlsearch.training import compiled as compiled_module
from tlsearch.training import trial as trial_module
from tlsearch.training.compiled import CompiledModel, ModelCache, compile_model
from tlsearch.training.from_scratch import successive_halving
from tlsearch.training.optimizer import TwoRateOptimizer
from tlsearch.training.trial import Outcome, TrialRunner, starting_point
from tlsearch.types import Decision, TrialSpec

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FOLDS = tuple(Fold(tuple(i for i in range(60) if i % 5 != n), tuple(range(n, 60, 5))) for n in range(3))
AUGMENTED: dict[str, Any] = {"policy": "speckle", "strength": 0.5}
CASES: dict[str, dict[str, Any]] = {
    "hidden": {"freeze_depth": 4, "units": 8, "dropout": 0.3, **AUGMENTED, "views": 2},
    "suffix": {"freeze_depth": 2, "dropout": 0.3, **AUGMENTED, "views": 2},
    "suffix_hidden": {"freeze_depth": 1, "units": 8, "dropout": 0.3, "pooling": "avgmax"},
    "scratch": {"freeze_depth": 0, "weights": None, "dropout": 0.3, **AUGMENTED, "views": 0, "lr_suffix": 0.01},
}
MODELS = {"hidden": 1, "suffix": 1, "suffix_hidden": 2, "scratch": 1}
"""How many models a case compiles: a suffix with a hidden head starts from one that was trained alone."""


def run(folder: Path, spec: TrialSpec, folds: Sequence[Fold]) -> Outcome:
    """A trial with a runner, a network and a store of its own."""
    network = make_network(weights=spec.weights)
    return TrialRunner(make_extractor(folder), load_metric("balanced_accuracy")).run(
        network, spec, folds, Patience(), None
    )


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[TrialSpec]:
    """The spec of every model that is compiled."""
    specs: list[TrialSpec] = []

    def spy(model: Any, spec: TrialSpec, *rest: Any) -> TwoRateOptimizer:
        specs.append(spec)
        return compile_model(model, spec, *rest)

    monkeypatch.setattr(trial_module, "compile_model", spy)
    return specs


@pytest.mark.parametrize("case", CASES)
def test_folds_share_a_model_and_each_gives_what_it_gives_alone(
    tmp_path: Path, compiled: list[TrialSpec], case: str
) -> None:
    spec = make_spec(**CASES[case])
    together = run(tmp_path / "together", spec, FOLDS)
    assert len(compiled) == MODELS[case]
    alone = [run(tmp_path / "alone", spec, [fold]) for fold in FOLDS]
    assert together.result.fold_values == tuple(o.result.value for o in alone)
    np.testing.assert_array_equal(together.val_probabilities, np.concatenate([o.val_probabilities for o in alone]))
    assert together.result.history == alone[0].result.history
    for name, value in together.result.metrics.items():
        assert value == float(np.mean([o.result.metrics[name] for o in alone]))
    assert len({o.result.metrics["train_loss"] for o in alone}) == len(FOLDS)


def test_folds_of_different_numbers_of_steps_share_a_model(tmp_path: Path, compiled: list[TrialSpec]) -> None:
    """33 images are three batches of 16, 32 are two: 20 steps are seven epochs of 3 and ten of 2."""
    folds = [Fold(tuple(range(count)), tuple(range(40, 60))) for count in (32, 33, 32)]
    spec = make_spec(steps=20)
    together = run(tmp_path, spec, folds)
    assert len(compiled) == 1
    assert together.result.fold_values == tuple(run(tmp_path, spec, [fold]).result.value for fold in folds)


def test_a_fold_of_another_size_of_batches_has_a_model_of_its_own(tmp_path: Path, compiled: list[TrialSpec]) -> None:
    """Fewer images than a batch has: TensorFlow would make the second graph for any size, with other last bits."""
    folds = [Fold(tuple(range(count)), tuple(range(30, 60))) for count in (23, 24, 23, 24)]
    spec = make_spec(**{**CASES["scratch"], "batch_size": 64})
    together = run(tmp_path, spec, folds)
    assert len(compiled) == 2
    alone = [run(tmp_path, spec, [fold]) for fold in folds]
    assert together.result.fold_values == tuple(o.result.value for o in alone)
    np.testing.assert_array_equal(together.val_probabilities, np.concatenate([o.val_probabilities for o in alone]))


def test_folds_of_different_numbers_of_validation_images_give_what_each_gives_alone(
    tmp_path: Path, compiled: list[TrialSpec]
) -> None:
    folds = [Fold(tuple(range(20)), tuple(range(20, 20 + count))) for count in (40, 12, 33)]
    spec = make_spec(**CASES["suffix"])
    together = run(tmp_path, spec, folds)
    assert len(compiled) == 1
    alone = [run(tmp_path, spec, [fold]) for fold in folds]
    np.testing.assert_array_equal(together.val_probabilities, np.concatenate([o.val_probabilities for o in alone]))


def test_pictures_and_learning_rates_are_no_part_of_the_starting_point() -> None:
    plain = make_spec(units=8)
    same = [{**AUGMENTED, "views": 2}, {"lr_suffix": 0.5}, {"lr_head": 0.5}, {"steps": 99}]
    others: list[dict[str, Any]] = [
        {"seed": 1}, {"repeat": 1}, {"dropout": 0.5}, {"weight_decay": 0.5}, {"label_smoothing": 0.1},
        {"batch_size": 8}, {"units": 9}, {"pooling": "avgmax"}, {"freeze_depth": 3},
    ]  # fmt: skip
    assert {starting_point(replace(plain, **changes)) for changes in same} == {starting_point(plain)}
    assert len({starting_point(replace(plain, **changes)) for changes in others}) == len(others)


def test_learning_rates_race_with_one_model_and_their_order_changes_nothing(
    tmp_path: Path, compiled: list[TrialSpec]
) -> None:
    network, runner = make_network(weights=None), TrialRunner(make_extractor(tmp_path), load_metric("accuracy"))
    specs = [make_spec(**{**CASES["scratch"], "lr_suffix": rate, "lr_head": rate}, steps=27) for rate in (1e-6, 1e-2)]
    seen = []
    for order in (specs, specs[::-1]):
        outcomes = {o.result.spec: o for o in successive_halving(runner, network, order, FOLDS[0], lambda *_: None)}
        assert runner.fitted is not None
        seen.append((outcomes, [np.array(w) for w in runner.fitted.backbone_weights or []]))
    assert len(compiled) == 2
    (first, weights), (second, again) = seen
    assert [first[spec].result.state for spec in specs] == ["pruned", "complete"]
    for spec in specs:
        assert first[spec].result.history == second[spec].result.history
    np.testing.assert_array_equal(first[specs[1]].val_probabilities, second[specs[1]].val_probabilities)
    for one, other in zip(weights, again, strict=True):
        np.testing.assert_array_equal(one, other)
    slow, fast = (first[spec].result.history[0]["train_loss"] for spec in specs)
    assert slow != fast


def test_models_stay_for_the_same_trial_on_other_folds_where_they_are_to_be_kept(
    tmp_path: Path, compiled: list[TrialSpec]
) -> None:
    network, runner = make_network(), TrialRunner(make_extractor(tmp_path), load_metric("balanced_accuracy"))
    specs = [make_spec(freeze_depth=depth) for depth in (2, 3)]
    results: dict[tuple[int, int], Any] = {}
    for number, fold in enumerate(FOLDS):
        for spec in specs:
            outcome = runner.run(network, spec, [fold], Patience(), None, keep=True)
            results[number, spec.freeze_depth] = outcome.result.value, outcome.val_probabilities.tolist()
    assert len(compiled) == 2
    for (number, depth), expected in results.items():
        outcome = run(tmp_path, make_spec(freeze_depth=depth), [FOLDS[number]])
        assert (outcome.result.value, outcome.val_probabilities.tolist()) == expected
    compiled.clear()
    for keep in (False, True):  # a trial that does not keep its own drops the others
        runner.run(network, specs[0], [FOLDS[0]], Patience(), None, keep=keep)
    assert len(compiled) == 2


def test_nothing_stays_after_a_trial_that_failed(tmp_path: Path, compiled: list[TrialSpec]) -> None:
    network, runner = make_network(), TrialRunner(make_extractor(tmp_path), load_metric("balanced_accuracy"))

    def broken(_: Any) -> Decision:
        raise MemoryError

    with pytest.raises(MemoryError):
        runner.run(network, make_spec(), [FOLDS[0]], broken, None, keep=True)
    runner.run(network, make_spec(), [FOLDS[0]], Patience(), None, keep=True)
    assert len(compiled) == 2


def test_the_same_trial_of_another_network_has_a_model_of_its_own(tmp_path: Path, compiled: list[TrialSpec]) -> None:
    runner = TrialRunner(make_extractor(tmp_path), load_metric("balanced_accuracy"))
    network = make_network()
    rough = Network(Tiny(), network.candidate, network.cuts, "mixed_bfloat16")
    for one in (network, rough):
        runner.run(one, make_spec(), [FOLDS[0]], Patience(), None, keep=True)
    assert len(compiled) == 2


def dense(units: int) -> CompiledModel:
    """A compiled linear model of 4 inputs."""
    x = keras.Input((4,))
    model = keras.Model(x, keras.layers.Dense(units)(x))
    optimizer = compile_model(model, make_spec(), (), model.trainable_variables)
    return CompiledModel(model, optimizer, Head(0, 0.0, units, 0))


def test_a_restored_model_has_the_values_of_its_state() -> None:
    one = dense(3)
    before = one.state()
    one.optimizer.set_rates(0.0, 0.1)
    one.model.train_on_batch(np.ones((2, 4), np.float32), np.eye(3, dtype=np.float32)[:2])
    assert not any(np.array_equal(a, b) for a, b in zip(before, one.state(), strict=True))
    rates = [name for name in (v.path for v in one.optimizer.optimizer.variables) if name.endswith("learning_rate")]
    assert len(rates) == 1  # one of the variables that are put back
    one.restore(before)
    for a, b in zip(before, one.state(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_is_kept_is_what_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    models, made = ModelCache(), []

    def trial(units: int, keep: bool = True) -> None:
        """Asks for its model twice, as for two folds."""

        def make() -> CompiledModel:
            made.append(units)
            return dense(units)

        with models.during(reuse=True, keep=keep):
            assert models.get(units, make) is models.get(units, make)

    # Weights and two moments each of (4 + 1) * 10 float32, a rate, a count of steps in int64; all of them twice.
    size = 2 * (3 * 50 * 4 + 4 + 8)
    assert size == 2 * sum(value.nbytes for value in dense(10).state())
    monkeypatch.setattr(compiled_module, "KEPT_BYTES", 2 * size)
    for _ in range(3):  # fold after fold; the third has no room
        for units in (10, 9, 8):
            trial(units)
    assert made == [10, 9, 8, 8, 8]
    trial(10, keep=False)
    trial(10)
    assert made == [10, 9, 8, 8, 8, 10, 10]


def test_a_model_without_room_still_serves_all_folds_of_its_trial(
    tmp_path: Path, compiled: list[TrialSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_module, "KEPT_BYTES", 1)
    run(tmp_path, make_spec(), FOLDS)
    assert len(compiled) == 1
