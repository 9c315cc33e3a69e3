"""What is checked of a backbone. Each function is one rule of the contract in ``plugin_api``."""

from __future__ import annotations

import tempfile
import unittest
from collections.abc import Mapping
from pathlib import Path

import numpy as np

<<<<<<< HEAD
from tlsearch.errors import WeightsError
from tlsearch.models.partition import dtype_policy, shape_fault
from tlsearch.plugins import registry
from tlsearch.plugins import weights as weights_files
=======
from tlsearch.models.partition import dtype_policy
>>>>>>> main
from tlsearch.plugins.api import Backbone
from tlsearch.testing.graph import (
    check_built,
    check_contract,
    check_cut_points,
    check_cuts_are_exact,
    check_cuts_are_stable,
    check_fresh_model,
    check_images,
)
from tlsearch.testing.network import (
    cuts_of,
    difference,
    inputs_of,
    model_to_look_at,
    outputs,
    perturbed,
    size_of,
    tensor_at,
    to_numpy,
    tolerance,
)
from tlsearch.testing.outcome import Check, needs
from tlsearch.testing.pictures import pictures
from tlsearch.testing.step import train_a_step
from tlsearch.testing.values import (
    check_foreign_weights,
    check_image_sizes,
    check_one_and_many,
    check_preprocess,
    check_random_weights,
    check_weights_files,
)


<<<<<<< HEAD
def check_contract(plugin: Backbone) -> None:
    """Attributes and methods."""
    fault = registry.contract_fault("backbone", plugin, getattr(plugin, "name", ""))
    assert fault is None, fault


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
        except ValueError as error:
            raise AssertionError(
                f"the graph does not pass through {cut.name!r} alone, or it comes in the wrong order: a cut point must "
                "be a layer whose output everything after it is computed from"
            ) from error


def check_cuts_are_stable(plugin: Backbone) -> None:
    """The same cut points, with the same names of layers, in every build and at every size."""
    first, second = model_to_look_at(plugin), plugin.build(size_of(plugin) + 16, None)
    one, other = list(plugin.cut_points(first)), list(plugin.cut_points(second))
    different = [f"{a.name} ({a.layer}, {b.layer})" for a, b in zip(one, other, strict=False) if a != b]
    assert len(one) == len(other), f"two builds have {len(one)} and {len(other)} cut points"
    assert not different, f"names of layers change from build to build, name them yourself: {', '.join(different[:3])}"


def check_cuts_are_exact(plugin: Backbone) -> None:
    """What the second part makes of the first part's output is what the whole makes of the input, at every cut."""
    import keras

    model, x = model_to_look_at(plugin), inputs_of(plugin, 2)
    whole, cuts = outputs(model, x), cuts_of(plugin, model)[:-1]
    tensors = [tensor_at(model, cut) for cut in cuts]
    features = keras.Model(model.input, tensors)(x, training=False) if cuts else []
    for cut, tensor, first_part in zip(cuts, tensors, features, strict=True):
        joined = outputs(keras.Model(tensor, model.output), first_part)
        distance = difference(joined, whole)
        assert distance <= tolerance(), (
            f"cut at {cut.name!r} the network computes something else (off by {distance:.2g})"
        )


def check_fresh_model(plugin: Backbone) -> None:
    """Every call of ``build`` makes a model that shares nothing with the others."""
    first, second = model_to_look_at(plugin), plugin.build(size_of(plugin), None)
    shared = {id(v) for v in first.variables} & {id(v) for v in second.variables}
    assert not shared, f"two builds share {len(shared)} variables; make new layers in build()"
    layers = {id(layer) for layer in first.layers} & {id(layer) for layer in second.layers}
    assert not layers, f"two builds share {len(layers)} layers; make new layers in build()"


def check_preprocess(plugin: Backbone) -> None:
    """Pure, the same for arrays, tensors and symbols, and image by image."""
    import keras
    from keras import ops

    size = size_of(plugin)
    x = pictures(3, size, size).astype(np.float32)
    before = x.copy()
    once = np.array(ops.convert_to_numpy(plugin.preprocess(x)))
    assert np.array_equal(x, before), "preprocess changes the images that it is given"
    assert once.shape == x.shape, f"preprocess makes {once.shape} of {x.shape}"
    assert np.isfinite(once).all(), "preprocess gives values that are not finite"
    symbol = keras.Input((size, size, 3))
    ways = {
        "a second time": plugin.preprocess(x),
        "of a tensor": plugin.preprocess(ops.convert_to_tensor(x)),
        "inside a model": keras.Model(symbol, plugin.preprocess(symbol))(x),
    }
    for way, result in ways.items():
        distance = difference(ops.convert_to_numpy(result), once)
        assert distance <= 1e-5, f"preprocess {way} gives other values (off by {distance:.2g})"
    alone = ops.convert_to_numpy(plugin.preprocess(x[1:2]))
    assert difference(alone, once[1:2]) <= 1e-5, "preprocess of an image depends on the images beside it"


