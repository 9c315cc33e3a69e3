"""The built-in networks: cut points, initial values, weights files and preprocessing. The rules for all are in
test_conformance."""

from __future__ import annotations

import io
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tlsearch.models.small_cnn import SmallCNN
from tlsearch.plugins.api import Backbone
from tlsearch_plugins.backbones.caffe import caffe_preprocess
from tlsearch_plugins.backbones.classics.alexnet import AlexNetOwt
from tlsearch_plugins.backbones.efficientnet_lite import EfficientNetLite0
from tlsearch_plugins.backbones.resnet import ResNet50
from tlsearch_plugins.backbones.vgg import VGG16, VGG19

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SHARED = Path(__file__).parents[4] / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the development data {SHARED} is not here")

BACKBONES: list[Any] = [VGG16(), VGG19(), ResNet50(), EfficientNetLite0(), SmallCNN()]
STAGE_ENDS = {
    "vgg16": [2, 4, 7, 10, 13],
    "vgg19": [2, 4, 8, 12, 16],
    "resnet50": [1, 4, 8, 14, 17],
    "efficientnet_lite0": [2, 4, 6, 12, 18],
    "small_cnn": [2, 3, 4],
}
CHANNELS = {"vgg16": 512, "vgg19": 512, "resnet50": 2048, "efficientnet_lite0": 1280, "small_cnn": 192}

each_backbone = pytest.mark.parametrize("name", [backbone.name for backbone in BACKBONES])


@cache
def built(name: str) -> tuple[Backbone, keras.Model]:
    """A backbone and its network for 64 px with random weights, which no test changes."""
    backbone = next(backbone for backbone in BACKBONES if backbone.name == name)
    keras.utils.set_random_seed(5)
    return backbone, backbone.build(64, None)


def photographs(size: int, count: int = 2) -> Any:
    """float32 pictures in 0..255 without any file: waves and a gradient."""
    y, x = np.mgrid[0:size, 0:size] / size
    waves = [127 + 100 * np.sin(9 * x + 4 * y), 127 + 100 * np.cos(14 * y), 255 * x * y]
    picture = np.stack(waves, axis=-1).astype("float32")
    return np.stack([np.roll(picture, 7 * i, axis=1) for i in range(count)])


def outputs(model: Any, x: Any) -> Any:
    """What ``model`` gives in inference mode, as an array."""
    return keras.ops.convert_to_numpy(model(x, training=False))


@each_backbone
def test_cut_points_are_in_order_and_end_with_the_output(name: str) -> None:
    backbone, model = built(name)
    assert isinstance(backbone, Backbone)
    cuts = backbone.cut_points(model)
    order = [layer.name for layer in model.layers]
    positions = [order.index(cut.layer) for cut in cuts]
    assert positions == sorted(set(positions))
    assert model.get_layer(cuts[-1].layer).output is model.output
    assert len({cut.name for cut in cuts}) == len(cuts)
    ends = [number for number, cut in enumerate(cuts, start=1) if cut.stage_end]
    assert ends == STAGE_ENDS[backbone.name]
    assert ends[-1] == len(cuts)
    assert model.output.shape[-1] == CHANNELS[backbone.name]


@each_backbone
def test_a_resolution_drop_follows_only_a_stage_end(name: str) -> None:
    backbone, model = built(name)
    cuts = backbone.cut_points(model)
    sides = [model.get_layer(cut.layer).output.shape[1] for cut in cuts]
    if not backbone.name.startswith("vgg"):  # there the cut with the drop is the end of the stage itself
        for cut, side, following in zip(cuts[:-1], sides[:-1], sides[1:], strict=True):
            assert following == side or cut.stage_end or cut.name == "stem"
    assert sides == sorted(sides, reverse=True)


@each_backbone
def test_random_networks_keep_the_signal_alive(name: str) -> None:
    """The output of a fresh network neither dies nor explodes on real pixel values, in training mode."""
    backbone, model = built(name)
    statistics = [variable.numpy() for variable in model.non_trainable_variables]
    features = keras.ops.convert_to_numpy(model(backbone.preprocess(photographs(64, 8)), training=True))
    for variable, value in zip(model.non_trainable_variables, statistics, strict=True):
        variable.assign(value)
    assert 0.02 < features.std() < 50


