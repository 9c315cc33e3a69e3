"""Weights as people have them: of the network alone, of a model that it is a part of, of Keras 2, in half precision."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from tlsearch.plugins.keras_weights import load_keras_weights

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file"),
]

SIDE = 16


def network(named: bool = True, width: int = 4) -> keras.Model:
    """A small network with what networks have: convolutions, BatchNorm, a branch that is added."""
    keras.utils.clear_session()

    def name(text: str) -> str | None:
        return text if named else None

    x = keras.Input((SIDE, SIDE, 3))
    y = keras.layers.Conv2D(width, 3, padding="same", use_bias=False, name=name("one"))(x)
    y = keras.layers.BatchNormalization(name=name("norm"))(y)
    z = keras.layers.DepthwiseConv2D(3, padding="same", name=name("deep"))(y)
    y = keras.layers.Add(name=name("sum"))([y, keras.layers.Conv2D(width, 1, name=name("two"))(z)])
    return keras.Model(x, keras.layers.BatchNormalization(name=name("last"))(y), name="net")


def filled(model: keras.Model, seed: int = 3) -> keras.Model:
    """The model with values of its own in every weight."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape).astype("float32") for w in model.get_weights()])
    return model


def with_top_inside(base: keras.Model) -> keras.Model:
    """A model that has the network as one of its layers."""
    x = keras.Input((SIDE, SIDE, 3))
    y = keras.layers.GlobalAveragePooling2D()(base(keras.layers.Rescaling(1 / 255)(x)))
    return keras.Model(x, keras.layers.Dense(5, name="top")(keras.layers.Dense(7)(y)))


def with_top_behind(base: keras.Model) -> keras.Model:
    """A model that begins with the layers of the network."""
    y = keras.layers.GlobalAveragePooling2D()(base.output)
    return keras.Model(base.input, keras.layers.Dense(5)(y))


def with_layers_around(base: keras.Model) -> keras.Model:
    """A model with convolutions in front of those of the network, and behind them."""
    x = keras.Input((SIDE, SIDE, 3))
    _, one, norm, deep, two, total, last = base.layers
    y = norm(one(keras.layers.Conv2D(3, 1, name="stem")(x)))
    y = keras.layers.Conv2D(2, 5, name="end")(last(total([y, two(deep(y))])))
    return keras.Model(x, keras.layers.Dense(5)(keras.layers.Flatten()(y)))


WHOLE = (with_top_inside, with_top_behind, with_layers_around)
Make = Callable[[keras.Model], keras.Model]


@pytest.mark.parametrize("ending", [".keras", ".h5", ".weights.h5"])
@pytest.mark.parametrize("named", [True, False], ids=["named", "numbered"])
@pytest.mark.parametrize("make", [lambda base: base, *WHOLE], ids=["alone", "inside", "behind", "around"])
def test_the_network_is_found(make: Make, named: bool, ending: str, tmp_path: Path) -> None:
    base = filled(network(named))
    file = tmp_path / f"mine{ending}"
    whole = make(base)
    whole.save_weights(file) if ending == ".weights.h5" else whole.save(file)
    assert_loads(network(named), file, base.get_weights())


def assert_loads(model: keras.Model, file: Path, values: list[Any]) -> None:
    load_keras_weights(model, file)
    for one, other in zip(model.get_weights(), values, strict=True):
        np.testing.assert_array_equal(one, np.asarray(other, "float32"))


