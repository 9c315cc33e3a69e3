"""Weights of torchvision in AlexNet and GoogLeNet: converted without PyTorch, compared with it where it is there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.helpers.networks.torch_files import tensors, write_legacy, write_zip
from tlsearch.cli.main import cli
from tlsearch.plugins.convert import PROVENANCE, Provenance, _is_same_again
from tlsearch_plugins.backbones.classics.alexnet import AlexNetOwt
from tlsearch_plugins.backbones.classics.googlenet_bn import GoogLeNetBN, _torch_layers

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ALEXNET = {"features.0": (64, 3, 11), "features.3": (192, 64, 5), "features.6": (384, 192, 3),
           "features.8": (256, 384, 3), "features.10": (256, 256, 3)}  # fmt: skip
"""The convolutions of torchvision's AlexNet: filters, channels, side of the window."""


@pytest.fixture
def alexnet() -> dict[str, Any]:
    """A state dict of torchvision's AlexNet with random weights, and a small top in place of the large one."""
    rng = np.random.default_rng(8)
    arrays = {}
    for name, (out, channels, side) in ALEXNET.items():
        arrays[f"{name}.weight"] = rng.normal(0, 0.05, (out, channels, side, side)).astype("float32")
        arrays[f"{name}.bias"] = rng.normal(0, 0.05, out).astype("float32")
    return {**arrays, "classifier.6.weight": np.ones((10, 4), "float32"), "classifier.6.bias": np.ones(10, "float32")}


def provenance_of(file: Path) -> Provenance | None:
    """Where converted weights come from, as the file says; None where it does not."""
    with h5py.File(file, "r") as stored:
        text = stored.attrs.get(PROVENANCE)
    return None if text is None else Provenance(**json.loads(text))


def convert(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["weights", "convert", *map(str, arguments)], prog_name="tlsearch")


def test_alexnet_is_converted_and_loaded(alexnet: dict[str, Any], tmp_path: Path) -> None:
    source = write_zip(tmp_path / "alexnet.pth", tensors(alexnet))
    done = convert("alexnet_owt", source)
    assert done.exit_code == 0, done.output
    target = tmp_path / "alexnet.weights.h5"
    assert f"--weights alexnet_owt={target}" in done.output.replace("\n", "")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    assert provenance_of(target) == Provenance(
        network="alexnet_owt", source="alexnet.pth", source_sha256=digest, converted_by="tlsearch 0.1.0"
    )
    model = AlexNetOwt().build(71, target)
    for number, name in enumerate(ALEXNET, start=1):
        kernel, bias = model.get_layer(f"conv{number}").get_weights()
        np.testing.assert_array_equal(kernel, alexnet[f"{name}.weight"].transpose(2, 3, 1, 0))
        np.testing.assert_array_equal(bias, alexnet[f"{name}.bias"])
    assert target.stat().st_size < 11e6  # without the top
    again = tmp_path / "again.weights.h5"
    assert convert("alexnet_owt", source, "--output", again).exit_code == 0
    assert again.read_bytes() == target.read_bytes()  # the same weights are the same candidate
    assert convert("alexnet_owt", source).exit_code == 0  # an earlier conversion is replaced
    assert again.read_bytes() == target.read_bytes()


@pytest.mark.parametrize("other", ["weights of one's own", "a conversion for another form"])
def test_a_file_that_no_conversion_for_the_network_made_is_not_replaced(other: str, tmp_path: Path) -> None:
    source, target = tmp_path / "alexnet.pth", tmp_path / "alexnet.weights.h5"
    source.write_bytes(b"not read")
    with h5py.File(target, "w") as stored:
        if other.startswith("a conversion"):
            stored.attrs[PROVENANCE] = json.dumps({"network": "alexnet_owt_fc"})
    before = target.read_bytes()
    done = convert("alexnet_owt", source)
    assert done.exit_code == 2
    said = "is there already, and no conversion for alexnet_owt has made it: name another file with --output."
    assert said in " ".join(done.output.split())
    assert target.read_bytes() == before


