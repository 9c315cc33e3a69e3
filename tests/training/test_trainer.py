"""The training loop, on a linear model whose features lie in an array."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tests.helpers.networks.linear import CLASSES, COUNT, LABELS, TRAIN, WIDTH, Log, features, make_trainer
from tests.helpers.networks.tiny import make_spec
from tlsearch.errors import TrialError
from tlsearch.plugins.kinds.metric import CountMetric
from tlsearch.plugins.load_metric import load_metric
from tlsearch.training import trainer as fit_module
from tlsearch.training.batches import epoch_batches
from tlsearch.training.compiled import CompiledModel
from tlsearch.training.schedule import warm_up_cosine
from tlsearch.training.trainer import Trainer
from tlsearch.training.validation import class_weights

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize(
    ("steps", "batch", "epoch_steps", "epochs"),
    [
        (400, 20, 5, 80),  # an epoch of 100 images is 5 steps
        (50, 20, 5, 10),
        (20, 20, 4, 5),  # shorter than five epochs: a fifth of the schedule
        (7, 20, 1, 7),
        (3, 20, 1, 3),
        (33, 20, 5, 7),
    ],
)
def test_an_epoch_is_all_images_or_a_fifth_of_the_schedule(
    steps: int, batch: int, epoch_steps: int, epochs: int
) -> None:
    trainer = make_trainer(make_spec(steps=steps, batch_size=batch))
    assert (trainer.epoch_steps, trainer.epochs) == (epoch_steps, epochs)


def test_epochs_of_a_short_schedule_see_a_part_of_the_images() -> None:
    trainer = make_trainer(
        make_spec(steps=12, batch_size=20)
    )  # every image 2.4 times, 5 steps each time, in 6 epochs of 2 steps
    assert [trainer.run_epoch()["epoch"] for _ in range(trainer.epochs)] == [0.4, 0.8, 1.2, 1.6, 2.0, 2.4]
    assert trainer.times_seen(trainer.epochs) == 2.4


def test_epochs_are_recorded_and_learn() -> None:
    trainer = make_trainer(make_spec(steps=60, batch_size=20, lr_head=0.05))
    epochs = [trainer.run_epoch() for _ in range(trainer.epochs)]
    assert trainer.history == epochs
    assert [n["epoch"] for n in epochs] == list(range(1, 13))
    keys = {"epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "objective"}
    assert all(set(n) == keys for n in epochs)
    assert epochs[0]["train_loss"] > epochs[-1]["train_loss"]
    assert epochs[-1]["val_accuracy"] > 0.85
    assert epochs[-1]["objective"] == epochs[-1]["val_accuracy"]


def test_training_figures_are_means_over_the_epochs_images() -> None:
    """With a learning rate of zero every batch sees the same model: log 3 nats, and the first class is right."""
    trainer = make_trainer(make_spec(steps=20, batch_size=30, lr_head=0.0))
    numbers = trainer.run_epoch()
    assert trainer.epoch_steps == 4  # 30, 30, 30 and 10 images
    assert numbers["train_loss"] == pytest.approx(np.log(3), rel=1e-5)
    assert numbers["train_accuracy"] == (LABELS[TRAIN] == 0).mean()


def trained() -> Trainer:
    """Epochs of 4 steps where all images take 7. The last is filled up, views take turns, and classes have weights."""
    spec = make_spec(steps=20, batch_size=16, views=2, strength=0.5, lr_head=0.05)
    trainer = make_trainer(spec, "balanced_accuracy")
    for _ in range(trainer.epochs):
        trainer.run_epoch()
    return trainer


@pytest.fixture(scope="module")
def whole() -> Trainer:
    """What was trained with all steps of an epoch in a call."""
    return trained()


@pytest.mark.parametrize("a_call", [1, 2, 3])
def test_how_many_steps_a_call_has_changes_no_bit(whole: Trainer, monkeypatch: pytest.MonkeyPatch, a_call: int) -> None:
    assert (whole.epoch_steps, whole.epochs, len(TRAIN) % 16) == (4, 5, 4)
    monkeypatch.setattr(fit_module, "AT_ONCE_BYTES", a_call * 16 * 4 * (WIDTH + CLASSES))
    calls: list[int] = []
    steps = CompiledModel.steps.func  # type: ignore[attr-defined]  # of a cached property

    def spied(compiled: CompiledModel) -> Any:
        train = steps(compiled)
        return lambda x, *rest: calls.append(len(x)) or train(x, *rest)  # type: ignore[func-returns-value]

    monkeypatch.setattr(CompiledModel, "steps", property(spied))
    divided = trained()
    assert calls == {1: [1] * 20, 2: [2] * 10, 3: [3, 1] * 5}[a_call]
    assert divided.history == whole.history
    for one, other in zip(divided.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="others train step by step")
def test_vectors_train_an_epoch_in_one_call_and_maps_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python sets the rates once where TensorFlow is called once, to trace it, and before every step of maps."""
    calls = []
    for shape in ((WIDTH,), (1, 1, WIDTH)):
        x = keras.Input(shape)
        y = keras.layers.Dense(CLASSES, kernel_initializer="zeros")(keras.layers.Flatten()(x))
        array = features().reshape(COUNT, *shape)
        trainer = make_trainer(make_spec(steps=20, batch_size=20), model=keras.Model(x, y), array=array)
        rates: list[Any] = []
        monkeypatch.setattr(trainer.compiled.optimizer, "set_rates", lambda *pair, rates=rates: rates.append(pair))
        trainer.run_epoch()
        assert trainer.epoch_steps == 4
        calls.append(len(rates))
    assert calls == [1, 4]


