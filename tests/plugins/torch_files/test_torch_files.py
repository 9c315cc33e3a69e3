"""Files of PyTorch are read as data: both formats, and nothing in them is executed."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.networks.torch_files import FakeTensor, tensors, write_legacy, write_zip
from tlsearch.errors import WeightsError
from tlsearch.plugins.torch_files.state_dict import read_state_dict

Write = Callable[[Path, Any], Path]

formats = pytest.mark.parametrize("write", [write_zip, write_legacy])
RNG = np.random.default_rng(4)
ARRAYS: dict[str, Any] = {
    "features.0.weight": RNG.normal(size=(4, 3, 2, 2)).astype("float32"),
    "features.0.bias": RNG.normal(size=4).astype("float32"),
    "bn.num_batches_tracked": np.array(7, "int64"),
    "half": RNG.normal(size=(2, 5)).astype("float16"),
    "none": np.zeros((0, 3), "float32"),
}


@formats
def test_the_arrays_are_those_that_were_saved(write: Write, tmp_path: Path) -> None:
    read = read_state_dict(write(tmp_path / "net.pth", tensors(ARRAYS)))
    assert list(read) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array)


@formats
def test_views_of_a_storage_are_read_as_such(write: Write, tmp_path: Path) -> None:
    values = np.arange(24, dtype="float32").reshape(4, 6)
    turned = FakeTensor(values, strides=(1, 6), shape=(6, 4))
    part = FakeTensor(values, strides=(6, 2), shape=(2, 3), offset=7)
    read = read_state_dict(write(tmp_path / "net.pth", {"turned": turned, "part": part}))
    np.testing.assert_array_equal(read["turned"], values.T)
    np.testing.assert_array_equal(read["part"], values[1:3, 1::2])


def test_bfloat16_becomes_float32(tmp_path: Path) -> None:
    bits = np.array([0x3F80, 0xC000, 0x4049], "uint16")  # 1, -2, 3.140625
    file = write_zip(tmp_path / "net.pth", {"x": FakeTensor(bits, kind="BFloat16Storage")})
    np.testing.assert_array_equal(read_state_dict(file)["x"], np.array([1, -2, 3.140625], "float32"))


@formats
def test_a_checkpoint_of_training_gives_its_state_dict(write: Write, tmp_path: Path) -> None:
    content = {"epoch": 90, "best": 0.7, "state_dict": tensors(ARRAYS), "arch": "net"}
    assert list(read_state_dict(write(tmp_path / "net.pth", content))) == list(ARRAYS)


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.target}",)


@formats
def test_nothing_is_executed(write: Write, tmp_path: Path) -> None:
    target = tmp_path / "executed"
    content = OrderedDict({**tensors(ARRAYS), "bomb": Bomb(target)})
    with pytest.raises(WeightsError, match=r"asks for \w+\.system, which weights do not need: give a file that"):
        read_state_dict(write(tmp_path / "net.pth", content))
    assert not target.exists()
    (tmp_path / "raw.pth").write_bytes(pickle.dumps(Bomb(target)))
    with pytest.raises(WeightsError, match=r"raw\.pth is not read"):
        read_state_dict(tmp_path / "raw.pth")
    assert not target.exists()


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (FakeTensor(np.zeros(4, "float32"), strides=(2,)), "reaches beyond"),
        (FakeTensor(np.zeros(4, "float32"), offset=1), "reaches beyond"),
        (FakeTensor(np.zeros(4, "float32"), shape=(10**9,), strides=(0,)), "is larger than"),
        (FakeTensor(np.zeros(4, "float32"), offset=-1), "in an unknown way"),
        (FakeTensor(np.zeros(4, "float32"), strides=(-1,)), "in an unknown way"),
        (FakeTensor(np.zeros(4, "float32"), shape=(2, 2), strides=(1,)), "is larger than"),
        (FakeTensor(np.zeros(4, "float32"), kind="ComplexFloatStorage"), "ComplexFloatStorage"),
    ],
    ids=["strides", "offset", "one number for many", "before it", "backwards", "dimensions", "type"],
)
@formats
def test_a_tensor_that_lies_is_refused(write: Write, tensor: FakeTensor, reason: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=reason):
        read_state_dict(write(tmp_path / "net.pth", {"x": tensor}))


TEXT = b"X\x01\x00\x00\x00a"
ENDLESS = TEXT + TEXT + b"\x86q\x00" + b"".join(b"h%ch%c\x86q%c" % (n, n, n + 1) for n in range(60))
"""Instructions that put tuples of two into the memo, each of the one before it twice: number 60 has 2 ** 60 parts."""


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "program",
    [
        b"}h\x3cK\x01s.",
        b"ccollections\nOrderedDict\n]h\x3cK\x01\x86a\x85R.",
        b"h\x3ch\x3c\x93.",
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nh\x3cK\x00K\x01tQ.",
    ],
    ids=["a key", "a key of an ordered dictionary", "a class", "a storage"],
)
def test_what_would_take_for_ever_is_refused(program: bytes, tmp_path: Path) -> None:
    file = tmp_path / "net.pth"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + ENDLESS + program)
    with pytest.raises(WeightsError, match="is not read, because it"):
        read_state_dict(file)


def test_numbers_may_be_shared_by_layers_and_not_by_hundreds(tmp_path: Path) -> None:
    values = FakeTensor(np.arange(5000, dtype="float32"))

    def saved(times: int) -> Path:
        return write_zip(tmp_path / "net.pth", OrderedDict((f"layer{n}", values) for n in range(times)))

    assert len(read_state_dict(saved(24))) == 24
    with pytest.raises(WeightsError, match="show the same numbers over and over"):
        read_state_dict(saved(200))


def test_files_of_other_kinds_are_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("not weights at all")
    (tmp_path / "empty.pth").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "other.pth", "w") as archive:
        archive.writestr("readme.txt", "a zip file")
    (tmp_path / "list.pth").write_bytes(pickle.dumps([1, 2], protocol=2))
    write_zip(tmp_path / "packed.pth", tensors(ARRAYS), zipfile.ZIP_DEFLATED)
    write_zip(tmp_path / "numbers.pth", {"a": 1})
    for name, reason in {
        "text": "not a file of PyTorch", "empty": "not a file of PyTorch", "other": "a zip file, but not one",
        "list": "a pickle, but not a file", "packed": "compressed", "numbers": "no mapping of names to tensors",
    }.items():  # fmt: skip
        with pytest.raises(WeightsError, match=reason) as caught:
            read_state_dict(tmp_path / f"{name}.pth")
        assert "\n" not in str(caught.value)
        assert f"{name}.pth" in str(caught.value)
    with pytest.raises(WeightsError, match="cannot be read"):
        read_state_dict(tmp_path / "missing.pth")


@formats
def test_a_file_that_is_cut_off_or_damaged_is_refused(write: Write, tmp_path: Path) -> None:
    content = write(tmp_path / "net.pth", tensors(ARRAYS)).read_bytes()
    rng = np.random.default_rng(0)
    file, refused = tmp_path / "broken.pth", 0
    for end in rng.integers(1, len(content), 20):
        file.write_bytes(content[:end])
        with pytest.raises(WeightsError):
            read_state_dict(file)
    for _ in range(60):  # a flipped byte may hit a number, which nobody can see; it must never be another error
        damaged = bytearray(content)
        damaged[rng.integers(len(content))] ^= int(rng.integers(1, 256))
        file.write_bytes(bytes(damaged))
        try:
            read_state_dict(file)
        except WeightsError:
            refused += 1
    assert refused > 10
