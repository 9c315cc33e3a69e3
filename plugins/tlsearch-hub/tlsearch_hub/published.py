"""The transformers that KerasHub publishes and that suit a machine without many GPUs: a plugin each.

What stands here of their architecture is of the papers; where the preset is on this machine, its own configuration is
taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlsearch_hub.architecture import Family
from tlsearch_hub.presets import Preset, presets_folder
from tlsearch_hub.tokens import TokenBackbone

VIT = {"trained_on": "ImageNet-21k, then ImageNet-1k", "licence": "Apache-2.0 (Google)"}
DEIT = {"trained_on": "ImageNet-1k, distilled", "licence": "Apache-2.0 (Meta)"}
DINOV2 = {"trained_on": "LVD-142M, without labels", "licence": "Apache-2.0 (Meta)"}


def _sizes(width: int, heads: int, hidden: str) -> dict[str, Any]:
    """Twelve blocks, whose hidden layers are four times as wide as their tokens."""
    return {"num_layers": 12, "hidden_dim": width, "num_heads": heads, hidden: 4 * width}


class _Published(TokenBackbone):
    """A network by the name of its preset."""

    def __init__(
        self, name: str, family: Family, preset: str, title: str, source: Mapping[str, str], **arguments: Any
    ) -> None:
        super().__init__(name, family, Preset(presets_folder() / preset), arguments, title=title, source=source)


class ViTB16(_Published):
    """ViT-B/16 (Dosovitskiy et al. 2021)."""

    def __init__(self) -> None:
        sizes = _sizes(768, 12, "mlp_dim")
        preset = "vit_base_patch16_224_imagenet"
        super().__init__(
            "vit_b16", "ViTBackbone", preset, "ViT-B/16", VIT, patch_size=16, image_shape=(224, 224, 3), **sizes
        )


class _DeiT(_Published):
    """DeiT with its distillation token (Touvron et al. 2021)."""

    def __init__(self, size: str, width: int, heads: int) -> None:
        sizes = _sizes(width, heads, "intermediate_dim")
        preset, title = f"deit_{size}_distilled_patch16_224_imagenet", f"DeiT-{size.capitalize()}"
        super().__init__(
            f"deit_{size}", "DeiTBackbone", preset, title, DEIT, patch_size=16, image_shape=(224, 224, 3), **sizes
        )


class DeiTTiny(_DeiT):
    """5.9 million parameters."""

    def __init__(self) -> None:
        super().__init__("tiny", 192, 3)


class DeiTSmall(_DeiT):
    """22 million parameters."""

    def __init__(self) -> None:
        super().__init__("small", 384, 6)


class _DINOv2(_Published):
    """DINOv2 (Oquab et al. 2023), whose positions are those of 518 pixels."""

    def __init__(self, size: str, width: int, heads: int) -> None:
        sizes = _sizes(width, heads, "intermediate_dim")
        preset, title = f"dinov2_{size}", f"DINOv2-{size.capitalize()}"
        super().__init__(
            preset, "DINOV2Backbone", preset, title, DINOV2, patch_size=14, position_embedding_shape=(518, 518), **sizes
        )


class DINOv2Small(_DINOv2):
    """22 million parameters."""

    def __init__(self) -> None:
        super().__init__("small", 384, 6)


class DINOv2Base(_DINOv2):
    """87 million parameters."""

    def __init__(self) -> None:
        super().__init__("base", 768, 12)
