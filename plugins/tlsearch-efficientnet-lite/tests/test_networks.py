"""The networks keep their contract, and are what was published."""

import math

import pytest
from tlsearch_efficientnet_lite import EfficientNetLite1, EfficientNetLite2

from tlsearch.models.flops import layer_work
from tlsearch.testing import BackboneTests
from tlsearch_plugins.backbones.efficientnet_lite import EfficientNetLite0

LITE1, LITE2 = EfficientNetLite1(), EfficientNetLite2()
each_network = pytest.mark.parametrize("plugin", [LITE1, LITE2], ids=lambda plugin: plugin.name)

TOP = 1280 * 1000 + 1000
"""The values of the layer of the 1,000 classes of ImageNet, which a backbone does not have."""


class TestNetworks(BackboneTests):
    # One backbone after the other, because checks in a row share its network.
    @pytest.fixture(scope="class", params=[EfficientNetLite1, EfficientNetLite2])
    @classmethod
    def plugin(cls, request):
        return request.param()


@pytest.mark.parametrize(("plugin", "width", "depth"), [(LITE1, 1.0, 1.1), (LITE2, 1.1, 1.2)])
def test_stages_are_those_of_lite0_scaled_by_the_published_rules(plugin, width, depth):
    """``round_filters`` and ``round_repeats`` of the published code; ends are not made deeper."""
    for number, (stage, first) in enumerate(zip(plugin.stages, EfficientNetLite0.stages, strict=True)):
        expand, filters, repeat, kernel, stride = stage
        assert (expand, kernel, stride) == (first[0], *first[3:])
        assert repeat == (first[2] if number in (0, 6) else math.ceil(depth * first[2]))
        nearest = max(8, int(first[1] * width + 4) // 8 * 8)
        assert filters == (nearest if nearest >= 0.9 * first[1] * width else nearest + 8)


@pytest.mark.parametrize(("plugin", "values"), [(LITE1, 5_416_680), (LITE2, 6_092_072)])
def test_the_number_of_parameters_is_the_published_one(plugin, values):
    model = plugin.build(32, None)
    assert sum(math.prod(variable.shape) for variable in model.trainable_variables) + TOP == values


@each_network
def test_cut_points_are_stem_blocks_and_head_with_the_ends_of_stages(plugin):
    model = plugin.build(64, None)
    cuts = plugin.cut_points(model)
    repeats = [repeat for _, _, repeat, _, _ in plugin.stages]
    blocks = [f"stage{stage}{'abcdef'[n]}" for stage, repeat in enumerate(repeats, 1) for n in range(repeat)]
    assert [cut.name for cut in cuts] == ["stem", *blocks, "head"]
    assert len(blocks) == 21
    assert [n for n, cut in enumerate(cuts, 1) if cut.stage_end] == [2, 5, 8, 16, 23]
    sides = [model.get_layer(cut.layer).output.shape[1] for cut in cuts]
    assert sides == [32] * 2 + [16] * 3 + [8] * 3 + [4] * 8 + [2] * 7


@each_network
def test_hints_freeze_three_stages_and_all_but_two_blocks_and_the_head(plugin):
    assert plugin.hints.freeze_middle == 1 + sum(repeat for _, _, repeat, _, _ in plugin.stages[:3])
    assert plugin.hints.freeze_late == 23 - 3


@pytest.mark.parametrize(("plugin", "size", "side"), [(LITE1, 240, 8), (LITE2, 260, 9)])
def test_work_is_what_it_computes_at_the_size_that_it_was_trained_with(plugin, size, side):
    assert plugin.default_image_size == size
    model = plugin.build(size, None)
    assert model.output.shape[1:] == (side, side, 1280)
    assert plugin.work == pytest.approx(sum(layer_work(layer).total for layer in model.layers), rel=0.03)
