"""What a network costs at use is that of its exported file on one thread; without onnxruntime of Keras' own."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

from tests.helpers.runs.exported_run import SIDE, write_model
from tlsearch.export import use as module
from tlsearch.export.formats.onnx_file import Onnx
from tlsearch.export.use import cost_of_folder, cost_of_model

VALUES = 3 * 16 + 16 + 16 * 2 + 2


def small_network() -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3), name="rgb")
    features = keras.layers.Conv2D(16, 1, activation="relu")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    return keras.Model(inputs, keras.layers.Softmax(name="probabilities")(keras.layers.Dense(2)(pooled)))


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return small_network()


def test_the_file_is_onnx_and_holds_the_values_of_the_network(network: keras.Model) -> None:
    pytest.importorskip("onnxruntime")
    cost = cost_of_model(network)
    assert network.count_params() == VALUES
    assert 4 * VALUES / 1e6 < cost.megabytes < 4 * VALUES / 1e6 + 0.02
    assert 0 < cost.ms_per_image < 1000
    assert cost.runtime.startswith("onnxruntime ")


def test_a_model_folder_is_measured_as_it_is_exported(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    cost = cost_of_folder(write_model(tmp_path / "model", temperature=2.0))
    assert cost.megabytes < 0.05
    assert cost.runtime.startswith("onnxruntime ")


def test_without_onnxruntime_it_is_the_file_of_keras_and_that_is_said(
    network: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert cost_of_model(network).runtime.startswith("Keras ")


def test_what_cannot_be_converted_is_measured_as_the_file_of_keras(
    network: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise NotImplementedError("no such operation")

    monkeypatch.setattr(Onnx, "write", fail)
    assert cost_of_model(network).runtime.startswith("Keras ")


def test_the_shorter_of_two_measurements_counts(network: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.4, 0.2])
    monkeypatch.setattr(module, "seconds_of", lambda *_: next(seconds))
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert cost_of_model(network).ms_per_image == pytest.approx(200.0)
