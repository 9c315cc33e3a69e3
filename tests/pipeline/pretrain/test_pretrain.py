"""What a training of weights is refused for, how long it takes, and what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.models.trained import trained_record
from tests.helpers.pipeline.contexts import Heard, make_context, make_data
from tests.helpers.pipeline.made_up import backbone_facts, facts_of, installed, plugin_facts
from tests.helpers.workers.fake_worker import FakeWorker
from tlsearch.errors import WeightsError
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.pretrain.finish import _doubt, finished_weights, say_weights
from tlsearch.pipeline.pretrain.prepare import RECORD_KEY, Start, _check_name
from tlsearch.pipeline.pretrain.train import FROM_RANDOM, FROM_WEIGHTS, Training, plan_training
from tlsearch.plugins import weights
from tlsearch.plugins.trained import store
from tlsearch.pretrain_config import PretrainConfig
from tlsearch.stats.claims import Estimate
from tlsearch.types import TrialResult
from tlsearch.worker.models.requests import TrySaving
from tlsearch.worker.protocol import MeasureCandidate, MeasureRendering, OpenPool

TRAIN = 30
"""Images that are trained on, in batches of 10."""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def _no_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The images are made up: nobody opens them."""
    monkeypatch.setattr("tlsearch.pipeline.measure.pool_at", lambda data, sizes: {})


def start(folder: Path, *, from_weights: bool = False) -> Start:
    facts = backbone_facts("net", imagenet=installed(folder, "net"))
    first = weights.from_file("imagenet", folder / "net.npz") if from_weights else None
    return Start(plugins=plugin_facts(facts), backbone=facts, weights=first, image_size=32, policy="standard")


