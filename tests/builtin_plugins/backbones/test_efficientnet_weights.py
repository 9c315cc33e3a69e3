"""EfficientNet-Lite0's bundled weights, against what the published network says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from tlsearch_plugins.backbones.efficientnet_lite import EfficientNetLite0

SHARED = Path(__file__).parents[4] / "shared"
LITE0 = EfficientNetLite0()
BUNDLED = LITE0.weights["imagenet"].path


@pytest.fixture(scope="module")
def network() -> Any:
    """EfficientNet-Lite0 at 224 pixels with the bundled weights."""
    return LITE0.build(224, BUNDLED)


def features(network: Any, images: Any) -> Any:
    """Average-pooled features, (N, 1280)."""
    maps = network(LITE0.preprocess(images), training=False)
    return keras.ops.convert_to_numpy(maps).mean(axis=(1, 2))


def test_features_of_a_drawn_picture(network: Any) -> None:
    """Reference values: this network, whose top-1 classes the next test checks, on TensorFlow in float32."""
    y, x = np.mgrid[0:224, 0:224] / 224
    waves = [127 + 100 * np.sin(9 * x + 4 * y), 127 + 100 * np.cos(14 * y), 255 * x * y]
    [row] = features(network, np.stack(waves, axis=-1)[None].astype("float32"))
    assert row.shape == (1280,)
    assert row.mean() == pytest.approx(0.127671, rel=1e-3)
    assert row.std() == pytest.approx(0.464773, rel=1e-3)
    assert row.argmax() == 71
    assert row.max() == pytest.approx(5.449292, rel=1e-3)


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the development data {SHARED} is not here")
@pytest.mark.parametrize(
    ("photograph", "imagenet_class"),
    [
        ("pants/0982f691-f2ce-469b-b81e-6842b914632c.jpg", 608),  # jean
        ("shoes/04fa06fb-d71a-4293-9804-fe799375a682.jpg", 774),  # sandal
        ("shoes/00f6e504-7c27-438e-a5d7-bc65e557bb2b.jpg", 630),  # loafer
    ],
)
def test_top_class_with_the_published_top(network: Any, photograph: str, imagenet_class: int) -> None:
    with np.load(SHARED / "weights" / "efficientnet_lite0.npz") as arrays:
        weight, bias = arrays["_fc.weight"].astype("float32"), arrays["_fc.bias"].astype("float32")
    with Image.open(SHARED / "data" / "clothing" / "train" / photograph) as image:
        pixels = np.asarray(image.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC), "float32")
    [logits] = features(network, pixels[None]) @ weight.T + bias
    assert logits.argmax() == imagenet_class
    assert 1 / np.exp(logits - logits.max()).sum() > 0.7


def test_the_bundled_file_is_small_half_precision_and_without_a_top() -> None:
    assert BUNDLED is not None
    assert BUNDLED.stat().st_size < 7e6
    with np.load(BUNDLED) as arrays:
        assert not [name for name in arrays.files if name.startswith("_fc")]
        assert {str(arrays[name].dtype) for name in arrays.files} == {"float16"}
    assert "Apache" in (BUNDLED.parent / "LICENCE.md").read_text()


def test_other_sizes_share_the_weights(network: Any) -> None:
    small = LITE0.build(32, BUNDLED)
    for one, other in zip(small.variables, network.variables, strict=True):
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
