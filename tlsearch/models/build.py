"""The model of one trial: a fresh suffix of the backbone with a head on top, and the whole model for export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlsearch.backend import private_api
from tlsearch.models import partition
from tlsearch.models.cuts import Cuts
from tlsearch.models.heads import Head
from tlsearch.models.pooling import pool
from tlsearch.plugins.api import Backbone
from tlsearch.types import AnyArray, Candidate, TrialSpec

if TYPE_CHECKING:
    import keras


@dataclass(kw_only=True)
class SuffixModel:
    """A suffix with its head in training.

    Attributes:
        model: Maps features of the cut, or pixels, to logits.
        backbone_model: Holds the variables of the whole backbone, of which the suffix trains its part.
        head: The head.
        suffix_variables: The variables of the backbone that are trained.
        head_variables: The other variables that are trained.
    """

    model: keras.Model
    backbone_model: keras.Model
    head: Head
    suffix_variables: list[Any]
    head_variables: list[Any]


def build_suffix(
    plugin: Backbone, candidate: Candidate, cuts: Cuts, spec: TrialSpec, head: Head, policy: str
) -> SuffixModel:
    """Build a fresh model that trains everything after the trial's cut.

    A pre-trained suffix runs its BatchNorm in inference mode (its scale and shift are trained, its statistics are
    kept); from random values BatchNorm learns its statistics. Where the spec says so, depthwise kernels are kept.

    Args:
        plugin: The backbone.
        candidate: Its weights.
        cuts: Its cut points.
        spec: The trial.
        head: The head that comes on top.
        policy: The dtype policy of the backbone.
    """
    import keras

    pretrained = spec.weights is not None
    file = Path(candidate.weights_file) if pretrained and candidate.weights_file else None
    backbone_model = partition.build(plugin, spec.image_size, file, policy)
    if spec.depthwise_frozen:
        for layer in depthwise_layers(backbone_model):
            layer.trainable = False
    part = partition.suffix(backbone_model, cuts, spec.freeze_depth)
    if part is None:
        raise ValueError("a trial with everything frozen has no suffix")
    cut = cuts.at(spec.freeze_depth)
    if cut is None:
        x = keras.Input((spec.image_size, spec.image_size, 3), dtype="float32")
        y = plugin.preprocess(x)
    else:
        y = x = keras.Input(cut.shape, dtype="float32")
    y = in_inference_mode(part)(y) if pretrained else part(y)
    model = keras.Model(x, head(pool(y, spec.pooling, cuts[-1].leading_tokens)))
    ours = {id(v) for v in part.trainable_variables}
    return SuffixModel(
        model=model,
        backbone_model=backbone_model,
        head=head,
        suffix_variables=[v for v in model.trainable_variables if id(v) in ours],
        head_variables=[v for v in model.trainable_variables if id(v) not in ours],
    )


def depthwise_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Give the layers with depthwise kernels, those of models inside it too."""
    import keras

    return [layer for layer in private_api.all_layers(model) if isinstance(layer, keras.layers.DepthwiseConv2D)]


def in_inference_mode(part: keras.Model) -> keras.layers.Layer:
    """Wrap ``part`` in a layer that runs it in inference mode while it is trained.

    ``part(x, training=False)`` alone would not do: when a functional model is called with ``training=True`` it hands
    that to everything inside, whatever was passed when it was built.
    """
    import keras

    class InferenceMode(keras.layers.Layer):  # type: ignore[misc]  # keras has no types
        def __init__(self) -> None:
            super().__init__()
            self.part = part

        def call(self, x: Any) -> Any:
            return self.part(x, training=False)

    return InferenceMode()


def export(
    plugin: Backbone,
    candidate: Candidate,
    cuts: Cuts,
    spec: TrialSpec,
    head: Head,
    backbone_weights: list[AnyArray] | None,
) -> keras.Model:
    """Build the model that ships, everything in float32.

    Args:
        plugin: The backbone.
        candidate: Its weights.
        cuts: Its cut points.
        spec: The trial.
        head: The head as it was trained.
        backbone_weights: The trained weights of the backbone; None for those of the candidate's file.

    Returns:
        A model from raw RGB 0..255 (N, S, S, 3) to class probabilities.
    """
    import keras

    file = Path(candidate.weights_file) if candidate.weights_file else None
    backbone_model = partition.build(plugin, spec.image_size, file, "float32")
    if backbone_weights is not None:
        backbone_model.set_weights(backbone_weights)
    x = keras.Input((spec.image_size, spec.image_size, 3), dtype="float32", name="rgb")
    y = plugin.preprocess(x)
    leading = cuts[-1].leading_tokens
    if spec.skip_cut:
        inner = partition.cut_tensor(backbone_model, cuts, spec.skip_cut)
        earlier, last = keras.Model(backbone_model.input, [inner, backbone_model.output], name=spec.backbone)(
            y, training=False
        )
        parts = [
            pool(earlier, spec.pooling, cuts.point(spec.skip_cut).leading_tokens),
            pool(last, spec.pooling, leading),
        ]
        pooled = keras.ops.concatenate(parts, axis=-1)
    else:
        pooled = pool(backbone_model(y, training=False), spec.pooling, leading)
    logits = head.exported(pooled)
    return keras.Model(x, keras.layers.Softmax(dtype="float32", name="probabilities")(logits))
