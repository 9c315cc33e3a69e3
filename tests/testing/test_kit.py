"""The kit finds what is broken, in the check that is there for it, and nothing in what is sound."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.helpers.networks.tiny_tokens import TinyTokens
from tlsearch.plugins.api import CutPoint, TrainingHints, WeightSource
from tlsearch.plugins.kinds import kind_named
from tlsearch.testing import check_augmentation, check_backbone, check_plugin, check_weights
from tlsearch.testing.kit import installed_backends, target_of
from tlsearch.testing.network import difference
from tlsearch.testing.outcome import CheckResult, run_checks
from tlsearch.testing.process import LOADS, check_on_backend

LAYERS = keras.layers


def checks_of(kind: str) -> Mapping[str, Any]:
    """The checks of a kind by name."""
    return kind_named(kind).load_checks()


class Net:
    """A convolution, a residual block with BatchNorm and another convolution: sound."""

    api_version = 1
    name = "net"
    default_image_size = 48
    min_image_size = 32
    weights: Any = {}  # noqa: RUF012 - read only
    cuts: tuple[str, ...] = ("stem", "block", "end")

    def build(self, image_size: int, weights: Path | None) -> Any:
        inputs = keras.Input((image_size, image_size, 3))
        stem = self.stem()(inputs)
        x = LAYERS.BatchNormalization(name="norm")(LAYERS.Conv2D(8, 3, padding="same", name="inside")(stem))
        x = LAYERS.Activation("relu", name="block")(LAYERS.Add(name="add")([stem, x]))
        model = keras.Model(inputs, LAYERS.Conv2D(12, 3, strides=2, padding="same", name="end")(x))
        if weights is not None:
            try:
                model.load_weights(str(weights))
            except Exception as error:
                raise ValueError(f"{weights} does not fit") from error
        return model

    def stem(self) -> Any:
        return LAYERS.Conv2D(8, 3, padding="same", name="stem")

    def cut_points(self, model: Any) -> list[CutPoint]:
        return [CutPoint(name, name, stage_end=True) for name in self.cuts]

    def preprocess(self, images: Any) -> Any:
        return images / 127.5 - 1.0


class DeepHints(Net):
    hints = TrainingHints(freeze_middle=1, freeze_late=3)


class CutInsideBlock(Net):
    cuts = ("stem", "inside", "block", "end")


class WrongOrder(Net):
    cuts = ("block", "stem", "end")


class NoEnd(Net):
    cuts = ("stem", "block")


class MapWithTokens(Net):
    def cut_points(self, model: Any) -> list[CutPoint]:
        return [CutPoint(name, name, True, leading_tokens=1) for name in self.cuts]


class Vector(Net):
    """What it gives is pooled already."""

    def build(self, image_size: int, weights: Path | None) -> Any:
        model = super().build(image_size, weights)
        return keras.Model(model.input, LAYERS.GlobalAveragePooling2D(name="pooled")(model.output))

    cuts = ("stem", "block", "pooled")


class Shared(Net):
    """Two builds share their first layer."""

    kept = LAYERS.Conv2D(8, 3, padding="same", name="stem")

    def stem(self) -> Any:
        return self.kept


class ChangingNames(Net):
    def build(self, image_size: int, weights: Path | None) -> Any:
        inputs = x = keras.Input((image_size, image_size, 3))
        for _ in range(2):
            x = LAYERS.Conv2D(8, 3, padding="same")(x)
        return keras.Model(inputs, x)

    def cut_points(self, model: Any) -> list[CutPoint]:
        return [CutPoint(f"cut {n}", layer.name, True) for n, layer in enumerate(model.layers[1:])]


class NotRandom(Net):
    def stem(self) -> Any:
        return LAYERS.Conv2D(
            8, 3, padding="same", name="stem", kernel_initializer=keras.initializers.GlorotUniform(seed=1)
        )


class Constant(Net):
    def build(self, image_size: int, weights: Path | None) -> Any:
        model = super().build(image_size, weights)
        for variable in model.trainable_variables:
            variable.assign(keras.ops.ones_like(variable))
        return model


class Counting(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Changes a variable whenever it is called, whatever it is told of training."""

    def build(self, shape: Any) -> None:
        self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False, name="seen")

    def call(self, x: Any) -> Any:
        self.seen.assign_add(1.0)
        return x


