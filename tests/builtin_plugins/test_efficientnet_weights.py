"""The bundled weights of EfficientNet-Lite, against what the published networks say."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from tlsearch.plugins.torch_files.state_dict import read_state_dict
from tlsearch_plugins.backbones.efficientnet_lite import EfficientNetLite0, EfficientNetLite1, EfficientNetLite2

SHARED = Path(__file__).parents[3] / "shared"
LITES: Mapping[str, Any] = {
    plugin.name: plugin for plugin in (EfficientNetLite0(), EfficientNetLite1(), EfficientNetLite2())
}
LITE0 = LITES["efficientnet_lite0"]
BUNDLED = LITE0.weights["imagenet"].path

each_network = pytest.mark.parametrize("plugin", LITES.values(), ids=LITES)


@pytest.fixture(scope="module")
def networks() -> Mapping[str, Any]:
    """Each network at the size that it was trained with, with the bundled weights."""
    return {name: p.build(p.default_image_size, p.weights["imagenet"].path) for name, p in LITES.items()}


def features(plugin: Any, network: Any, images: Any) -> Any:
    """Average-pooled features, (N, 1280)."""
    maps = network(plugin.preprocess(images), training=False)
    return keras.ops.convert_to_numpy(maps).mean(axis=(1, 2))


@pytest.mark.parametrize(
    ("name", "mean", "std", "largest", "value"),
    [
        ("efficientnet_lite0", 0.127671, 0.464773, 71, 5.449292),
        ("efficientnet_lite1", 0.165578, 0.504362, 485, 5.546720),
        ("efficientnet_lite2", 0.160880, 0.432573, 966, 5.964362),
    ],
)
def test_features_of_a_drawn_picture(
    networks: Mapping[str, Any], name: str, mean: float, std: float, largest: int, value: float
) -> None:
    """Reference values: these networks, whose top-1 classes the next test checks, on TensorFlow in float32."""
    size = LITES[name].default_image_size
    y, x = np.mgrid[0:size, 0:size] / size
    waves = [127 + 100 * np.sin(9 * x + 4 * y), 127 + 100 * np.cos(14 * y), 255 * x * y]
    [row] = features(LITES[name], networks[name], np.stack(waves, axis=-1)[None].astype("float32"))
    assert row.shape == (1280,)
    assert row.mean() == pytest.approx(mean, rel=1e-3)
    assert row.std() == pytest.approx(std, rel=1e-3)
    assert row.argmax() == largest
    assert row.max() == pytest.approx(value, rel=1e-3)


PUBLISHED = {
    "efficientnet_lite0": "efficientnet_lite0.npz",
    "efficientnet_lite1": "efficientnet-lite1-77cc7160.pth",
    "efficientnet_lite2": "efficientnet-lite2-9656183e.pth",
}
"""The published files, which have the layer of the 1,000 classes too."""


def published(name: str) -> Mapping[str, Any]:
    """The arrays of a published file; skips where it is not here."""
    file = SHARED / "weights" / PUBLISHED[name]
    if not file.is_file():
        pytest.skip(f"the published file {file} is not here")
    return dict(np.load(file)) if file.suffix == ".npz" else read_state_dict(file)


@each_network
@pytest.mark.parametrize(
    ("photograph", "imagenet_class"),
    [
        ("pants/0982f691-f2ce-469b-b81e-6842b914632c.jpg", 608),  # jean
        ("shoes/04fa06fb-d71a-4293-9804-fe799375a682.jpg", 774),  # sandal
        ("shoes/00f6e504-7c27-438e-a5d7-bc65e557bb2b.jpg", 630),  # loafer
    ],
)
def test_top_class_with_the_published_top(
    networks: Mapping[str, Any], plugin: Any, photograph: str, imagenet_class: int
) -> None:
    arrays, size = published(plugin.name), plugin.default_image_size
    weight, bias = arrays["_fc.weight"].astype("float32"), arrays["_fc.bias"].astype("float32")
    with Image.open(SHARED / "data" / "clothing" / "train" / photograph) as image:
        pixels = np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC), "float32")
    [logits] = features(plugin, networks[plugin.name], pixels[None]) @ weight.T + bias
    assert logits.argmax() == imagenet_class
    assert 1 / np.exp(logits - logits.max()).sum() > 0.4


@pytest.mark.parametrize(
    ("name", "digest", "megabytes"),
    [
        ("efficientnet_lite0", "65b7baeacca973a9c26ec89eab7e5e3edb147d1072eadc19b44009f3d21dc005", 6.4),
        ("efficientnet_lite1", "706b262ff1b3d5427ac65abffd40635b12e5a10dbff637c83319ff313f6f5995", 7.8),
        ("efficientnet_lite2", "4e8b1fec7294153c595781fc9ad13fcc6ff49140053b633deebbdac2b9cde948", 9.1),
    ],
)
def test_a_bundled_file_is_small_half_precision_and_without_a_top(name: str, digest: str, megabytes: float) -> None:
    file = LITES[name].weights["imagenet"].path
    assert hashlib.sha256(file.read_bytes()).hexdigest() == digest
    assert file.stat().st_size < megabytes * 1e6
    with np.load(file) as arrays:
        assert not [array for array in arrays.files if array.startswith("_fc") or array.endswith("batches_tracked")]
        assert {str(arrays[array].dtype) for array in arrays.files} == {"float16"}
        values = sum(arrays[array].size for array in arrays.files)
    assert values == LITES[name].build(32, None).count_params()
    licence = " ".join((file.parent / "LICENCE.md").read_text().split())
    assert "Apache" in licence
    assert name in licence


def test_other_sizes_share_the_weights(networks: Mapping[str, Any]) -> None:
    small = LITE0.build(32, BUNDLED)
    for one, other in zip(small.variables, networks["efficientnet_lite0"].variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.parametrize("fault", ["missing", "shape"])
def test_a_file_with_a_fault_is_a_value_error(fault: str, tmp_path: Path) -> None:
    assert BUNDLED is not None
    with np.load(BUNDLED) as stored:
        arrays = dict(stored)
    if fault == "missing":
        del arrays["_blocks.7._bn1.running_var"]
    else:
        arrays["_conv_head.weight"] = arrays["_conv_head.weight"][:-1]
    file = tmp_path / "faulty.npz"
    np.savez(file, **arrays)
    with pytest.raises(ValueError, match=r"faulty\.npz does not fit efficientnet_lite0"):
        LITE0.build(32, file)
