"""What is checked of the numbers of a backbone: of its preprocessing, its features and its weights."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import numpy as np

from tlsearch.errors import WeightsError
from tlsearch.plugins import weights as weights_files
from tlsearch.plugins.api import Backbone
from tlsearch.testing.graph import check_built, check_images
from tlsearch.testing.network import (
    are_loaded,
    difference,
    features_of,
    inputs_of,
    model_to_look_at,
    outputs,
    size_of,
    to_numpy,
    tolerance,
)
from tlsearch.testing.outcome import needs
from tlsearch.testing.pictures import pictures


@needs(check_images)
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


@needs(check_images)
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


@needs(check_images)
def check_one_and_many(plugin: Backbone) -> None:
    """The features of an image do not depend on the images beside it."""
    model, x = model_to_look_at(plugin), np.asarray(to_numpy(inputs_of(plugin, 5)))
    many = outputs(model, x)
    distance = max(difference(outputs(model, x[n : n + 1]), many[n : n + 1]) for n in range(len(x)))
    assert distance <= tolerance(), f"an image alone has other features than among others (off by {distance:.2g})"


@needs(check_built)
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


@needs(check_images)
def check_weights_files(plugin: Backbone) -> None:
    """Each file of weights that is on this machine gives the same network every time, and not a random one."""
    here = _weights_here(plugin)
    if not here:
        raise unittest.SkipTest("none of its weights are on this machine")
    for name, file in here.items():
        first, second = (features_of(plugin, file) for _ in range(2))
        assert np.isfinite(first).all(), f"with the weights {name!r} the features are not finite"
        assert difference(first, second) <= tolerance(), f"two builds with the weights {name!r} differ"
        assert are_loaded(plugin, file), f"the weights {name!r} are not loaded"


@needs(check_built)
def check_foreign_weights(plugin: Backbone) -> None:
    """A file that is not its weights is a ``ValueError``, so that a user is told in one sentence."""
    import keras

    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for name, content in (("a.weights.h5", b"not weights at all"), ("a.h5", b"not weights at all"), ("a.npz", b"")):
            file = files[f"a {name[1:]} file that holds no weights"] = Path(folder) / name
            file.write_bytes(content)
        file = files["a .weights.h5 file that holds another network"] = Path(folder) / "other.weights.h5"
        keras.Sequential([keras.Input((5,)), keras.layers.Dense(7)]).save_weights(file)
        for what, file in files.items():
            try:
                plugin.build(size_of(plugin), file)
            except ValueError:
                continue
            except Exception as error:
                raise AssertionError(
                    f"build raises {type(error).__name__} for {what}, and must raise ValueError"
                ) from error
            raise AssertionError(f"build takes {what}")


def _weights_here(plugin: Backbone) -> dict[str, Path]:
    found = {}
    for name, source in plugin.weights.items():
        try:
            file = weights_files.resolve(plugin.name, name, source).file
        except WeightsError as error:
            raise AssertionError(str(error)) from error
        if file is not None:
            found[name] = file
    return found