def write_keras_2(model: keras.Model, file: Path, *, whole: bool) -> None:
    """An ``.h5`` as tf.keras 2 wrote it: weights by layer, in a group of its own where it is of a whole model."""
    with h5py.File(file, "w") as content:
        content.attrs["keras_version"], content.attrs["backend"] = "2.15.0", "tensorflow"
        group = content.create_group("model_weights") if whole else content
        if whole:
            content.attrs["model_config"] = json.dumps({"class_name": "Functional"})
            content.create_group("optimizer_weights")
        group.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            inner = layer.layers if isinstance(layer, keras.Model) else [layer]
            # Keras 2 had all that is trained of a model inside in front of what is not.
            parts = [(i.name, w) for i in inner for w in i.trainable_weights]
            parts += [(i.name, w) for i in inner for w in i.non_trainable_weights]
            names = [f"{owner}/{weight.name}:0".encode() for owner, weight in parts]
            place = group.create_group(layer.name)
            place.attrs["weight_names"] = names
            for name, (_, weight) in zip(names, parts, strict=True):
                place.create_dataset(name.decode(), data=keras.ops.convert_to_numpy(weight))


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("named", [True, False], ids=["named", "numbered"])
@pytest.mark.parametrize("make", [lambda base: base, *WHOLE], ids=["alone", "inside", "behind", "around"])
def test_files_of_keras_2_are_read(make: Make, named: bool, whole: bool, tmp_path: Path) -> None:
    base = filled(network(named))
    file = tmp_path / "keras2.h5"
    write_keras_2(make(base), file, whole=whole)
    assert_loads(network(named), file, base.get_weights())


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
@pytest.mark.parametrize("make", [lambda base: base, with_top_inside, with_layers_around])
def test_half_precision_is_read(make: Make, kind: str, tmp_path: Path) -> None:
    keras.config.set_dtype_policy(kind)
    try:
        base = filled(network())
        values = [np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(w, "float32"))) for w in base.weights]
        make(base).save_weights(tmp_path / "half.weights.h5")
    finally:
        keras.config.set_dtype_policy("float32")
    model = network()
    load_keras_weights(model, tmp_path / "half.weights.h5")
    for one, other in zip(model.weights, values, strict=True):
        assert one.dtype == "float32"
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(one), other)


def stacked(count: int, named: bool = False) -> keras.Model:
    """A stem and blocks that are all alike, as those of a transformer are."""
    keras.utils.clear_session()
    x = keras.Input((SIDE, SIDE, 3))
    y = keras.layers.Conv2D(4, 3, name="stem" if named else None)(x)
    for number in range(count):
        y = keras.layers.BatchNormalization(name=f"n{number}" if named else None)(y)
        y = keras.layers.Conv2D(4, 3, name=f"c{number}" if named else None)(y)
    return keras.Model(x, keras.layers.BatchNormalization(name="last" if named else None)(y), name="stack")


@pytest.mark.parametrize("ending", [".keras", ".h5", ".weights.h5"])
def test_the_beginning_of_a_deeper_network_is_not_taken_for_the_network(ending: str, tmp_path: Path) -> None:
    deeper = filled(stacked(3))
    file = tmp_path / f"deeper{ending}"
    deeper.save_weights(file) if ending == ".weights.h5" else deeper.save(file)
    assert_loads(stacked(3), file, deeper.get_weights())
    with pytest.raises(ValueError, match=r"does not fit stack \(it has these layers and more like them"):
        load_keras_weights(stacked(2), file)


@pytest.mark.parametrize("ending", [".keras", ".h5", ".weights.h5"])
def test_a_deeper_network_of_the_same_names_is_not_taken_for_the_network(ending: str, tmp_path: Path) -> None:
    """It has other layers between: what comes behind them was trained on what they give."""
    deeper = filled(stacked(3, named=True))
    file = tmp_path / f"deeper{ending}"
    deeper.save_weights(file) if ending == ".weights.h5" else deeper.save(file)
    assert_loads(stacked(3, named=True), file, deeper.get_weights())
    with pytest.raises(ValueError, match=r"does not fit stack \(it has these layers and more like them"):
        load_keras_weights(stacked(2, named=True), file)


@pytest.mark.parametrize("ending", ["keras 2", ".h5", ".weights.h5"])
def test_weights_of_vgg19_are_not_taken_for_vgg16(ending: str, tmp_path: Path) -> None:
    """Every layer of VGG16 is in VGG19 too, by name and shape."""
    shape = (32, 32, 3)
    deeper = keras.applications.VGG19(include_top=False, weights=None, input_shape=shape)
    file = tmp_path / f"vgg19{'.h5' if ending == 'keras 2' else ending}"
    if ending == "keras 2":
        write_keras_2(deeper, file, whole=False)
    else:
        deeper.save_weights(file) if ending == ".weights.h5" else deeper.save(file)
    model = keras.applications.VGG16(include_top=False, weights=None, input_shape=shape)
    with pytest.raises(ValueError, match="does not fit vgg16"):
        load_keras_weights(model, file)


