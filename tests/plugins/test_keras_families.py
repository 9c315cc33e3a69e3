"""Every network of keras.applications can be cut where its cut points are found."""

from __future__ import annotations

import time
from typing import Any

import keras
import numpy as np
import pytest

from tests.helpers.networks.keras_families import FAMILIES, MEMBERS, Application
from tlsearch.backend.graph import output_of
from tlsearch.models.partition import dtype_policy
from tlsearch.plugins.api import CutPoint

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

AGREE = {"float32": 1e-4, "mixed_bfloat16": 2.0**-7}
"""The largest difference, as a share of the largest value: bfloat16 has 8 bits."""

USUAL = ("ConvNeXtTiny", "DenseNet121", "InceptionV3", "MobileNetV3Small", "ResNet50V2", "VGG16", "Xception")
"""Those that every run of the tests looks at."""

OTHER_MEMBERS = [name for name in MEMBERS if name not in FAMILIES]


def to_numpy(tensor: Any) -> Any:
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32")))


def pictures(size: int) -> Any:
    return np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype("float32")


def check_parts(plugin: Application, policy: str) -> list[CutPoint]:
    """Part by part the network computes what it computes as a whole, so that it does so cut at any one place.

    Where another path led around a cut point, the part behind it could not be made.
    """
    keras.utils.set_random_seed(1)
    with dtype_policy(policy):
        model = plugin.build(plugin.min_image_size, None)
    begin = time.process_time()
    cuts = list(plugin.cut_points(model))
    assert time.process_time() - begin < 1.0
    tensors = [model.input, *(output_of(model, cut.layer) for cut in cuts)]
    assert tensors[-1] is model.output
    x = plugin.preprocess(pictures(plugin.min_image_size))
    features = keras.Model(model.input, tensors[1:])(x, training=False)
    part = x
    for before, after, whole in zip(tensors, tensors[1:], [features] if len(cuts) == 1 else features, strict=False):
        part = keras.Model(before, after)(part, training=False)
        expected, found = to_numpy(whole), to_numpy(part)
        assert np.isfinite(expected).all()
        assert np.abs(found - expected).max() <= AGREE[policy] * np.abs(expected).max()
    return cuts


@pytest.mark.parametrize(
    "member", [member if member in USUAL else pytest.param(member, marks=pytest.mark.networks) for member in FAMILIES]
)
def test_the_parts_of_a_family_are_the_whole(member: str) -> None:
    cuts = check_parts(Application(member), "float32")
    least = 2 if member == "NASNetMobile" else 10  # NASNet's cells take the outputs of two before them
    assert least <= len(cuts) <= 24
    assert cuts[-1].stage_end


@pytest.mark.parametrize("member", ["MobileNetV3Small", "ConvNeXtTiny"])
def test_the_parts_are_the_whole_in_bfloat16(member: str) -> None:
    check_parts(Application(member), "mixed_bfloat16")


@pytest.mark.networks
@pytest.mark.parametrize("member", FAMILIES)
def test_the_parts_of_every_family_are_the_whole_in_bfloat16(member: str) -> None:
    check_parts(Application(member), "mixed_bfloat16")


@pytest.mark.networks
@pytest.mark.parametrize("member", OTHER_MEMBERS)
def test_the_parts_of_every_other_member_are_the_whole(member: str) -> None:
    assert len(check_parts(Application(member), "float32")) >= (2 if member.startswith("NASNet") else 10)


def test_every_member_is_of_a_family() -> None:
    assert set(FAMILIES) < set(MEMBERS)
    assert len(MEMBERS) >= 38


@pytest.mark.parametrize(
    ("member", "names", "stage_ends"),
    [
        ("VGG16", "block1_conv1 block1_pool block2_conv1 block2_pool", [2, 4, 7, 10, 13]),
        ("ResNet50", "pool1_pool conv2_block1_out conv2_block2_out conv2_block3_out", [1, 4, 8, 14, 17]),
        ("ConvNeXtTiny", "stem stage_0_block_0 stage_0_block_1 stage_0_block_2", [4, 8, 18, 22]),
        ("MobileNetV2", "Conv1_relu expanded_conv_depthwise_relu expanded_conv_project_BN", [3, 5, 8, 15, 20]),
    ],
)
def test_cuts_lie_where_an_author_would_put_them(member: str, names: str, stage_ends: list[int]) -> None:
    plugin = Application(member)
    cuts = plugin.cut_points(plugin.build(plugin.min_image_size, None))
    assert [cut.name for cut in cuts][: len(names.split())] == names.split()
    assert [depth for depth, cut in enumerate(cuts, start=1) if cut.stage_end] == stage_ends


@pytest.mark.parametrize("member", ["MobileNetV3Small", "MobileNet", "ResNet50V2"])
def test_cuts_are_the_same_at_every_size(member: str) -> None:
    plugin = Application(member)
    first, *others = [plugin.cut_points(plugin.build(size, None)) for size in (32, 47, 224)]
    assert all(other == first for other in others)
