"""A saved model that gives the features of inner layers beside its probabilities, in one pass.

A model that MLflow keeps takes a copy of this file along, and of the two modules that it imports.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tlsearch.backend.graph import operations_of, output_of
from tlsearch.models.pooling import pool

if TYPE_CHECKING:
    import keras

    from tlsearch.uncertainty.reference import ComparedLayer


def with_inner_features(model: keras.Model, layers: Sequence[ComparedLayer]) -> keras.Model:
    """Give a model with the same variables and two outputs: probabilities, and the average features of layers.

    Args:
        model: RGB (N, S, S, 3) to probabilities (N, classes), as ``models.build.export`` makes it: the backbone is a
            model inside it.
        layers: Layers of the backbone whose outputs are maps (N, h, w, C) or tokens (N, T, C); at least one.

    Returns:
        A model whose second output has shape (N, d), float32: the features of all layers side by side.

    Raises:
        ValueError: The model has no such layer.
    """
    import keras

    inner = _backbone_with(model, layers)
    tapped = [output_of(inner, layer.name) for layer in layers]
    extended = keras.Model(inner.input, [*inner.outputs, *tapped], name=f"{inner.name}_and_features")
    features: list[Any] = []

    def call(operation: Any, *given: Any, **options: Any) -> Any:
        if operation is not inner:
            return operation(*given, **options)
        found = list(extended(*given, **options))
        outputs, inside = found[: len(inner.outputs)], found[len(inner.outputs) :]
        features.extend(pool(x, "avg", layer.leading_tokens) for x, layer in zip(inside, layers, strict=True))
        return outputs[0] if len(outputs) == 1 else outputs

    clone = keras.models.clone_model(model, clone_function=lambda operation: operation, call_function=call)
    joined = keras.ops.concatenate(features, axis=-1) if len(features) > 1 else features[0]
    return keras.Model(clone.input, [clone.outputs[0], joined], name="probabilities_and_features")


def require_layers(model: keras.Model, layers: Sequence[ComparedLayer]) -> None:
    """Raise ``ValueError`` where ``with_inner_features`` cannot give the features of these layers, of their widths."""
    inner = _backbone_with(model, layers)
    for layer in layers:
        channels = output_of(inner, layer.name).shape[-1]
        if channels != layer.width:
            raise ValueError(f"its layer {layer.name} has {layer.width} channels, and that of the model {channels}")


def _backbone_with(model: keras.Model, layers: Sequence[ComparedLayer]) -> keras.Model:
    """The model inside ``model`` that has the layers."""
    import keras

    wanted = {layer.name for layer in layers}
    for operation in operations_of(model):
        if isinstance(operation, keras.Model) and wanted <= {inner.name for inner in operations_of(operation)}:
            return operation
    raise ValueError(f"it has no backbone with the layers {', '.join(sorted(wanted))}")
