"""Each format in each precision: the runtime gives the answers of the model, for every number of images."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what Keras and TensorFlow say of themselves while they are imported
    import keras

from tests.helpers.networks.tiny import make_network, make_spec
from tests.helpers.runs.exported_run import LABELS, SIDE, write_model
from tlsearch.cli.export import FORMAT_NAMES
from tlsearch.export.contract import ExportedNetwork, Precision
from tlsearch.export.formats import FORMATS
from tlsearch.export.network import exported_network, metadata, with_temperature
from tlsearch.models.build import export
from tlsearch.models.heads import Head, HeadWeights
from tlsearch.models.temperature import divide_by_temperature
from tlsearch.predictor import Predictor, load
from tlsearch.types import Float32Array

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CASES = [(name, precision) for name, form in FORMATS.items() for precision in form.precisions]

NEAR = {"float32": 1e-5, "float16": 5e-3, "int8": 0.1}
"""How far probabilities of this small network may lie from those in float32."""


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return load(write_model(tmp_path_factory.mktemp("formats") / "model", temperature=2.0))


@pytest.fixture(scope="module")
def network(predictor: Predictor, tmp_path_factory: pytest.TempPathFactory) -> ExportedNetwork:
    return exported_network(predictor, tmp_path_factory.mktemp("room"))


@pytest.fixture(scope="module")
def pixels() -> Float32Array:
    return np.random.default_rng(3).integers(0, 256, (9, SIDE, SIDE, 3)).astype(np.float32)


def need(name: str, precision: Precision = "float32") -> None:
    """Skip the test where a module is missing. None is imported: OpenVINO would tell Intel, and wait for the answer."""
    form = FORMATS[name]
    modules, extra = (form.requires, form.extra) if precision != "int8" else (form.int8_requires, form.int8_extra)
    if not all(find_spec(module) for module in (*form.requires, *modules)):
        pytest.skip(f"the extra tlsearch[{extra}] is not installed")


def write(network: ExportedNetwork, name: str, precision: Precision, folder: Path, pixels: Float32Array) -> Path:
    target = folder / f"network{FORMATS[name].suffix}"
    FORMATS[name].write(network, precision, target, (pixels[row : row + 1] for row in range(len(pixels))))
    return target


@pytest.mark.parametrize(("name", "precision"), CASES)
def test_the_runtime_gives_the_answers_of_predict(
    predictor: Predictor,
    network: ExportedNetwork,
    pixels: Float32Array,
    tmp_path: Path,
    name: str,
    precision: Precision,
) -> None:
    need(name, precision)
    target = write(network, name, precision, tmp_path, pixels)
    assert sorted(FORMATS[name].parts(target)) == sorted(tmp_path.iterdir())
    expected = divide_by_temperature(predictor.model.predict_on_batch(pixels), 2.0)
    run = FORMATS[name].open(target, 1 if FORMATS[name].threaded else None)
    for count in (9, 1, 4):  # as many images as one likes, one after another
        assert np.abs(run(pixels[:count]) - expected[:count]).max() < NEAR[precision]
    assert FORMATS[name].runtime().split()[-1][0].isdigit()


HEADS = {"joined cuts, hidden layer": ("avgmax", 2, 40), "flatten, hidden layer": ("flatten", 0, 192)}


@pytest.fixture(scope="module", params=HEADS)
def shipped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ExportedNetwork:
    """What a run ships of a small backbone, with each of the larger heads."""
    pooling, skip_cut, width = HEADS[request.param]
    rng = np.random.default_rng(1)

    def numbers(*shape: int) -> Float32Array:
        return rng.normal(0, 0.3, shape).astype(np.float32)

    head = Head.of(
        HeadWeights(
            mean=numbers(width),
            scale=np.exp(numbers(width)),
            hidden=(numbers(width, 8), numbers(8)),
            linear=(numbers(8, 3), numbers(3)),
        ),
        3,
    )
    backbone = make_network()
    spec = make_spec(freeze_depth=4, steps=10, units=8, pooling=pooling, skip_cut=skip_cut)
    model = export(backbone.plugin, backbone.candidate, backbone.cuts, spec, head, None)
    return ExportedNetwork(model=model, metadata={}, labels=LABELS, room=tmp_path_factory.mktemp("shipped"))


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].threaded])
def test_joined_cuts_and_hidden_heads_are_converted(
    shipped: ExportedNetwork, pixels: Float32Array, tmp_path: Path, name: str
) -> None:
    need(name)
    expected = np.asarray(shipped.model.predict_on_batch(pixels))
    assert expected.std() > 0.05
    run = FORMATS[name].open(write(shipped, name, "float32", tmp_path, pixels), None)
    assert np.abs(run(pixels) - expected).max() < 1e-4


def test_labels_are_in_the_files(network: ExportedNetwork, pixels: Float32Array, tmp_path: Path) -> None:
    write(network, "keras", "float32", tmp_path, pixels)
    write(network, "saved_model", "float32", tmp_path, pixels)
    told = json.loads((tmp_path / "network.saved_model" / "assets.extra" / "tlsearch.json").read_text())
    assert json.loads(told["labels"]) == list(LABELS)
    with zipfile.ZipFile(tmp_path / "network.keras") as archive:
        assert json.loads(archive.read("tlsearch.json")) == told
    assert told["temperature"] == "2.0"
    assert told["image_size"] == str(SIDE)


def test_metadata_say_how_a_picture_becomes_a_square(predictor: Predictor) -> None:
    config = {**predictor.config, "decode_size": 300, "resize": "pad", "window": [0, 4095]}
    other = Predictor(predictor.model, predictor.labels, config, predictor.folder)
    plain, told = metadata(predictor), metadata(other)
    assert (plain["resize"], plain["jpeg_draft"]) == ("squash", "448")
    assert not {"window", "padding"} & set(plain)
    assert (told["resize"], told["decode_size"], told["jpeg_draft"]) == ("pad", "300", "600")
    assert (json.loads(told["window"]), json.loads(told["padding"])) == ([0, 4095], [124, 116, 104])


def test_labels_are_in_an_onnx_file(network: ExportedNetwork, pixels: Float32Array, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="the extra tlsearch[onnx] is not installed")
    pytest.importorskip("tf2onnx", reason="the extra tlsearch[onnx] is not installed")
    model = onnx.load(str(write(network, "onnx", "float32", tmp_path, pixels)))
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(told["labels"]) == list(LABELS)
    (taken,), (given,) = model.graph.input, model.graph.output
    assert (taken.name, given.name) == ("rgb", "probabilities")
    assert taken.type.tensor_type.shape.dim[0].dim_param == "N"


def test_labels_are_in_a_litert_file(network: ExportedNetwork, pixels: Float32Array, tmp_path: Path) -> None:
    need("litert")
    with zipfile.ZipFile(write(network, "litert", "float32", tmp_path, pixels)) as archive:
        assert archive.read("labels.txt").decode().split() == list(LABELS)


def test_labels_are_in_openvino_files(network: ExportedNetwork, pixels: Float32Array, tmp_path: Path) -> None:
    need("openvino")
    from tlsearch.export.formats.openvino_ir import _openvino

    model = _openvino().Core().read_model(write(network, "openvino", "float32", tmp_path, pixels))
    assert json.loads(model.get_rt_info(["model_info", "labels"]).astype(str)) == list(LABELS)
    assert model.inputs[0].get_any_name() == "rgb"


def test_weights_of_openvino_in_int8_have_a_scale_for_each_channel(
    network: ExportedNetwork, pixels: Float32Array, tmp_path: Path
) -> None:
    need("openvino", "int8")
    from tlsearch.export.formats.openvino_ir import _openvino

    model = _openvino().Core().read_model(write(network, "openvino", "int8", tmp_path, pixels))
    kept = {str(one.get_element_type()) for one in model.get_ops() if one.get_type_name() == "Constant"}
    assert any("int8" in kind for kind in kept)
    scales = [
        node.input_value(1).get_shape()
        for node in model.get_ops()
        if node.get_type_name() == "Multiply" and node.input_value(0).get_node().get_type_name() == "Convert"
    ]
    assert [6, 1, 1, 1] in [list(shape) for shape in scales]
    assert json.loads(model.get_rt_info(["model_info", "labels"]).astype(str)) == list(LABELS)


def test_openvino_sends_nothing_to_anybody() -> None:
    need("openvino")
    code = (
        "from tlsearch.export.formats import openvino_ir; openvino_ir._openvino(); "
        "from openvino.tools.ovc import telemetry_utils; print(telemetry_utils.tm.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "openvino.tools.ovc.telemetry_stub"


def test_a_temperature_divides_logits_or_the_logarithms_of_probabilities(pixels: Float32Array) -> None:
    inputs = keras.Input((SIDE, SIDE, 3))
    dense = keras.layers.Dense(3, activation="softmax")
    model = keras.Model(inputs, dense(keras.layers.GlobalAveragePooling2D()(inputs)))
    dense.set_weights([np.eye(3, dtype=np.float32) * 0.3, np.zeros(3, np.float32)])
    expected = divide_by_temperature(model.predict_on_batch(pixels), 3.0)
    assert np.abs(with_temperature(model, 3.0).predict_on_batch(pixels) - expected).max() < 1e-5


def test_the_command_line_offers_the_formats_there_are() -> None:
    assert sorted(FORMAT_NAMES) == sorted(FORMATS)
