"""Tiny backbones of KerasHub with random weights, saved as presets."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HAS_HUB = importlib.util.find_spec("keras_hub") is not None
REASON = "keras-hub is not installed; pip install ./plugins/tlsearch-hub brings it"

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
FILTER = "ignore:__array__ implementation:DeprecationWarning"

SIDE = 64
VIT: dict[str, Any] = {
    "image_shape": (SIDE, SIDE, 3), "patch_size": 16, "num_layers": 3, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 24
}  # fmt: skip
DEIT: dict[str, Any] = {
    "image_shape": (SIDE, SIDE, 3), "patch_size": 16, "num_layers": 2, "num_heads": 2, "hidden_dim": 16,
    "intermediate_dim": 24,
}  # fmt: skip
DINO: dict[str, Any] = {
    "image_shape": (SIDE, SIDE, 3), "position_embedding_shape": (SIDE, SIDE), "patch_size": 16, "num_layers": 2,
    "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 24,
}  # fmt: skip
RESNET: dict[str, Any] = {
    "input_conv_filters": [64], "input_conv_kernel_sizes": [7], "stackwise_num_filters": [64, 64],
    "stackwise_num_blocks": [1, 1], "stackwise_num_strides": [1, 2], "block_type": "basic_block",
    "image_shape": (SIDE, SIDE, 3),
}  # fmt: skip

TINY: dict[str, tuple[str, dict[str, Any]]] = {
    "vit": ("ViTBackbone", VIT),
    "vit_without_class": ("ViTBackbone", {**VIT, "use_class_token": False, "use_mha_bias": False}),
    "deit": ("DeiTBackbone", DEIT),
    "dinov2": ("DINOV2Backbone", DINO),
    "dinov2_registers": ("DINOV2Backbone", {**DINO, "num_register_tokens": 4, "use_swiglu_ffn": True}),
    "resnet": ("ResNetBackbone", RESNET),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip all where KerasHub is missing, and let a warning of Keras itself pass."""
    for item in items:
        item.add_marker(pytest.mark.filterwarnings(FILTER))
        if not HAS_HUB:
            item.add_marker(pytest.mark.skip(reason=REASON))


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the folder of a tiny preset by its name in ``TINY``; no weight of it is 0 or 1 by chance."""
    import keras_hub

    presets, root = {}, tmp_path_factory.mktemp("presets")

    def folder(name: str) -> Path:
        if name not in presets:
            kind, config = TINY[name]
            backbone = getattr(keras_hub.models, kind)(**config)
            rng = np.random.default_rng(len(name))
            for variable in backbone.variables:
                if "interpolated" not in variable.path and "seed" not in variable.path:
                    start = 1.0 if "variance" in variable.path else 0.0
                    variable.assign(start + rng.normal(0, 0.1, variable.shape))
            presets[name] = root / name
            backbone.save_to_preset(str(presets[name]))
        return presets[name]

    return folder