def check_image_sizes(plugin: Backbone) -> None:
    """Any size from the minimum on."""
    least, usual = plugin.min_image_size, plugin.default_image_size
    for size in dict.fromkeys((least, least + 1, least + 7, usual)):
        model = plugin.build(size, None)
        assert tuple(model.input.shape[1:]) == (size, size, 3), f"build({size}) takes {tuple(model.input.shape)}"
        x = plugin.preprocess(pictures(1, size, size).astype(np.float32))
        features = outputs(model, x)
        assert features.shape == (1, *model.output.shape[1:]), f"at {size} px the output is {features.shape}"
        assert min(features.shape) > 0, f"at {size} px nothing is left: the output is {features.shape}"
        assert np.isfinite(features).all(), f"at {size} px the features are not finite"


def check_one_and_many(plugin: Backbone) -> None:
    """The features of an image do not depend on the images beside it."""
    model, x = model_to_look_at(plugin), np.asarray(to_numpy(inputs_of(plugin, 5)))
    many = outputs(model, x)
    distance = max(difference(outputs(model, x[n : n + 1]), many[n : n + 1]) for n in range(len(x)))
    assert distance <= tolerance(), f"an image alone has other features than among others (off by {distance:.2g})"


def check_random_weights(plugin: Backbone) -> None:
    """Without a file, values that Keras' seed decides and that differ from seed to seed."""
    import keras

    built = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        built.append([to_numpy(v) for v in plugin.build(size_of(plugin), None).trainable_variables])
    for one, again in zip(built[0], built[1], strict=True):
        assert np.array_equal(one, again), "two builds with the same keras.utils.set_random_seed differ"
    # What begins as a constant (a scale, the last kernel of a block) is no more random for another seed.
    constant = sum(one.size for one in built[0] if np.ptp(one) == 0)
    assert constant <= sum(one.size for one in built[0]) / 2, "most of its weights are constants, not random"
    same = [one for one, other in zip(built[0], built[2], strict=True) if np.ptp(one) and np.array_equal(one, other)]
    assert not same, f"{len(same)} variables are the same for every seed, so that weights=None is not random"


def check_weights_files(plugin: Backbone) -> None:
    """Each file of weights that is on this machine gives the same network every time, and not a random one."""
    here = _weights_here(plugin)
    if not here:
        raise unittest.SkipTest("none of its weights are on this machine")
    random = features_of(plugin, None)
    for name, file in here.items():
        first, second = (features_of(plugin, file) for _ in range(2))
        assert np.isfinite(first).all(), f"with the weights {name!r} the features are not finite"
        assert difference(first, second) <= tolerance(), f"two builds with the weights {name!r} differ"
        assert not np.allclose(first, random), f"the weights {name!r} are not loaded"