@pytest.mark.parametrize("name", ["resnet50", "efficientnet_lite0", "small_cnn"])
def test_batchnorm_follows_the_data_quickly(name: str) -> None:
    norms = [layer for layer in built(name)[1].layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {layer.momentum for layer in norms} == {0.9}


@each_backbone
def test_the_weights_of_another_network_do_not_fit(name: str, tmp_path: Path) -> None:
    backbone, model = built(name)
    file = tmp_path / "own.weights.h5"
    model.save_weights(file)
    other = BACKBONES[(BACKBONES.index(backbone) + 1) % len(BACKBONES)]
    with pytest.raises(ValueError, match=r"own\.weights\.h5 does not fit"):
        other.build(32, file)


def test_a_legacy_h5_file_is_loaded(tmp_path: Path) -> None:
    keras.utils.set_random_seed(9)
    model = VGG16().build(32, None)
    file = tmp_path / "legacy.h5"
    model.save(file)
    loaded = VGG16().build(48, file)
    for one, other in zip(loaded.variables, model.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5", ".keras", ".npz"])
@pytest.mark.parametrize("backbone", [VGG16(), EfficientNetLite0()], ids=lambda b: b.name)
def test_garbage_is_a_value_error(backbone: Backbone, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"garbage{suffix}"
    file.write_bytes(b"not weights at all")
    with pytest.raises(ValueError, match=f"garbage{suffix} does not fit"):
        backbone.build(32, file)


def one_array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros((2, 3), "float32"))
    return stream.getvalue()


def cut_off() -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **{"_conv_stem.weight": photographs(32)})
    whole = bytearray(stream.getvalue())
    whole[200:300] = bytes(100)  # in the middle of what is compressed
    return bytes(whole)


@pytest.mark.parametrize("content", [b"", one_array(), cut_off()], ids=["empty", "one array", "damaged"])
@pytest.mark.parametrize("backbone", [EfficientNetLite0(), AlexNetOwt()], ids=lambda b: b.name)
def test_arrays_that_are_none_are_a_value_error(backbone: Backbone, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "garbage.npz"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"garbage\.npz does not fit"):
        backbone.build(64, file)


def test_caffe_preprocessing_is_that_of_keras() -> None:
    images = photographs(16)
    before = images.copy()
    expected = keras.applications.vgg16.preprocess_input(images.copy())
    np.testing.assert_allclose(keras.ops.convert_to_numpy(caffe_preprocess(images)), expected, rtol=0, atol=1e-4)
    np.testing.assert_array_equal(images, before)
    tensor = keras.ops.convert_to_tensor(images)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(caffe_preprocess(tensor)), expected, rtol=0, atol=1e-4)
    expected = keras.applications.resnet50.preprocess_input(images.copy())
    np.testing.assert_allclose(keras.ops.convert_to_numpy(ResNet50().preprocess(images)), expected, rtol=0, atol=1e-4)


def test_the_other_preprocessings_are_what_they_say() -> None:
    images = np.array([0.0, 127.0, 255.0], "float32").reshape(1, 1, 1, 3)
    lite = keras.ops.convert_to_numpy(EfficientNetLite0().preprocess(images)).ravel()
    np.testing.assert_allclose(lite, [-127 / 128, 0, 1], atol=1e-6)
    small = keras.ops.convert_to_numpy(SmallCNN().preprocess(images)).ravel()
    np.testing.assert_allclose(small, [-127.5 / 64, -0.5 / 64, 127.5 / 64], atol=1e-6)


LOAD = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tlsearch", "tlsearch_plugins"):
            raise ImportError(f"{name} is not installed here")
sys.meta_path.insert(0, Refuse())
import keras, numpy as np
folder = sys.argv[1]
x = np.load(f"{folder}/x.npy")
for name in sys.argv[2:]:
    model = keras.models.load_model(f"{folder}/{name}.keras", safe_mode=True)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model(x)), np.load(f"{folder}/{name}.npy"))
print("loaded", len(sys.argv[2:]))
"""


def test_saved_preprocessing_loads_safely_without_tlsearch(tmp_path: Path) -> None:
    x = photographs(8)
    np.save(tmp_path / "x.npy", x)
    backbones: list[Any] = [VGG16(), ResNet50(), EfficientNetLite0(), SmallCNN()]
    for backbone in backbones:
        images = keras.Input((8, 8, 3))
        model = keras.Model(images, backbone.preprocess(images))
        model.save(tmp_path / f"{backbone.name}.keras")
        np.save(tmp_path / f"{backbone.name}.npy", outputs(model, x))
    names = [backbone.name for backbone in backbones]
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path), *names],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "loaded 4" in done.stdout


@needs_shared
def test_float16_weights_of_vgg16_are_loaded() -> None:
    h5py = pytest.importorskip("h5py")
    file = SHARED / "weights" / "vgg16_imagenet.weights.h5"
    model = VGG16().build(32, file)
    with h5py.File(file) as stored:
        kernel = stored["layers/conv2d_12/vars/0"][()].astype("float32")
    np.testing.assert_array_equal(model.get_layer("block5_conv3").kernel.numpy(), kernel)