def googlenet() -> dict[str, Any]:
    """A state dict of torchvision's GoogLeNet with random weights."""
    rng = np.random.default_rng(9)
    model, names = GoogLeNetBN().build(32, None), dict(_torch_layers())
    arrays: dict[str, Any] = {}
    for ours, theirs in names.items():
        layer = model.get_layer(ours)
        if ours.endswith("_conv"):
            shape = tuple(layer.kernel.shape)
            arrays[f"{theirs}.weight"] = rng.normal(0, 0.1, (shape[3], shape[2], *shape[:2])).astype("float32")
            continue
        for part in ("weight", "bias", "running_mean", "running_var"):
            arrays[f"{theirs}.{part}"] = rng.uniform(0.5, 1.5, layer.gamma.shape).astype("float32")
        arrays[f"{theirs}.num_batches_tracked"] = np.array(3, "int64")
    return {**arrays, "fc.weight": np.ones((10, 1024), "float32"), "aux1.conv.bn.weight": np.ones(128, "float32")}


def test_googlenet_is_converted_from_the_former_format(tmp_path: Path) -> None:
    arrays = googlenet()
    assert len([name for name in arrays if name.startswith("inception4d.branch3.1")]) == 6
    source, target = write_legacy(tmp_path / "g.pth", tensors(arrays)), tmp_path / "n.weights.h5"
    done = convert("googlenet_bn", source, "--output", target)
    assert done.exit_code == 0, done.output
    model = GoogLeNetBN().build(40, target)
    [kernel] = model.get_layer("inception_4d_5x5_conv").get_weights()
    np.testing.assert_array_equal(kernel, arrays["inception4d.branch3.1.conv.weight"].transpose(2, 3, 1, 0))
    statistics = model.get_layer("conv2_bn").get_weights()
    for part, values in zip(("weight", "bias", "running_mean", "running_var"), statistics, strict=True):
        np.testing.assert_array_equal(values, arrays[f"conv3.bn.{part}"])


def test_what_cannot_be_converted_ends_in_one_sentence(alexnet: dict[str, Any], tmp_path: Path) -> None:
    source = write_zip(tmp_path / "alexnet.pth", tensors(alexnet))
    hurt = {**alexnet, "features.3.weight": np.full_like(alexnet["features.3.weight"], np.nan)}
    nan = write_zip(tmp_path / "nan.pth", tensors(hurt))
    other = write_zip(tmp_path / "other.pth", tensors({f"net.{name}": array for name, array in alexnet.items()}))
    del alexnet["features.8.bias"]
    part = write_zip(tmp_path / "part.pth", tensors(alexnet))
    (tmp_path / "text.pth").write_text("nothing")
    for arguments, sentence in [
        (("alexnet", source), "no weights of PyTorch: alexnet.pth is of alexnet_owt, so convert it for that."),
        (("alexnet_owt", part), "does not fit alexnet_owt (it lacks features.8.bias; among its others are classifier."),
        (("alexnet_owt", other), "and 7 others; among its others are net.features.0.weight, net.features.0.bias, "),
        (("alexnet_owt", nan), "weights for alexnet_owt that are not finite, in conv2/kernel: it is damaged, or"),
        (("alexnet", part), "Keras with --weights in a run. It does not fit alexnet_owt, alexnet_owt_fc either."),
        (("vgg16", source), "vgg16 reads no weights of PyTorch: give it a file of Keras with --weights in a run."),
        (
            ("vgg16_fc", source),
            "vgg16_fc reads no weights of PyTorch: give it a file of Keras with --weights in a run.",
        ),
        (
            ("efficientnet_lite0", source),
            "efficientnet_lite0 (it lacks _conv_stem.weight): give the file of",
        ),
        (("mobilenet_v3_large", source), "mobilenet_v3_large reads no weights of PyTorch"),
        (("alexnet_owt", tmp_path / "text.pth"), "not a file of PyTorch"),
        (("alexnet_owt", tmp_path / "none.pth"), "none.pth"),
        (("alexnet_ovt", source), "did you mean 'alexnet_owt'"),
        (("alexnet_owt", source, "--output", tmp_path / "x.npz"), "must end in .weights.h5"),
    ]:
        done = convert(*arguments)
        shown = " ".join(done.output.split())
        assert (done.exit_code, sentence in shown) == (2, True), shown
        assert "Traceback" not in shown
    assert list(tmp_path.glob("*.h5")) == []


