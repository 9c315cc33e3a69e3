"""A vision transformer of Keras' own layers, which can be cut behind every block.

KerasHub keeps all blocks in one layer, where no cut is possible, and its layers do not survive in a saved model of
tlsearch. Here each block is a few layers of the graph, and the final model can be loaded where only Keras is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tlsearch.plugin_api import CutPoint
from tlsearch_hub.architecture import Architecture

if TYPE_CHECKING:
    import keras

MOST_CUTS = 24
"""Every cut point is probed once in a run: of a deeper network every other one is enough."""

STAGES = 4
"""Parts of about the same work behind which features are stored, since the resolution never drops."""

OUTPUT = "norm"
"""The last layer: the normalisation behind the last block."""


def build_transformer(architecture: Architecture, image_size: int) -> keras.Model:
    """Build it with random values: (N, S, S, 3) to tokens (N, leading + patches, width).

    A size that is no multiple of a patch is scaled to the nearest one first.
    """
    import keras

    inputs = x = keras.Input((image_size, image_size, 3), name="images")
    side = architecture.grid(image_size) * architecture.patch
    if side != image_size:
        x = keras.layers.Resizing(side, side, name="resize")(x)
    x = _embed(x, architecture)
    for number in range(1, architecture.blocks + 1):
        x = _add_block(x, architecture, f"block{number}")
    x = keras.layers.LayerNormalization(epsilon=architecture.epsilon, name=OUTPUT)(x)
    return keras.Model(inputs, x, name=architecture.family.removesuffix("Backbone").lower())


def cuts_of(architecture: Architecture) -> list[CutPoint]:
    """Give the cut points: the embedded patches, the blocks, and the normalisation, with which the last block ends."""
    step = -(-(architecture.blocks + 1) // MOST_CUTS)
    inner = range(step, architecture.blocks, step)
    ends = {round(architecture.blocks * part / STAGES) for part in range(1, STAGES)}
    near_ends = {min(inner, key=lambda number: abs(number - end)) for end in ends if inner}
    leading = architecture.leading
    return [
        CutPoint("patches", "tokens", leading_tokens=leading),
        *(CutPoint(f"block{n}", f"block{n}", n in near_ends, leading) for n in inner),
        CutPoint(OUTPUT, OUTPUT, True, leading),
    ]


def _embed(x: Any, architecture: Architecture) -> Any:
    """Patches as tokens with their positions, behind the leading tokens.

    Positions and leading tokens are kernels of dense layers whose input is 1: so Keras keeps them without a class of
    our own.
    """
    import keras

    width = architecture.width
    x = keras.layers.Conv2D(
        width, architecture.patch, strides=architecture.patch, use_bias=architecture.patch_bias, name="patches"
    )(x)
    count = x.shape[1] * x.shape[2]
    x = keras.layers.Reshape((count, width), name="rows")(x)
    ones = keras.ops.ones_like(x[:, 0, :1])
    positions = _table(ones, count, width, "positions")
    x = keras.layers.Add(name="tokens" if not architecture.leading else "placed")([x, positions])
    if not architecture.leading:
        return x
    leading = _table(ones, architecture.leading, width, "leading")
    return keras.layers.Concatenate(axis=1, name="tokens")([leading, x])


def _table(ones: Any, rows: int, width: int, name: str) -> Any:
    """A learned table (N, rows, width), the same for every image."""
    import keras

    start = keras.initializers.RandomNormal(stddev=0.02)
    flat = keras.layers.Dense(rows * width, use_bias=False, kernel_initializer=start, name=name)(ones)
    return keras.layers.Reshape((rows, width), name=f"{name}_table")(flat)


def _add_block(x: Any, architecture: Architecture, name: str) -> Any:
    """Attention and a hidden layer, each on normalised tokens and added to them (Dosovitskiy et al. 2021, eq. 2-3)."""
    import keras

    epsilon, width = architecture.epsilon, architecture.width
    y = keras.layers.LayerNormalization(epsilon=epsilon, name=f"{name}_norm1")(x)
    attention = keras.layers.MultiHeadAttention(
        architecture.heads, width // architecture.heads, use_bias=architecture.attention_bias, name=f"{name}_attention"
    )
    x = keras.layers.Add(name=f"{name}_attended")([x, attention(y, y)])
    y = keras.layers.LayerNormalization(epsilon=epsilon, name=f"{name}_norm2")(x)
    y = _hidden(y, architecture, name)
    y = keras.layers.Dense(width, use_bias=architecture.hidden_bias, name=f"{name}_dense2")(y)
    return keras.layers.Add(name=name)([x, y])


def _hidden(y: Any, architecture: Architecture, name: str) -> Any:
    import keras

    bias = architecture.hidden_bias
    if not architecture.is_gated:
        return keras.layers.Dense(architecture.hidden, activation="gelu", use_bias=bias, name=f"{name}_dense1")(y)
    units = (architecture.hidden * 2 // 3 + 7) // 8 * 8  # as DINOv2 counts them
    both = keras.layers.Dense(2 * units, use_bias=bias, name=f"{name}_dense1")(y)
    gate = keras.layers.Activation("silu", name=f"{name}_gate")(both[..., :units])
    return keras.layers.Multiply(name=f"{name}_gated")([gate, both[..., units:]])