class Stack(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """A layer that holds others, as an encoder holds its blocks."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.blocks = [keras.layers.Dense(4) for _ in range(count)]
        self.drop = keras.layers.Dropout(0.5)

    def build(self, shape: Any) -> None:
        for block in self.blocks:
            block.build(shape)

    def call(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        return self.drop(x)


def holding(count: int, inside: str) -> keras.Model:
    """A network whose layers are inside one of its layers."""
    keras.utils.clear_session()
    x = keras.Input((SIDE, SIDE, 4))
    if inside == "model":
        return keras.Model(x, stacked(count)(keras.layers.Conv2D(3, 1)(x)), name="net")
    layers = [keras.layers.Conv2D(4, 1) for _ in range(count)]
    part = keras.Sequential(layers) if inside == "sequential" else Stack(count)
    return keras.Model(x, part(keras.layers.Conv2D(4, 1)(x)), name="net")


@pytest.mark.parametrize("inside", ["layer", "model", "sequential"])
def test_the_beginning_of_deeper_layers_inside_a_layer_is_not_taken(inside: str, tmp_path: Path) -> None:
    deeper = filled(holding(3, inside))
    deeper.save_weights(tmp_path / "deeper.weights.h5")
    assert_loads(holding(3, inside), tmp_path / "deeper.weights.h5", deeper.get_weights())
    with pytest.raises(ValueError, match="does not fit net"):
        load_keras_weights(holding(2, inside), tmp_path / "deeper.weights.h5")


@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
def test_a_network_that_is_there_twice_is_not_guessed(ending: str, tmp_path: Path) -> None:
    pupil, teacher = filled(network(named=False)), filled(network(named=False), seed=4)
    x = keras.Input((SIDE, SIDE, 3))
    both = keras.Model(x, keras.layers.Concatenate()([keras.Model(m.input, m.output, name=n)(x) for m, n in
                                                      ((pupil, "pupil"), (teacher, "teacher"))]))  # fmt: skip
    file = tmp_path / f"both{ending}"
    both.save_weights(file) if ending == ".weights.h5" else both.save(file)
    with pytest.raises(ValueError, match="it has this network twice"):
        load_keras_weights(network(named=False), file)


@pytest.mark.parametrize("ending", [".keras", ".h5", ".weights.h5"])
def test_a_part_of_the_network_is_an_error_that_names_the_layers(ending: str, tmp_path: Path) -> None:
    base = filled(network())
    part = keras.Model(base.input, base.get_layer("deep").output)
    file = tmp_path / f"part{ending}"
    part.save_weights(file) if ending == ".weights.h5" else part.save(file)
    with pytest.raises(
        ValueError, match=r"does not fit net \(it lacks 2 of 5 layers: two 1x1x4x4; last 4\); give a .h5"
    ):
        load_keras_weights(network(), file)


def test_other_shapes_are_named(tmp_path: Path) -> None:
    filled(network(width=6)).save_weights(tmp_path / "wide.weights.h5")
    with pytest.raises(
        ValueError, match="5 of 5 layers: one 3x3x3x4, in the file 3x3x3x6; norm 4, in the file 6; deep"
    ):
        load_keras_weights(network(), tmp_path / "wide.weights.h5")


def test_two_networks_of_the_same_shapes_are_not_taken_for_one(tmp_path: Path) -> None:
    x = keras.Input((SIDE, SIDE, 3))
    y = x
    for _ in range(4):
        y = keras.layers.Conv2D(3, 3)(y)
    keras.Model(x, y).save_weights(tmp_path / "four.weights.h5")
    keras.utils.clear_session()
    first = keras.layers.Conv2D(3, 3)
    two = keras.Model(x, keras.layers.Conv2D(3, 3)(first(keras.layers.Activation("relu")(x))))
    # Keras itself takes the first two, which are as good as the last two.
    with pytest.raises(ValueError, match="these layers and more like them"):
        load_keras_weights(two, tmp_path / "four.weights.h5")
    keras.Model(x, y).save(tmp_path / "four.h5")
    with pytest.raises(ValueError, match="does not fit"):
        load_keras_weights(two, tmp_path / "four.h5")


def test_code_in_a_whole_model_is_not_run(tmp_path: Path) -> None:
    base = filled(network())
    x = keras.Input((SIDE, SIDE, 3))
    whole = keras.Model(x, keras.layers.Lambda(lambda t: 1 / 0 if t is None else t)(base(x)))
    whole.save(tmp_path / "lambda.keras")
    assert_loads(network(), tmp_path / "lambda.keras", base.get_weights())


@pytest.mark.parametrize("name", ["garbage.keras", "garbage.h5", "garbage.weights.h5", "archive.keras"])
def test_what_is_no_weights_file_is_said(name: str, tmp_path: Path) -> None:
    import zipfile

    if name.startswith("archive"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("readme.txt", "nothing")
    else:
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(ValueError, match=f"{name} does not fit net"):
        load_keras_weights(network(), tmp_path / name)