@pytest.mark.parametrize("wrapper", ["module.", "_orig_mod.", "_orig_mod.module."])
def test_weights_that_were_saved_within_what_trains_them_are_converted(
    wrapper: str, alexnet: dict[str, Any], tmp_path: Path
) -> None:
    plain = write_zip(tmp_path / "plain.pth", tensors(alexnet))
    wrapped = write_zip(tmp_path / "wrapped.pth", tensors({wrapper + name: a for name, a in alexnet.items()}))
    for source in (plain, wrapped):
        done = convert("alexnet_owt", source)
        assert done.exit_code == 0, done.output
    models = [AlexNetOwt().build(71, tmp_path / f"{name}.weights.h5") for name in ("plain", "wrapped")]
    for ours, theirs in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(ours, theirs)


class Deaf(AlexNetOwt):
    """A network that reads nothing of its file."""

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        return super().build(image_size, None)


def test_a_network_that_takes_nothing_from_the_file_does_not_fit_it(alexnet: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "arrays.npz"
    np.savez(file, **alexnet)
    for plugin, reads in ((AlexNetOwt(), True), (Deaf(), False)):
        assert _is_same_again(plugin, file, plugin.build(plugin.min_image_size, file)) is reads


def test_a_file_of_pytorch_is_to_be_converted_first(alexnet: dict[str, Any], tmp_path: Path) -> None:
    source = write_zip(tmp_path / "alexnet.pth", tensors(alexnet))
    with pytest.raises(ValueError, match=f"with `tlsearch weights convert alexnet_owt {source}`"):
        AlexNetOwt().build(71, source)


def features(plugin: Any, state: Mapping[str, Any], images: Any, folder: Path) -> Any:
    """What the plugin's network gives with the state of a network of PyTorch, channels first."""
    file = folder / "state.npz"
    np.savez(file, **{name: value.numpy() for name, value in state.items()})
    model = plugin.build(images.shape[1], file)
    return keras.ops.convert_to_numpy(model(plugin.preprocess(images), training=False)).transpose(0, 3, 1, 2)


@pytest.mark.parametrize("side", [224, 97])
def test_alexnet_is_torchvisions(side: int, tmp_path: Path) -> None:
    torch, torchvision = pytest.importorskip("torch"), pytest.importorskip("torchvision")
    torch.manual_seed(0)
    network = torchvision.models.alexnet(weights=None).eval()
    images = np.random.default_rng(1).uniform(0, 255, (2, side, side, 3)).astype("float32")
    shares = torch.from_numpy(images.transpose(0, 3, 1, 2)) / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        expected = network.features((shares - mean[:, None, None]) / std[:, None, None]).numpy()
    given = features(AlexNetOwt(), network.state_dict(), images, tmp_path)
    np.testing.assert_allclose(given, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("side", [224, 97])
def test_googlenet_is_torchvisions(side: int, tmp_path: Path) -> None:
    torch, torchvision = pytest.importorskip("torch"), pytest.importorskip("torchvision")
    torch.manual_seed(0)
    network = torchvision.models.googlenet(weights=None, aux_logits=True, init_weights=False).eval()
    seen: list[Any] = []
    network.inception5b.register_forward_hook(lambda _module, _given, result: seen.append(result))
    images = np.random.default_rng(1).uniform(0, 255, (2, side, side, 3)).astype("float32")
    with torch.no_grad():
        network(torch.from_numpy(images.transpose(0, 3, 1, 2)) / 127.5 - 1)
    expected = seen[0].numpy()
    given = features(GoogLeNetBN(), network.state_dict(), images, tmp_path)
    np.testing.assert_allclose(given, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
