"""The weights in the package, against what the published networks say."""

import hashlib
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from tlsearch_efficientnet_lite import EfficientNetLite1, EfficientNetLite2

from tlsearch.plugins.torch_files.state_dict import read_state_dict

SHARED = Path(__file__).parents[4] / "shared"
LITE1, LITE2 = EfficientNetLite1(), EfficientNetLite2()


@pytest.fixture(scope="module", params=[LITE1, LITE2], ids=lambda plugin: plugin.name)
def plugin(request):
    return request.param


@pytest.fixture(scope="module")
def network(plugin):
    """The network at the size that it was trained with, with its weights."""
    return plugin.build(plugin.default_image_size, plugin.weights["imagenet"].path)


def features(plugin, network, images):
    """Average-pooled features, (N, 1280)."""
    return keras.ops.convert_to_numpy(network(plugin.preprocess(images), training=False)).mean(axis=(1, 2))


def test_features_of_a_drawn_picture(plugin, network):
    """Reference values: these networks, whose top-1 classes the next test checks, on TensorFlow in float32."""
    mean, std, largest, value = {
        "efficientnet_lite1": (0.165578, 0.504362, 485, 5.546720),
        "efficientnet_lite2": (0.160880, 0.432573, 966, 5.964362),
    }[plugin.name]
    size = plugin.default_image_size
    y, x = np.mgrid[0:size, 0:size] / size
    waves = [127 + 100 * np.sin(9 * x + 4 * y), 127 + 100 * np.cos(14 * y), 255 * x * y]
    [row] = features(plugin, network, np.stack(waves, axis=-1)[None].astype("float32"))
    assert row.mean() == pytest.approx(mean, rel=1e-3)
    assert row.std() == pytest.approx(std, rel=1e-3)
    assert row.argmax() == largest
    assert row.max() == pytest.approx(value, rel=1e-3)


@pytest.mark.parametrize(
    ("photograph", "imagenet_class"),
    [
        ("pants/0982f691-f2ce-469b-b81e-6842b914632c.jpg", 608),  # jean
        ("shoes/04fa06fb-d71a-4293-9804-fe799375a682.jpg", 774),  # sandal
        ("shoes/00f6e504-7c27-438e-a5d7-bc65e557bb2b.jpg", 630),  # loafer
    ],
)
def test_top_class_with_the_published_top(plugin, network, photograph, imagenet_class):
    names = {"efficientnet_lite1": "efficientnet-lite1-77cc7160", "efficientnet_lite2": "efficientnet-lite2-9656183e"}
    published = SHARED / "weights" / f"{names[plugin.name]}.pth"
    if not published.is_file():
        pytest.skip(f"the published file {published} is not here")
    arrays, size = read_state_dict(published), plugin.default_image_size
    with Image.open(SHARED / "data" / "clothing" / "train" / photograph) as image:
        pixels = np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC), "float32")
    [logits] = features(plugin, network, pixels[None]) @ arrays["_fc.weight"].T + arrays["_fc.bias"]
    assert logits.argmax() == imagenet_class
    assert 1 / np.exp(logits - logits.max()).sum() > 0.4


@pytest.mark.parametrize(
    ("plugin", "digest", "megabytes"),
    [
        (LITE1, "706b262ff1b3d5427ac65abffd40635b12e5a10dbff637c83319ff313f6f5995", 7.8),
        (LITE2, "4e8b1fec7294153c595781fc9ad13fcc6ff49140053b633deebbdac2b9cde948", 9.1),
    ],
    indirect=["plugin"],
)
def test_a_file_is_small_half_precision_and_without_a_top(plugin, digest, megabytes):
    file = plugin.weights["imagenet"].path
    assert hashlib.sha256(file.read_bytes()).hexdigest() == digest
    assert file.stat().st_size < megabytes * 1e6
    with np.load(file) as arrays:
        assert not [array for array in arrays.files if array.startswith("_fc") or array.endswith("batches_tracked")]
        assert {str(arrays[array].dtype) for array in arrays.files} == {"float16"}
        values = sum(arrays[array].size for array in arrays.files)
    assert values == plugin.build(32, None).count_params()
    licence = (file.parent / "LICENCE.md").read_text()
    assert "Apache" in licence
    assert file.name in licence