def planned(context: RunContext, begun: Start) -> Training:
    return plan_training(context, make_data((0, 1) * (TRAIN // 2 + 5), val=range(TRAIN, TRAIN + 10)), begun)


def context_of(folder: Path, heard: Heard | None = None, **options: Any) -> tuple[RunContext, FakeWorker]:
    def measured(request: MeasureCandidate, listener: object) -> MeasuredCandidate:
        return facts_of(replace(request.candidate, depth=6), forward_seconds=0.01)

    worker = FakeWorker({MeasureCandidate: measured, TrySaving: True, OpenPool: None, MeasureRendering: {}})
    return make_context(folder, worker, heard=heard, batch_size=10, **options), worker


def test_training_takes_the_epochs_that_were_asked_for(tmp_path: Path) -> None:
    context, worker = context_of(tmp_path, epochs=7)
    training = planned(context, start(tmp_path))
    assert [spec.steps for spec in training.specs] == [21] * 3
    assert training.epochs(make_data((0, 1) * 20, val=range(TRAIN, 40))) == 7
    assert TrySaving in map(type, worker.requests)


def test_without_any_limit_it_takes_no_fewer_steps_than_a_trial(tmp_path: Path) -> None:
    training = planned(context_of(tmp_path)[0], start(tmp_path))
    assert training.specs[0].steps == 400  # 60 epochs are 180


def test_the_time_decides_once_and_not_again_when_it_is_resumed(tmp_path: Path) -> None:
    """An epoch of 30 images takes about a second, and a schedule with all learning rates 5 / 3 of its own time."""
    heard = Heard()
    first = planned(context_of(tmp_path, heard, limit=120.0)[0], start(tmp_path)).specs[0].steps
    assert 3 * 40 < first < 3 * 75
    later = planned(context_of(tmp_path, limit=30.0)[0], start(tmp_path)).specs[0].steps
    assert later == first
    assert ("plan", "net at 32 px, from random values") in heard.lines


def test_however_short_the_time_some_steps_are_trained(tmp_path: Path) -> None:
    assert planned(context_of(tmp_path, limit=1.0)[0], start(tmp_path)).specs[0].steps == 10


@pytest.mark.parametrize(
    ("from_weights", "rates", "kind"), [(False, FROM_RANDOM, "from_scratch"), (True, FROM_WEIGHTS, "fine_tuning")]
)
def test_all_layers_are_trained_with_each_learning_rate(
    tmp_path: Path, from_weights: bool, rates: tuple[float, ...], kind: str
) -> None:
    training = planned(context_of(tmp_path, epochs=1)[0], start(tmp_path, from_weights=from_weights))
    assert tuple(spec.lr_suffix for spec in training.specs) == rates
    assert {(spec.kind, spec.freeze_depth, spec.depth) for spec in training.specs} == {(kind, 0, 6)}
    assert {(spec.policy, spec.strength, spec.views) for spec in training.specs} == {("standard", 0.5, 0)}
    assert training.start.label == ("net@imagenet" if from_weights else "random values")


def test_the_epochs_are_those_that_were_trained(tmp_path: Path) -> None:
    """Where the time was over before, too."""
    training = planned(context_of(tmp_path, epochs=7)[0], start(tmp_path))
    data = make_data((0, 1) * 20, val=range(TRAIN, 40))
    history = tuple({"epoch": float(n)} for n in range(1, 4))
    shortened = TrialResult(
        spec=training.specs[0], state="complete", value=0.5, seconds=1.0, history=history,
        reason="its time was over after 3 of 7 epochs",
    )  # fmt: skip
    assert training.epochs_of(shortened, data) == 3
    assert training.epochs_of(replace(shortened, reason=""), data) == 7


def test_weights_that_are_there_are_told_with_their_place(tmp_path: Path) -> None:
    file = tmp_path / "trained.weights.h5"
    file.write_bytes(b"arrays")
    record = trained_record(file)
    place = store.install(record, file)
    assert [line for _, line in say_weights(record)][1:] == [
        str(place), "tlsearch run YOUR-IMAGES --backbone tiny@stripes"
    ]  # fmt: skip
    assert "no longer on this machine" in say_weights(replace(record, seed=9))[1][1]  # others of that name are


@pytest.mark.parametrize(
    ("lower", "options", "epochs", "said"),
    [
        (0.7, {}, 30.0, ""),
        (0.7, {}, 3.0, "the time was over after 3 epochs, where 30 show what a network can learn: train longer"),
        (0.7, {"epochs": 3000}, 3.0, "the time was over after 3 epochs, where 3"),
        (0.7, {"epochs": 3}, 3.0, ""),  # as many as were asked for
        (
            0.6,
            {"epochs": 3},
            3.0,
            "the network may have learned nothing, since always answering 'dog' would give 0.6",
        ),
    ],
)
def test_weights_that_have_hardly_learned_are_told(
    tmp_path: Path, lower: float, options: dict[str, Any], epochs: float, said: str
) -> None:
    data = make_data((0, 1) * 20, val=range(TRAIN, 35), test=range(35, 40))
    found = _doubt(context_of(tmp_path, **options)[0], data, epochs, Estimate(value=0.8, ci95=(lower, 0.9)))
    assert found.startswith(said)
    assert bool(found) == bool(said)


def check(folder: Path, name: str, context: RunContext) -> None:
    begun = start(folder)
    config = PretrainConfig(dataset=folder, backbones=("net",), name=name)
    _check_name(context.checkpoint, config, begun.backbone, begun.plugins)


def test_a_name_that_is_taken_is_refused_unless_it_is_our_own(tmp_path: Path) -> None:
    context, _ = context_of(tmp_path)
    check(tmp_path, "mine", context)
    with pytest.raises(WeightsError, match="net@imagenet are weights that a package brings: choose another --name"):
        check(tmp_path, "imagenet", context)
    file = tmp_path / "trained.weights.h5"
    file.write_bytes(b"arrays")
    record = trained_record(file, backbone="net", name="mine")
    store.install(record, file)
    with pytest.raises(WeightsError, match="There are trained weights net@mine already"):
        check(tmp_path, "mine", context)
    context.checkpoint.put(RECORD_KEY, record)  # an attempt that was killed after it had installed them
    check(tmp_path, "mine", context)


def test_of_a_training_that_is_over_the_weights_are_told(tmp_path: Path) -> None:
    output = tmp_path / "out"
    output.mkdir()
    assert finished_weights(output) is None
    record = trained_record()
    (output / "provenance.json").write_text(store.to_json(record), encoding="utf-8")
    assert finished_weights(output) == record
    assert say_weights(record)[1:] == [("weights", "no longer on this machine, or damaged; --force trains them anew")]
    (output / ".tlsearch-work").mkdir()
    assert finished_weights(output) is None
