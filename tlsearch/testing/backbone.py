"""What is checked of a backbone. Each function is one rule of the contract in ``plugin_api``."""

from __future__ import annotations

import tempfile
import unittest
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tlsearch.backend.private_api import all_layers
from tlsearch.models.partition import dtype_policy
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


@needs(check_cut_points, check_images)
def check_frozen_part(plugin: Backbone) -> None:
    """Training what comes after a cut leaves everything before it as it was, BatchNorm too."""
    import keras

    model = perturbed(plugin)
    cuts = cuts_of(plugin, model)
    if len(cuts) == 1:
        raise unittest.SkipTest("it has one cut point only")
    for cut in cuts[:-1]:
        middle = tensor_at(model, cut)
        frozen = {id(v) for v in keras.Model(model.input, middle).variables}
        both = [v.path for v in keras.Model(middle, model.output).trainable_variables if id(v) in frozen]
        assert not both, f"what comes after {cut.name!r} trains weights that are used before it, too, such as {both[0]}"
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
    frozen = [layer.name for layer in all_layers(model) if layer.weights and not layer.trainable]
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


@needs(check_preprocess)
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