class Traced(keras.layers.Layer):  # type: ignore[misc]  # keras has no types
    """Hands on its input; ``sizes`` are the batch sizes for which it was traced."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[Any] = []

    def call(self, x: Any, training: bool = False) -> Any:
        """``x``; notes its batch size where it is trained."""
        if training:
            self.sizes.append(x.shape[0])
        return x


def linear_model(*before: Any) -> Any:
    """A linear model that starts from zero, behind other layers."""
    x = y = keras.Input((WIDTH,))
    for layer in before:
        y = layer(y)
    return keras.Model(x, keras.layers.Dense(CLASSES, kernel_initializer="zeros")(y))


def test_a_smaller_last_batch_is_not_compiled_anew() -> None:
    traced = Traced()
    trainer = make_trainer(make_spec(steps=20, batch_size=30), model=linear_model(traced))
    traced.sizes.clear()
    trainer.run_epoch()
    assert trainer.epoch_steps == 4  # 30, 30, 30 and 10 images
    assert traced.sizes == [30]


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy"])
def test_a_batch_that_is_filled_up_trains_as_the_small_one_would(metric: CountMetric) -> None:
    spec = make_spec(steps=20, batch_size=30, lr_head=0.05, label_smoothing=0.1)
    filled, small = (make_trainer(spec, metric, model=linear_model()) for _ in range(2))
    numbers = filled.run_epoch()
    losses = []
    for step, batch in enumerate(epoch_batches(spec, TRAIN, 0)):
        small.compiled.optimizer.set_rates(0.0, 0.05 * warm_up_cosine(step, 20))
        weights = class_weights(load_metric(metric), LABELS[TRAIN], CLASSES)
        logs = small.model.train_on_batch(
            small.task.rows(0).take(batch).astype(np.float32),
            np.eye(CLASSES, dtype=np.float32)[LABELS[batch]],
            sample_weight=None if weights is None else np.array([weights[int(c)] for c in LABELS[batch]], np.float32),
            return_dict=True,
        )
        losses.append(float(logs["loss"]) * len(batch))
    for one, other in zip(filled.model.get_weights(), small.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert numbers["train_loss"] == pytest.approx(sum(losses) / len(TRAIN), rel=1e-4)


def test_epochs_take_turns_with_the_views_and_validation_sees_plain_images() -> None:
    log = Log()
    trainer = make_trainer(make_spec(steps=35, batch_size=20, views=3, strength=0.5), log=log)
    for _ in range(trainer.epochs):
        trainer.run_epoch()
    assert log.views == [0, 1, 2, 0, 1, 2, 0]


def test_short_epochs_go_on_where_the_last_one_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five epochs of two steps: ten steps, in which every image is seen twice."""
    seen: list[Any] = []
    trainer = make_trainer(make_spec(steps=10, batch_size=20))
    train_on = trainer._train_on

    def spy(batches: Any) -> Any:
        seen.extend(batch.images for batch in batches)
        return train_on(batches)

    monkeypatch.setattr(trainer, "_train_on", spy)
    for _ in range(trainer.epochs):
        trainer.run_epoch()
    assert len(seen) == 10
    for epoch in (seen[:5], seen[5:]):
        np.testing.assert_array_equal(np.sort(np.concatenate(epoch)), TRAIN)


