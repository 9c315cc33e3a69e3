"""The weights of a backbone of KerasHub, by the names that the layers have here.

KerasHub has no public names for what is inside a backbone. All that is read there stands in this file; it was tested on
KerasHub 0.32.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tlsearch_hub.architecture import Architecture

Arrays = dict[str, list[npt.NDArray[Any]]]
"""The weights of each layer, by its name."""


def arrays_of(backbone: Any, architecture: Architecture) -> Arrays:
    """Read the weights of a backbone of KerasHub that was built at the size for which it has positions.

    The position of a leading token is added to it once and for all, and the scale behind a layer of DINOv2 ("layer
    scale") becomes part of that layer: the network computes the same.
    """
    return _READERS[architecture.family](backbone)


def _vit(backbone: Any) -> Arrays:
    first, encoder = backbone.get_layer("vit_patching_and_embedding"), backbone.get_layer("vit_encoder")
    positions = _values(first.position_embedding.embeddings)
    tokens = [_values(first.class_token)] if first.use_class_token else []
    found = _embedding(first.patch_embedding, tokens, positions)
    for number, block in enumerate(encoder.encoder_layers, 1):
        layers = (block.layer_norm_1, block.mha, block.layer_norm_2, block.mlp.dense_1, block.mlp.dense_2)
        found |= _block(number, layers)
    return found | {"norm": encoder.layer_norm.get_weights()}


def _deit(backbone: Any) -> Arrays:
    first, encoder = backbone.get_layer("deit_patching_and_embedding"), backbone.get_layer("deit_encoder")
    tokens = [_values(first.class_token), _values(first.distillation_token)]
    found = _embedding(first.patch_embedding, tokens, _values(first.position_embedding))
    for number, block in enumerate(encoder.encoder_layers, 1):
        layers = (block.layer_norm_1, block.mha, block.layer_norm_2, block.mlp.dense, block.output_layer.dense)
        found |= _block(number, layers)
    return found | {"norm": encoder.layer_norm.get_weights()}


def _dinov2(backbone: Any) -> Arrays:
    first = backbone.embeddings
    positions = _values(first.position_embeddings)
    found = _embedding(first.patch_embeddings.projection, [_values(first.cls_token)], positions)
    if first.num_register_tokens:  # they have no position
        found["leading"] = [np.concatenate([found["leading"][0], _row(_values(first.register_tokens))], axis=1)]
    for number, block in enumerate(backbone.encoder.layers, 1):
        gated = block.use_swiglu_ffn
        hidden = (block.mlp.weights_in, block.mlp.weights_out) if gated else (block.mlp.fc1, block.mlp.fc2)
        found |= _block(number, (block.norm1, block.attention.attention, block.norm2, *hidden))
        for layer, scale in (("attention", block.layer_scale1), ("dense2", block.layer_scale2)):
            arrays = found[f"block{number}_{layer}"]
            arrays[-2:] = [array * _values(scale.lambda1) for array in arrays[-2:]]  # the last kernel and its bias
    return found | {"norm": backbone.layernorm.get_weights()}


_READERS = {"ViTBackbone": _vit, "DeiTBackbone": _deit, "DINOV2Backbone": _dinov2}


def _embedding(convolution: Any, tokens: list[npt.NDArray[Any]], positions: npt.NDArray[Any]) -> Arrays:
    """The convolution over patches, the leading tokens with their positions, and the positions of the patches."""
    places = positions.reshape(-1, positions.shape[-1])
    found = {"patches": convolution.get_weights(), "positions": [_row(places[len(tokens) :])]}
    if tokens:
        rows = np.concatenate([token.reshape(1, -1) for token in tokens])
        found["leading"] = [_row(rows + places[: len(tokens)])]
    return found


def _block(number: int, layers: tuple[Any, ...]) -> Arrays:
    names = ("norm1", "attention", "norm2", "dense1", "dense2")
    return {f"block{number}_{name}": layer.get_weights() for name, layer in zip(names, layers, strict=True)}


def _row(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """As the kernel of a dense layer with one input."""
    return values.reshape(1, -1)


def _values(variable: Any) -> npt.NDArray[Any]:
    from keras import ops

    return np.asarray(ops.convert_to_numpy(variable))


def backbone_class(name: str) -> Any:
    """Give the public class of KerasHub with that name. Raises ``ValueError`` where there is none."""
    import keras_hub

    found = getattr(keras_hub.models, name, None)
    if not isinstance(found, type):
        raise ValueError(f"the installed KerasHub has no {name}; upgrade keras-hub")
    return found


def new_backbone(name: str, config: Mapping[str, Any], **changes: Any) -> Any:
    """Build a backbone of KerasHub of a configuration, in the precision that Keras is set to, with random values.

    Raises:
        ValueError: KerasHub does not take it.
    """
    kept = {key: value for key, value in config.items() if key not in ("dtype", "name", "trainable")}
    try:
        return backbone_class(name)(**{**kept, **changes})
    except TypeError as error:
        raise ValueError(f"KerasHub does not take the configuration of {name} ({error})") from error