def check_foreign_weights(plugin: Backbone) -> None:
    """A file that is not its weights is a ``ValueError``, so that a user is told in one sentence."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".weights.h5", ".h5"):
            file = Path(folder) / f"foreign{suffix}"
            file.write_bytes(b"not weights at all")
            try:
                plugin.build(size_of(plugin), file)
            except ValueError:
                continue
            except Exception as error:
                raise AssertionError(
                    f"build raises {type(error).__name__} where a {suffix} file does not fit, and must raise ValueError"
                ) from error
            raise AssertionError(f"build takes a {suffix} file that holds no weights")
=======
@needs(check_cut_points)
def check_hints(plugin: Backbone) -> None:
    """The training hints freeze cut points that there are, and leave something to train."""
    hints = getattr(plugin, "hints", None)
    depths = [] if hints is None else [d for d in (hints.freeze_middle, hints.freeze_late) if d is not None]
    cuts = len(cuts_of(plugin, model_to_look_at(plugin)))
    too_deep = [depth for depth in depths if depth >= cuts]
    assert not too_deep, (
        f"its hints freeze {too_deep[0]} of {cuts} cut points; so that something is trained, at most {cuts - 1} may be"
    )
>>>>>>> main


@needs(check_cut_points, check_images)
def check_frozen_part(plugin: Backbone) -> None:
    """Training what comes after a cut leaves everything before it as it was, BatchNorm too."""
    import keras

    model = perturbed(plugin)
    cuts = cuts_of(plugin, model)
    if len(cuts) == 1:
        raise unittest.SkipTest("it has one cut point only")
    tensor = tensor_at(model, cuts[(len(cuts) - 1) // 2])
    prefix, suffix = keras.Model(model.input, tensor), keras.Model(tensor, model.output)
    before = {v.path: to_numpy(v).copy() for v in prefix.variables}
    features = outputs(prefix, inputs_of(plugin, 4))
    train_a_step(suffix, features, inference=False)
    changed = [v.path for v in prefix.variables if not np.array_equal(to_numpy(v), before[v.path])]
    assert not changed, (
        f"computing what comes before the cut, and training what comes after it, changes {len(changed)} variables "
        f"before it, {changed[0]} for one"
    )


@needs(check_images)
def check_gradients(plugin: Backbone) -> None:
    """Every layer with variables can be trained, and training reaches every trainable variable."""
    model = perturbed(plugin)
    frozen = [layer.name for layer in model.layers if layer.weights and not layer.trainable]
    assert not frozen, f"{len(frozen)} layers come frozen, {frozen[0]} for one; what is frozen is for the search to say"
    before = {v.path: to_numpy(v).copy() for v in model.trainable_variables}
    train_a_step(model, inputs_of(plugin, 4), inference=True)
    still = [v.path for v in model.trainable_variables if np.array_equal(to_numpy(v), before[v.path])]
    assert not still, f"no gradient reaches {len(still)} trainable variables, {still[0]} for one"


@needs(check_images)
def check_save_weights(plugin: Backbone) -> None:
    """What Keras saves of a network, ``build`` loads."""
    model, x = model_to_look_at(plugin), inputs_of(plugin, 2)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "own.weights.h5"
        model.save_weights(file)
        loaded = plugin.build(size_of(plugin), file)
    distance = difference(outputs(loaded, x), outputs(model, x))
    assert distance <= tolerance(), (
        f"saved weights, loaded again, are other weights (features are off by {distance:.2g})"
    )


@needs(check_preprocess)
def check_save_model(plugin: Backbone) -> None:
    """Preprocessing and network in one file that Keras loads in safe mode; the plugin's own layers are registered."""
    import keras

    model, size = model_to_look_at(plugin), size_of(plugin)
    pixels = keras.Input((size, size, 3))
    whole = keras.Model(pixels, model(plugin.preprocess(pixels), training=False))
    x = pictures(2, size, size).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        whole.save(file)
        try:
            loaded = keras.saving.load_model(file, safe_mode=True)
        except Exception as error:  # Keras raises many kinds
            raise AssertionError(
                "Keras cannot load the saved model in safe mode; register layers of your own with "
                "keras.saving.register_keras_serializable, and use no Lambda"
            ) from error
    distance = difference(outputs(loaded, x), outputs(whole, x))
    assert distance <= tolerance(), f"the saved model, loaded again, computes something else (off by {distance:.2g})"


@needs(check_images)
def check_mixed_precision(plugin: Backbone) -> None:
    """Under mixed precision variables stay float32 and features finite."""
    with dtype_policy("mixed_bfloat16"):
        model = plugin.build(size_of(plugin), None)
    kinds = {str(v.dtype) for v in model.variables if "float" in str(v.dtype)} - {"float32"}
    assert not kinds, f"under mixed_bfloat16 variables are {', '.join(sorted(kinds))} where they must stay float32"
    assert np.isfinite(outputs(model, inputs_of(plugin, 2))).all(), "under mixed_bfloat16 the features are not finite"


CHECKS: Mapping[str, Check] = {
    "keeps the contract": check_contract,
    "a network is built": check_built,
    "cut points are single tensors in order": check_cut_points,
    "pictures go through the network": check_images,
    "cut points are the same in every build": check_cuts_are_stable,
    "training hints lie within the cut points": check_hints,
    "suffix(prefix(x)) is model(x)": check_cuts_are_exact,
    "every build is a fresh model": check_fresh_model,
    "preprocess is pure": check_preprocess,
    "any image size from the minimum on": check_image_sizes,
    "one image and many": check_one_and_many,
    "random weights are random and follow the seed": check_random_weights,
    "its weights are loaded": check_weights_files,
    "a foreign weights file is a ValueError": check_foreign_weights,
    "training leaves the frozen part as it is": check_frozen_part,
    "gradients reach everything after the cut": check_gradients,
    "saved weights can be loaded": check_save_weights,
    "the saved model can be loaded": check_save_model,
    "mixed precision": check_mixed_precision,
}
