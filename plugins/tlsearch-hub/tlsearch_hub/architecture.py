"""What a vision transformer of KerasHub is made of, read from the configuration of its backbone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Family = Literal["ViTBackbone", "DeiTBackbone", "DINOV2Backbone"]
FAMILIES: tuple[Family, ...] = ("ViTBackbone", "DeiTBackbone", "DINOV2Backbone")
"""The classes of KerasHub whose backbones are transformers of tokens that this package knows."""

PIXELS: Mapping[str, Literal["-1..1", "imagenet"]] = {
    "ViTBackbone": "-1..1",
    "DeiTBackbone": "imagenet",
    "DINOV2Backbone": "imagenet",
}
"""What the published weights of a family want of their pixels; a preset says it itself in ``image_converter.json``."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A vision transformer.

    Attributes:
        family: The class in KerasHub.
        patch: The side of a patch in pixels.
        side: The side in pixels of the images for which it has positions.
        width: The channels of a token.
        blocks: How many there are.
        heads: The heads of attention.
        hidden: The units of the hidden layer in each block; of a gated one two thirds of it are used.
        leading: The tokens before those of the patches: the class token, and a distillation token or registers.
        epsilon: That of layer normalisation.
        attention_bias: Whether attention has biases.
        hidden_bias: Whether the two dense layers of a block have biases.
        patch_bias: Whether the convolution over patches has a bias.
        is_gated: Whether the hidden layer is a SwiGLU (Shazeer 2020).
        antialias: Whether positions are filtered where they are scaled down.
    """

    family: Family
    patch: int
    side: int
    width: int
    blocks: int
    heads: int
    hidden: int
    leading: int
    epsilon: float = 1e-6
    attention_bias: bool = True
    hidden_bias: bool = True
    patch_bias: bool = True
    is_gated: bool = False
    antialias: bool = False

    def grid(self, image_size: int) -> int:
        """Give how many patches there are along a side: that of the nearest multiple of a patch, which images get."""
        return max(1, round(image_size / self.patch))


def architecture_of(family: Family, config: Mapping[str, Any]) -> Architecture:
    """Read the configuration of a backbone, as ``get_config`` gives it.

    Raises:
        ValueError: It lacks something, or its images or patches are no squares.
    """
    try:
        return _READERS[family](config)
    except KeyError as error:
        raise ValueError(f"its configuration does not say {error.args[0]!r}") from error


def _vit(config: Mapping[str, Any]) -> Architecture:
    return Architecture(
        family="ViTBackbone",
        patch=_side(config["patch_size"]),
        side=_side(config["image_shape"][:2]),
        width=config["hidden_dim"],
        blocks=config["num_layers"],
        heads=config["num_heads"],
        hidden=config["mlp_dim"],
        leading=1 if config.get("use_class_token", True) else 0,
        epsilon=config.get("layer_norm_epsilon", 1e-6),
        attention_bias=config.get("use_mha_bias", True),
        hidden_bias=config.get("use_mlp_bias", True),
        patch_bias=config.get("use_patch_bias", True),
    )


def _deit(config: Mapping[str, Any]) -> Architecture:
    return Architecture(
        family="DeiTBackbone",
        patch=_side(config["patch_size"]),
        side=_side(config["image_shape"][:2]),
        width=config["hidden_dim"],
        blocks=config["num_layers"],
        heads=config["num_heads"],
        hidden=config["intermediate_dim"],
        leading=2,
        epsilon=config.get("layer_norm_epsilon", 1e-6),
        attention_bias=config.get("use_mha_bias", True),
    )


def _dinov2(config: Mapping[str, Any]) -> Architecture:
    return Architecture(
        family="DINOV2Backbone",
        patch=_side(config["patch_size"]),
        side=_side(config["position_embedding_shape"][:2]),
        width=config["hidden_dim"],
        blocks=config["num_layers"],
        heads=config["num_heads"],
        hidden=config["intermediate_dim"],
        leading=1 + config.get("num_register_tokens", 0),
        is_gated=config.get("use_swiglu_ffn", False),
        antialias=config.get("antialias_in_interpolation", False),
    )


_READERS = {"ViTBackbone": _vit, "DeiTBackbone": _deit, "DINOV2Backbone": _dinov2}


def _side(sides: Any) -> int:
    height, width = sides if isinstance(sides, list | tuple) else (sides, sides)
    if height is None or height != width:
        raise ValueError(f"its images and patches must be squares of a known size, not {height} x {width}")
    return int(height)
