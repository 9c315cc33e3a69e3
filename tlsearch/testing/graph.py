"""What is checked of the graph of a backbone: that it is built, and where it is cut."""

from __future__ import annotations

import numpy as np

from tlsearch.models.partition import shape_fault
from tlsearch.plugins import registry
from tlsearch.plugins.api import Backbone
from tlsearch.testing.network import (
    cuts_of,
    difference,
    inputs_of,
    model_to_look_at,
    outputs,
    size_of,
    tensor_at,
    tolerance,
)
from tlsearch.testing.outcome import needs


def check_contract(plugin: Backbone) -> None:
    """Attributes and methods."""
    fault = registry.contract_fault("backbone", plugin, getattr(plugin, "name", ""))
    assert fault is None, fault


@needs(check_contract)
def check_built(plugin: Backbone) -> None:
    """``build`` gives a network that takes squares of three colours and gives one feature map, or tokens."""
    import keras

    size, model = size_of(plugin), model_to_look_at(plugin)
    assert isinstance(model, keras.Model), f"build({size}) gives a {type(model).__name__}, not a keras.Model"
    for verb, what, given in (("takes", "input", model.input), ("gives", "output", model.output)):
        several = isinstance(given, list | tuple | dict)
        assert not several or len(given) == 1, f"the network {verb} {len(given)} {what}s, not one"
        assert not several, f"the network {verb} a {type(given).__name__} of one {what}: give keras.Model the tensor"
    assert tuple(model.input.shape) == (None, size, size, 3), f"build({size}) takes {tuple(model.input.shape)}"
    shape = tuple(model.output.shape)
    assert len(shape) in (3, 4), f"the output of the network has shape {shape}, neither (N, h, w, C) nor (N, T, C)"


@needs(check_built)
def check_cut_points(plugin: Backbone) -> None:
    """In order from input to output, each a map (N, h, w, C) or tokens (N, T, C), the last one the output."""
    import keras

    model = model_to_look_at(plugin)
    cuts = cuts_of(plugin, model)
    assert len({cut.name for cut in cuts}) == len(cuts), "two cut points have the same name"
    assert len({cut.layer for cut in cuts}) == len(cuts), "two cut points name the same layer"
    tensors = [model.input, *(tensor_at(model, cut) for cut in cuts)]
    assert tensors[-1] is model.output, f"the last cut point {cuts[-1].name!r} is not the output of the model"
    for cut, before, tensor in zip(cuts, tensors, tensors[1:], strict=False):
        fault = shape_fault(tensor.shape, cut.leading_tokens)
        assert not fault, f"the features at {cut.name!r} {fault}"
        try:
            keras.Model(before, tensor)
            if tensor is not model.output:
                keras.Model(tensor, model.output)
        except ValueError:
            raise AssertionError(
                f"the graph does not pass through {cut.name!r} alone (layer {cut.layer!r}), or it comes in the wrong "
                "order: a cut point must be a layer whose output everything after it is computed from"
            ) from None  # what Keras says of a graph tells nothing of the cut


@needs(check_built)
def check_images(plugin: Backbone) -> None:
    """Pictures go through ``preprocess`` and the network, and finite features come out."""
    model, pixels = model_to_look_at(plugin), inputs_of(plugin, 2)
    wanted, shape = (2, *model.input.shape[1:]), tuple(pixels.shape)
    assert shape == wanted, f"preprocess makes {shape} of pictures of shape {wanted}"
    features = outputs(model, pixels)
    assert np.isfinite(features).all(), "the features of a picture are not finite"


@needs(check_cut_points)
def check_cuts_are_stable(plugin: Backbone) -> None:
    """The same cut points, with the same names of layers, in every build and at every size."""
    first, second = model_to_look_at(plugin), plugin.build(size_of(plugin) + 16, None)
    one, other = list(plugin.cut_points(first)), list(plugin.cut_points(second))
    different = [f"{a.name} ({a.layer}, {b.layer})" for a, b in zip(one, other, strict=False) if a != b]
    assert len(one) == len(other), f"two builds have {len(one)} and {len(other)} cut points"
    assert not different, f"names of layers change from build to build, name them yourself: {', '.join(different[:3])}"


@needs(check_cut_points, check_images)
def check_cuts_are_exact(plugin: Backbone) -> None:
    """What the second part makes of the first part's output is what the whole makes of the input, at every cut."""
    import keras

    model, x = model_to_look_at(plugin), inputs_of(plugin, 2)
    whole, cuts = outputs(model, x), cuts_of(plugin, model)[:-1]
    tensors = [tensor_at(model, cut) for cut in cuts]
    features = keras.Model(model.input, tensors)(x, training=False) if cuts else []
    features = [features] if len(cuts) == 1 else features  # of a list of one output Keras gives the output
    for cut, tensor, first_part in zip(cuts, tensors, features, strict=True):
        joined = outputs(keras.Model(tensor, model.output), first_part)
        distance = difference(joined, whole)
        assert distance <= tolerance(), (
            f"cut at {cut.name!r} the network computes something else (off by {distance:.2g})"
        )


@needs(check_built)
def check_fresh_model(plugin: Backbone) -> None:
    """Every call of ``build`` makes a model that shares nothing with the others."""
    first, second = model_to_look_at(plugin), plugin.build(size_of(plugin), None)
    shared = {id(v) for v in first.variables} & {id(v) for v in second.variables}
    assert not shared, f"two builds share {len(shared)} variables; make new layers in build()"
    layers = {id(layer) for layer in first.layers} & {id(layer) for layer in second.layers}
    assert not layers, f"two builds share {len(layers)} layers; make new layers in build()"
