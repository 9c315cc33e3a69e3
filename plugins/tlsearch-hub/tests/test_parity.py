"""What is computed here is what KerasHub computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tlsearch_hub.any_preset import _network_of
from tlsearch_hub.architecture import architecture_of
from tlsearch_hub.presets import Preset
from tlsearch_hub.tokens import TokenBackbone

SIDE = 64
TRANSFORMERS = ["vit", "vit_without_class", "deit", "dinov2", "dinov2_registers"]
Saved = Callable[[str], Path]


def images(side: int) -> Any:
    return np.random.default_rng(1).uniform(-1, 1, (2, side, side, 3)).astype(np.float32)


def network(folder: Path) -> TokenBackbone:
    found = _network_of(Preset(folder))
    assert isinstance(found, TokenBackbone)
    return found


def array(value: Any) -> Any:
    return keras.ops.convert_to_numpy(value)


def whole(backbone: Any, x: Any) -> Any:
    """What a backbone of KerasHub gives."""
    named = type(backbone).__name__ == "DINOV2Backbone"
    return array(backbone({"images": x} if named else x, training=False))


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_preset_gives_the_same_tokens_as_in_keras_hub(name: str, saved: Saved) -> None:
    import keras_hub

    preset, x = saved(name), images(SIDE)
    expected = whole(keras_hub.models.Backbone.from_preset(str(preset)), x)
    plugin = network(preset)
    model = plugin.build(SIDE, Preset(preset).weights)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(array(model(x, training=False)), expected, atol=2e-5)
    (leading,) = {cut.leading_tokens for cut in plugin.cut_points(model)}
    assert expected.shape[1] == (SIDE // 16) ** 2 + leading


@pytest.mark.parametrize("side", [32, 96])
def test_positions_for_other_sizes_are_those_of_keras_hub(side: int, saved: Saved) -> None:
    """Only DINOv2 has other sizes there."""
    import keras_hub

    preset, x = saved("dinov2"), images(side)
    other = keras_hub.models.Backbone.from_preset(str(preset), image_shape=(side, side, 3))
    model = network(preset).build(side, Preset(preset).weights)
    np.testing.assert_allclose(array(model(x, training=False)), whole(other, x), atol=2e-5)


def test_what_it_has_saved_is_loaded_at_every_size(saved: Saved, tmp_path: Path) -> None:
    preset = saved("deit")
    plugin, file = network(preset), tmp_path / "own.weights.h5"
    small = plugin.build(48, Preset(preset).weights)
    small.save_weights(file)
    again = plugin.build(48, file)
    for one, other in zip(small.weights, again.weights, strict=True):
        np.testing.assert_array_equal(array(one), array(other))
    large = plugin.build(96, file)
    assert large.output.shape == (None, 36 + 2, 16)
    np.testing.assert_array_equal(array(large.get_layer("leading").kernel), array(small.get_layer("leading").kernel))
    # Every other position of the finer grid lies between the same neighbours: their average is kept.
    coarse, fine = (array(model.get_layer("positions").kernel).reshape(-1, 16) for model in (small, large))
    np.testing.assert_allclose(fine.mean(axis=0), coarse.mean(axis=0), atol=0.02)


def test_a_size_between_two_grids_is_scaled_to_the_nearest(saved: Saved) -> None:
    plugin = network(saved("vit"))
    model = plugin.build(60, None)
    assert model.output.shape == (None, 17, 16)
    assert model.get_layer("resize").height == 64
    assert "resize" not in [layer.name for layer in plugin.build(64, None).layers]


@pytest.mark.parametrize("wrong", ["another network", "no file", "no weights"])
def test_a_file_that_does_not_fit_is_a_value_error(wrong: str, saved: Saved, tmp_path: Path) -> None:
    file = {"another network": saved("dinov2") / "model.weights.h5", "no file": tmp_path / "gone.weights.h5"}.get(wrong)
    if file is None:
        file = tmp_path / "text.weights.h5"
        file.write_text("no weights")
    with pytest.raises(ValueError, match=str(file.name)):
        network(saved("vit")).build(SIDE, file)


@pytest.mark.parametrize(("blocks", "names"), [(1, []), (12, [str(n) for n in range(1, 12)]), (24, [*"2468"])])
def test_the_cut_points_are_patches_blocks_and_the_norm(blocks: int, names: list[str]) -> None:
    config = {"image_shape": (32, 32, 3), "patch_size": 16, "num_heads": 1, "hidden_dim": 4, "mlp_dim": 4}
    plugin = TokenBackbone("t", "ViTBackbone", Preset(Path("none")), {**config, "num_layers": blocks})
    cuts = plugin.cut_points(plugin.build(32, None))
    assert (cuts[0].name, cuts[-1].name) == ("patches", "norm")
    assert [cut.name for cut in cuts[1:-1]][: len(names)] == [f"block{name}" for name in names]
    assert len(cuts) <= 24
    assert plugin.hints.freeze_late is not None
    assert 0 < plugin.hints.freeze_late < len(cuts)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"image_shape": (32, 64, 3)}, "must be squares"), ({"num_heads": None}, "does not say 'num_heads'")],
)
def test_a_configuration_that_cannot_be_used_says_why(change: dict[str, Any], said: str) -> None:
    config = {"image_shape": (32, 32, 3), "patch_size": 16, "num_heads": 1, "hidden_dim": 4, "mlp_dim": 4}
    config = {key: value for key, value in {**config, "num_layers": 1, **change}.items() if value is not None}
    with pytest.raises(ValueError, match=said):
        architecture_of("ViTBackbone", config)