def test_the_value_is_the_mean_of_the_last_three_not_the_best() -> None:
    trainer = make_trainer(make_spec())
    trainer.history = [{"objective": value} for value in (0.1, 0.99, 0.5, 0.7, 0.6)]
    assert trainer.final()["objective"] == pytest.approx(0.6)


def test_a_loss_that_is_not_finite_is_a_trial_error() -> None:
    bad = features()
    bad[7] = np.nan
    trainer = make_trainer(make_spec(steps=50, batch_size=20), array=bad)
    with pytest.raises(TrialError, match="diverged: the loss is not finite in epoch 1"):
        trainer.run_epoch()
    assert trainer.history == []


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "macro_f1"])
def test_images_are_weighted_only_where_classes_count_equally(
    metric: CountMetric, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    trainer = make_trainer(make_spec(steps=5, batch_size=20), metric)
    steps = trainer.compiled.steps

    def spy(x: Any, y: Any, weights: Any, rates: Any) -> Any:
        given.extend(zip(y.argmax(axis=-1), weights, strict=True))
        return steps(x, y, weights, rates)

    monkeypatch.setattr(trainer.compiled, "steps", spy)
    for _ in range(5):
        trainer.run_epoch()
    assert len(given) == 5
    if metric == "accuracy":
        assert all((weights == 1).all() for _, weights in given)
        return
    counts = np.bincount(LABELS[TRAIN])
    for labels, weights in given:
        np.testing.assert_allclose(weights, 100 / (3 * counts[labels]), rtol=1e-6)
    assert sum(weights.sum() for _, weights in given) == pytest.approx(100)


def test_label_smoothing_reaches_the_loss() -> None:
    """A confident and right model: -log p = 0 without smoothing; .1 / 3 of the targets on each of two others."""
    losses = []
    for smoothing in (0.0, 0.1):
        x = keras.Input((WIDTH,))
        model = keras.Model(x, keras.layers.Dense(CLASSES)(x))
        model.set_weights([10 * np.eye(WIDTH, CLASSES, dtype=np.float32), np.zeros(CLASSES, np.float32)])
        exact = np.eye(WIDTH, dtype=np.float16)[LABELS]
        trainer = make_trainer(
            make_spec(steps=5, batch_size=20, lr_head=0.0, label_smoothing=smoothing), model=model, array=exact
        )
        losses.append(trainer.run_epoch()["train_loss"])
    assert losses[0] == pytest.approx(np.log1p(2 * np.exp(-10)), abs=1e-6)
    assert losses[1] == pytest.approx(0.1 * 2 / 3 * 10, rel=1e-3)


def test_probabilities_are_in_the_order_asked_for() -> None:
    trainer = make_trainer(make_spec(steps=20, batch_size=20, lr_head=0.05))
    trainer.run_epoch()
    rows = trainer.task.plain()
    order = np.random.default_rng(0).permutation(COUNT)
    probabilities, shuffled = trainer.probabilities(rows, np.arange(COUNT)), trainer.probabilities(rows, order)
    assert probabilities.shape == (COUNT, CLASSES)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(shuffled, probabilities[order], rtol=1e-5)
    assert trainer.probabilities(rows, order[:0]).shape == (0, CLASSES)