class Centred(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Takes the mean over the batch, in inference too."""

    def call(self, x: Any) -> Any:
        return x - keras.ops.mean(x, axis=0, keepdims=True)


class WithLayer(Net):
    """The sound network with a layer put between its first two cuts."""

    extra: Any = None
    cuts = ("stem", "extra", "end")

    def build(self, image_size: int, weights: Path | None) -> Any:
        inputs = keras.Input((image_size, image_size, 3))
        x = type(self).extra(name="extra")(self.stem()(inputs))
        return keras.Model(inputs, LAYERS.Conv2D(12, 3, strides=2, padding="same", name="end")(x))


class ChangesWhileFrozen(WithLayer):
    extra = Counting


class MeanOverBatch(WithLayer):
    extra = Centred


class ComesFrozen(Net):
    def build(self, image_size: int, weights: Path | None) -> Any:
        model = super().build(image_size, weights)
        model.trainable = False
        return model


class Unseeded(Net):
    def stem(self) -> Any:
        return LAYERS.Conv2D(
            8, 3, padding="same", name="stem",
            kernel_initializer=lambda shape, dtype: keras.ops.convert_to_tensor(
                np.random.default_rng().normal(size=shape), dtype
            ),
        )  # fmt: skip


class ChangesImages(Net):
    def preprocess(self, images: Any) -> Any:
        if isinstance(images, np.ndarray):
            images /= 127.5
            return images - 1.0
        return images / 127.5 - 1.0


class ByBatch(Net):
    def preprocess(self, images: Any) -> Any:
        return images - keras.ops.mean(images)


class OneSize(Net):
    def build(self, image_size: int, weights: Path | None) -> Any:
        return super().build(48, weights)


class IgnoresFile(Net):
    def build(self, image_size: int, weights: Path | None) -> Any:
        return super().build(image_size, None)


class NoGradient(Net):
    """The gradient ends before the last layer."""

    def build(self, image_size: int, weights: Path | None) -> Any:
        model = super().build(image_size, weights)
        x = LAYERS.Lambda(keras.ops.stop_gradient, name="stop")(model.get_layer("block").output)
        return keras.Model(model.input, LAYERS.Conv2D(4, 1, name="last")(x))

    cuts = ("stem", "last")


class HalfVariables(Net):
    def stem(self) -> Any:
        return LAYERS.Conv2D(8, 3, padding="same", name="stem", dtype="float16")


class NoMethod(Net):
    cut_points = None  # type: ignore[assignment] # broken on purpose


class Unbuildable(Net):
    widths: Mapping[str, int] = {}

    def build(self, image_size: int, weights: Path | None) -> Any:
        return self.widths["missing"]


class TwoOutputs(Net):
    def build(self, image_size: int, weights: Path | None) -> Any:
        model = super().build(image_size, weights)
        return keras.Model(model.input, [model.output, model.output])


class Flat(Net):
    def build(self, image_size: int, weights: Path | None) -> Any:
        model = super().build(image_size, weights)
        return keras.Model(model.input, LAYERS.Flatten(name="flat")(model.output))


class Unpreprocessed(Net):
    def preprocess(self, images: Any) -> Any:
        return images[..., :2]


class Infinite(Net):
    def preprocess(self, images: Any) -> Any:
        return images + float("inf")


class Tiny(Net):
    """Its features are ten thousand million times smaller than usual, as those of untrained statistics may be."""

    def preprocess(self, images: Any) -> Any:
        return images / 127.5e10 - 1e-10


BROKEN: list[tuple[type[Net], str, str]] = [
    (CutInsideBlock, "cut points are single tensors in order", "does not pass through 'inside' alone"),
    (WrongOrder, "cut points are single tensors in order", "in the wrong order"),
    (NoEnd, "cut points are single tensors in order", "is not the output of the model"),
    (MapWithTokens, "cut points are single tensors in order", "'stem' are a map, which has no leading tokens"),
    (Vector, "cut points are single tensors in order", "neither (N, h, w, C) nor (N, T, C)"),
    (Shared, "every build is a fresh model", "share 2 variables"),
    (ChangingNames, "cut points are the same in every build", "names of layers change"),
    (DeepHints, "training hints lie within the cut points", "its hints freeze 3 of 3 cut points"),
    (NotRandom, "random weights are random and follow the seed", "the same for every seed"),
    (Constant, "random weights are random and follow the seed", "constants, not random"),
    (ChangesWhileFrozen, "training leaves the frozen part as it is", "changes 1 variables before it"),
    (MeanOverBatch, "one image and many", "other features than among others"),
    (MeanOverBatch, "the saved model can be loaded", "register layers of your own"),
    (ComesFrozen, "gradients reach everything after the cut", "layers come frozen"),
    (Unseeded, "random weights are random and follow the seed", "with the same keras.utils.set_random_seed differ"),
    (ChangesImages, "preprocess is pure", "changes the images"),
    (ByBatch, "preprocess is pure", "depends on the images beside it"),
    (OneSize, "any image size from the minimum on", "build(32) takes"),
    (IgnoresFile, "saved weights can be loaded", "are other weights"),
    (IgnoresFile, "a foreign weights file is a ValueError", "takes a .weights.h5 file that holds no weights"),
    (NoGradient, "gradients reach everything after the cut", "no gradient reaches"),
    (HalfVariables, "mixed precision", "must stay float32"),
    (NoMethod, "keeps the contract", "no method cut_points"),
    (Unbuildable, "a network is built", "KeyError: 'missing' (tests/testing/test_kit.py:"),
    (TwoOutputs, "a network is built", "gives 2 outputs, not one"),
    (Flat, "a network is built", "the output of the network has shape"),
    (Unpreprocessed, "pictures go through the network", "preprocess makes (2, 40, 40, 2) of pictures"),
    (Infinite, "pictures go through the network", "are not finite"),
]


def by_name(results: list[CheckResult]) -> dict[str, CheckResult]:
    """Results by the check's name."""
    return {result.name: result for result in results}


def test_a_sound_backbone_passes() -> None:
    results = check_backbone(Net())
    assert [result for result in results if result.status not in ("passed", "skipped")] == []
    assert [result.name for result in results if result.status == "skipped"] == ["its weights are loaded"]
    assert list(by_name(results)) == list(checks_of("backbone"))


@pytest.mark.parametrize("leading", [0, 2])
def test_a_sound_backbone_that_gives_tokens_passes(leading: int) -> None:
    results = check_backbone(TinyTokens(leading))
    assert [result for result in results if result.status not in ("passed", "skipped")] == []


def test_a_fault_is_said_once_where_it_is() -> None:
    """One line and traceback for the author, and what needs the network is not run."""
    results = check_backbone(Unbuildable())
    ends = [(result.name, result.status) for result in results]
    assert ends[:2] == [("keeps the contract", "passed"), ("a network is built", "failed")]
    assert {status for _, status in ends[2:]} == {"not run"}
    assert {result.detail for result in results[2:]} == {"because 'a network is built' failed"}
    assert results[1].detail.endswith(", in build)")
    assert 'return self.widths["missing"]' in results[1].traceback


@pytest.mark.parametrize(("kind", "check", "said"), BROKEN, ids=lambda value: getattr(value, "__name__", None))
def test_a_broken_backbone_fails_its_check(kind: type[Net], check: str, said: str) -> None:
    (result,) = run_checks({check: checks_of("backbone")[check]}, kind())
    assert result.status == "failed"
    assert said in result.detail
    assert "\n" not in result.detail


# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_weights_that_are_named_must_be_loaded(tmp_path: Path) -> None:
    file = tmp_path / "net.weights.h5"
    Net().build(48, None).save_weights(file)
    source = WeightSource("nothing", "free", path=file)
    name = "its weights are loaded"
    small = type("TinyIgnores", (Tiny, IgnoresFile), {})
    for kind, status in ((Net, "passed"), (IgnoresFile, "failed"), (Tiny, "passed"), (small, "failed")):
        plugin = type(kind.__name__, (kind,), {"weights": {"own": source}})()
        (result,) = run_checks({name: checks_of("backbone")[name]}, plugin)
        assert result.status == status, kind
    gone = type("Gone", (Net,), {"weights": {"own": WeightSource("nothing", "free", path=tmp_path / "no.h5")}})()
    (result,) = run_checks({name: checks_of("backbone")[name]}, gone)
    assert "reinstall the plugin" in result.detail


def test_differences_are_shares_of_the_features_own_scale() -> None:
    features = np.linspace(-1, 1, 12).reshape(3, 4).astype(np.float32)
    for scale in (1e-20, 1e-10, 1.0, 1e10):
        assert difference(scale * (features + 0.1), scale * features) == pytest.approx(0.1, rel=1e-4)
    assert difference(0 * features, 0 * features) == 0
    assert difference(features, 0 * features) == float("inf")


def test_a_check_that_is_expected_to_fail_must_fail() -> None:
    reason = "its blocks are too small to cut between"
    name = "cut points are single tensors in order"
    results = by_name(check_backbone(CutInsideBlock(), {name: reason}))
    assert results[name].status == "expected failure"
    assert results[name].ok
    assert results[name].detail.startswith(reason)
    (result,) = run_checks({name: checks_of("backbone")[name]}, Net(), {name: reason})
    assert not result.ok
    assert "it passes, though it is expected to fail" in result.detail
    with pytest.raises(ValueError, match="there is no check 'speed'"):
        check_backbone(Net(), {"speed": "it is slow"})


class Roll:
    """Moves each image sideways: sound."""

    api_version = 1
    name = "roll"

    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        result = images.copy()
        for number, image in enumerate(images if strength else ()):
            result[number] = np.roll(image, int(rng.uniform(-0.4, 0.4) * strength * images.shape[2]), axis=1)
        return result


class ToShares(Roll):
    """Changes the range, and the type with it."""

    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return super().render(images, strength, rng) / 255 if strength else images.copy()


class ToZeroOne(Roll):
    """Changes the range and keeps the type."""

    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return (super().render(images, strength, rng) / 255).astype(np.uint8) if strength else images.copy()


class NotIdentity(Roll):
    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return super().render(images, max(strength, 0.5), rng)


class SameArray(Roll):
    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return super().render(images, strength, rng) if strength else images


class InPlace(Roll):
    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        images[:] = super().render(images, strength, rng)
        return images.copy()


class OwnGenerator(Roll):
    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return super().render(images, strength, np.random.default_rng())


class AllAlike(Roll):
    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return np.roll(images, int(rng.integers(1, 20) * strength), axis=2)


class OneView(Roll):
    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return super().render(images, strength, np.random.default_rng(0))


class Backwards(Roll):
    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return super().render(images, 1.2 - strength if strength else 0.0, rng)


class Grows(Roll):
    def render(self, images: Any, strength: float, rng: np.random.Generator) -> Any:
        return np.pad(super().render(images, strength, rng), ((0, 0), (1, 1), (0, 0), (0, 0)))


BROKEN_AUGMENTATIONS: list[tuple[type[Roll], str, str]] = [
    (ToShares, "shape and type are kept", "is float64, not uint8"),
    (ToZeroOne, "values stay in the range of pixels", "the range of pixels is 0..255, not 0..1"),
    (NotIdentity, "strength 0 is the identity", "the images are changed"),
    (SameArray, "strength 0 is the identity", "not a new one"),
    (InPlace, "the input is left untouched", "are changed"),
    (OwnGenerator, "the generator decides everything", "take all that is random from rng"),
    (AllAlike, "every view is different", "in the same way"),
    (OneView, "every view is different", "two views by one generator are the same"),
    (Backwards, "a higher strength goes further", "must grow with the strength"),
    (Grows, "shape and type are kept", "has shape"),
]


def test_a_sound_augmentation_passes() -> None:
    assert [result for result in check_augmentation(Roll()) if result.status != "passed"] == []


@pytest.mark.parametrize(
    ("kind", "check", "said"), BROKEN_AUGMENTATIONS, ids=lambda value: getattr(value, "__name__", None)
)
def test_a_broken_augmentation_fails_its_check(kind: type[Roll], check: str, said: str) -> None:
    result = by_name(check_augmentation(kind()))[check]
    assert result.status == "failed"
    assert said in result.detail


@pytest.mark.parametrize(
    ("kind", "plugin", "failed"),
    [
        ("backbone", Infinite, "pictures go through the network"),
        ("backbone", NoMethod, "keeps the contract"),
        ("augmentation", InPlace, "the input is left untouched"),
        ("augmentation", Grows, "shape and type are kept"),
    ],
)
def test_dependent_checks_do_not_fail_together(kind: str, plugin: type, failed: str) -> None:
    results = check_plugin(kind, plugin())
    assert [result.name for result in results if result.status == "failed"] == [failed]
    assert [result for result in results if result.status == "not run"]


class Lite:
    """The bundled weights under another name: sound."""

    api_version = 1
    name = "efficientnet_lite0@again"
    trained_on = "ImageNet-1k"
    licence = "Apache-2.0"

    def file(self, folder: Path) -> Path:
        from tlsearch.plugins import registry

        path = registry.load_plugin("backbone", "efficientnet_lite0").weights["imagenet"].path
        assert isinstance(path, Path)
        return path


class NoFile(Lite):
    def file(self, folder: Path) -> Path:
        return folder / "nothing.h5"


class Elsewhere(Lite):
    name = "net_of_nobody@again"


def test_weights_of_a_package_are_checked() -> None:
    assert [result.status for result in check_weights(Lite())] == ["passed"] * 3
    assert [result.status for result in check_weights(NoFile())] == ["passed", "failed", "not run"]
    assert [result.status for result in check_weights(Elsewhere())] == ["passed", "passed", "skipped"]


def test_a_plugin_is_checked_in_another_process() -> None:
    results = list(check_on_backend("tensorflow", "augmentation", "shift"))
    assert [result.name for result in results] == list(checks_of("augmentation"))
    assert all(result.ok for result in results)
    (result,) = check_on_backend("tensorflow", "metric", "no_such_plugin")
    assert (result.name, result.status) == (LOADS, "failed")
    assert "There is no metric 'no_such_plugin'" in result.detail


HANGS = """
import time
import numpy as np

class Slow:
    api_version = 1
    name = "slow"
    greater_is_better = True
    uses_class_weights = False

    def score(self, labels, probabilities):
        if not labels.flags.writeable:
            self.wait()
        return float((probabilities.argmax(axis=1) == labels).mean())

    def wait(self):
        time.sleep(600)

class Crashes(Slow):
    name = "crashes"

    def wait(self):
        import os
        os._exit(7)
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("slow", "it took longer than 5 s and was stopped (lasting.py:17, in wait)"),
        ("crashes", "the process ended with code 7"),
    ],
)
def test_a_check_that_hangs_or_crashes_fails_alone(name: str, said: str, install: Callable[..., None]) -> None:
    install("lasting", HANGS, group="tlsearch.metrics", slow="Slow", crashes="Crashes")
    results = list(check_on_backend("tensorflow", "metric", name, limit=5))
    assert [result.name for result in results] == list(checks_of("metric"))
    (failed,) = [result for result in results if not result.ok]
    assert failed.name == "the score is pure"
    assert failed.detail.startswith(said)
    if name == "slow":
        assert failed.seconds >= 5
        assert failed.traceback.splitlines()[1].endswith('lasting.py", line 17 in wait')
        assert failed.traceback.splitlines()[-1].endswith("in score")


def test_backends_are_those_that_are_installed() -> None:
    assert "tensorflow" in installed_backends()


def test_a_class_inside_a_function_is_found_by_no_other_process() -> None:
    class Local(Roll): ...

    assert target_of(Roll()) == f"{Roll.__module__}:Roll"
    with pytest.raises(ValueError, match="not at the top of a module"):
        target_of(Local())
