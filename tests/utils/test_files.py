"""Large arrays on a disk that is too small for them."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

from tlsearch.data.pixels import new_pixels
from tlsearch.errors import RunError
from tlsearch.utils import files as disk
from tlsearch.utils.files import create_array


def test_the_room_of_an_array_is_set_aside_when_it_is_made(tmp_path: Path) -> None:
    file = tmp_path / "new.npy"
    array = create_array(file, (100, 1000), "uint8")
    assert file.stat().st_blocks * 512 >= 100_000
    array[99] = 7
    array.flush()
    np.testing.assert_array_equal(np.load(file)[98:, 0], [0, 7])
    assert file.stat().st_size == 100_000 + 128


def test_a_full_disk_is_told_before_anything_is_written(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        create_array(small_disk / "large.npy", (2_000_000,), "uint8")
    with pytest.raises(RunError, match=r"disk cannot hold 1\.4 MB more \(No space left on device\): make room there"):
        new_pixels(small_disk / "pixels.npy", 30, 125)
    assert list(small_disk.iterdir()) == []


def test_a_system_that_cannot_set_room_aside_gets_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "not here")

    monkeypatch.setattr(disk.os, "posix_fallocate", refuse)
    array = create_array(tmp_path / "new.npy", (10, 10), "float32")
    array[:] = 2
    with (tmp_path / "plain").open("w+b") as file:
        disk.reserve(file, 5000)
    assert array.sum() == 200
    assert (tmp_path / "plain").stat().st_size == 5000
