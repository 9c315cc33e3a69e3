"""The feature store: hits, misses, the budget, and what a crash may leave."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from tlsearch.errors import RunError
from tlsearch.features import store as store_module
from tlsearch.features.store import HEADER_BYTES, FeatureStore, key_digest

KEY = {"what": "map 1", "images": "abc", "dtypes": ["float16", "float32"], "strength": 0.25, "view": 1}
ROW = np.arange(12, dtype=np.float32)
SEAL_BYTES = 20
SIZE = ROW.nbytes + HEADER_BYTES + len(json.dumps(KEY)) + SEAL_BYTES


def put(store: FeatureStore, key: dict[str, Any], values: np.ndarray[Any, Any] = ROW) -> bool:
    """Store ``values``; gives whether there was room."""
    with store.writing(key, values.shape, str(values.dtype)) as target:
        if target is None:
            return False
        target[:] = values
    return True


def files(folder: Path) -> set[str]:
    """The kinds of files in a folder."""
    return {path.suffix for path in folder.iterdir()}


def numbered(number: int) -> dict[str, Any]:
    """One of many keys."""
    return {**KEY, "view": number}


def test_what_was_written_is_found_unchanged_and_read_only(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "new" / "folder", 10_000)
    assert store.get(KEY) is None
    values = np.random.default_rng(0).normal(size=(3, 2, 2)).astype(np.float16)
    assert put(store, KEY, values)
    found = FeatureStore(store.directory, 10_000).get(dict(reversed(KEY.items())))
    assert found is not None
    np.testing.assert_array_equal(found, values)
    assert found.dtype == np.float16
    assert not found.flags.writeable


@pytest.mark.parametrize("name", sorted(KEY))
def test_each_ingredient_makes_another_key(tmp_path: Path, name: str) -> None:
    store = FeatureStore(tmp_path, 10_000)
    put(store, KEY)
    changed = {**KEY, name: "something else"}
    assert key_digest(changed) != key_digest(KEY)
    assert store.get(changed) is None
    without = {k: v for k, v in KEY.items() if k != name}
    assert store.get(without) is None
    assert store.get(KEY) is not None


def test_the_least_recently_used_give_way(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, 3 * SIZE)
    for number in range(3):
        put(store, numbered(number))
        age(store, numbered(number), 100 - number)
    assert store.get(numbered(0)) is not None  # used just now, so that 1 is the oldest
    put(store, numbered(3))
    assert [store.get(numbered(i)) is not None for i in range(4)] == [True, False, True, True]
    assert store.info().bytes == 3 * SIZE <= store.limit


def test_as_many_give_way_as_are_needed(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, 4 * SIZE)
    for number in range(4):
        put(store, numbered(number))
        age(store, numbered(number), 100 - number)
    put(store, numbered(9), np.arange(2 * 12, dtype=np.float32))
    assert [store.get(numbered(i)) is not None for i in range(4)] == [False, False, True, True]
    assert store.info().bytes <= store.limit


def test_an_evicted_array_that_is_still_mapped_can_be_read(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, SIZE)
    put(store, numbered(0))
    mapped = store.get(numbered(0))
    put(store, numbered(1), -ROW)
    assert store.get(numbered(0)) is None
    assert mapped is not None
    np.testing.assert_array_equal(mapped, ROW)


def test_what_is_larger_than_the_limit_is_not_stored_and_evicts_nothing(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, SIZE)
    put(store, numbered(0))
    assert not put(store, numbered(1), np.zeros(13, np.float32))
    assert store.get(numbered(0)) is not None
    assert not put(FeatureStore(tmp_path / "none", 0), KEY)
    assert files(tmp_path / "none") == set()


def test_arrays_that_are_written_together_share_the_budget(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, 2 * SIZE)
    put(store, numbered(0))
    with store.writing(numbered(1), ROW.shape, "float32") as outer:
        assert outer is not None
        assert put(store, numbered(2))
        assert store.get(numbered(0)) is None
        assert not put(store, numbered(3), np.zeros(13, np.float32))
    assert store.info().bytes == 2 * SIZE
    assert put(store, numbered(3), np.zeros(24, np.float32))
    assert store.info().files == 1


def test_half_written_arrays_are_never_seen(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, 10_000)
    with store.writing(KEY, ROW.shape, "float32") as target:
        assert target is not None
        target[:] = ROW
        assert store.get(KEY) is None
        assert store.info().files == 0
    assert store.get(KEY) is not None

    def fail() -> None:
        with store.writing(numbered(7), ROW.shape, "float32"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert store.get(numbered(7)) is None
    assert files(tmp_path) == {".npy"}


@pytest.mark.parametrize("keep", [0, 5, HEADER_BYTES, SIZE - 1])
def test_a_truncated_array_is_a_miss(tmp_path: Path, keep: int) -> None:
    store = FeatureStore(tmp_path, 10_000)
    put(store, KEY)
    (file,) = tmp_path.glob("*.npy")
    assert file.stat().st_size == SIZE
    os.truncate(file, keep)
    assert store.get(KEY) is None
    put(store, KEY)
    assert store.get(KEY) is not None


@pytest.mark.parametrize("place", [0, 9, HEADER_BYTES, HEADER_BYTES + 13, SIZE - SEAL_BYTES - 5, SIZE - 18, SIZE - 1])
def test_an_array_with_a_flipped_bit_is_thrown_away_and_made_again(tmp_path: Path, place: int) -> None:
    put(FeatureStore(tmp_path, 10_000), KEY)
    (file,) = tmp_path.glob("*.npy")
    data = bytearray(file.read_bytes())
    data[place] ^= 4
    file.write_bytes(data)
    store = FeatureStore(tmp_path, 10_000)  # a process that has not seen the file
    assert store.get(KEY) is None
    assert not file.exists()
    put(store, KEY)
    found = store.get(KEY)
    assert found is not None
    np.testing.assert_array_equal(found, ROW)


def test_an_array_is_checked_once_by_each_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(FeatureStore(tmp_path, 10_000), KEY)
    checksum = Mock(wraps=store_module._checksum)
    monkeypatch.setattr(store_module, "_checksum", checksum)
    store = FeatureStore(tmp_path, 10_000)
    for _ in range(3):
        assert store.get(KEY) is not None
    assert checksum.call_count == 1


def test_the_array_of_another_key_under_this_name_is_a_miss(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, 10_000)
    put(store, KEY)
    (file,) = tmp_path.glob("*.npy")
    file.rename(tmp_path / f"{key_digest(numbered(2))}.npy")
    assert store.get(numbered(2)) is None


def test_scratch_counts_for_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, 0)
    array = store.scratch((4, 5), "uint8")
    array[2, 3] = 200
    assert array.shape == (4, 5)
    assert array.sum() == 200
    assert store.info().files == 0
    assert files(tmp_path) == set()


def test_a_full_disk_stores_nothing_and_loses_nothing(small_disk: Path) -> None:
    store = FeatureStore(small_disk, 10**9)
    assert put(store, KEY)
    large = np.ones(2**19, np.float32)
    assert not put(store, numbered(2), large)
    with pytest.raises(RunError, match=r"cannot hold 2\.1 MB more \(No space left on device\): make room there"):
        store.scratch(large.shape, "float32")
    found = FeatureStore(small_disk, 10**9).get(KEY)
    assert found is not None
    np.testing.assert_array_equal(found, ROW)
    assert {path.suffix for path in small_disk.iterdir()} == {".npy"}
    assert put(store, numbered(3), large[: 2**17])  # what does fit is still kept


def test_info_and_clear(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, 10_000)
    put(store, numbered(0))
    put(store, numbered(1))
    (tmp_path / ".left.npy.1234-ab.part").write_bytes(b"of a killed process")
    (tmp_path / "notes.txt").write_text("not ours")
    info = store.info()
    assert (info.directory, info.files, info.bytes) == (tmp_path, 2, 2 * SIZE)
    assert store.clear() == info
    assert store.info().files == 0
    assert store.get(numbered(0)) is None
    assert files(tmp_path) == {".txt"}


def test_what_a_killed_process_has_left_goes_and_what_is_on_its_way_stays(tmp_path: Path) -> None:
    """Else every interruption would take the room of an array for ever, beside the limit."""
    store, gone = FeatureStore(tmp_path, 10_000), 2**22 + 1  # no process has such a number
    old = {f".a.npy.{gone}-ab12.part", ".b.npy.mine.part", f".c.npy.{os.getpid()}-ab12.part"}
    for name in (*old, f".d.npy.{gone}-ab12.part"):
        (tmp_path / name).write_bytes(b"0" * 100)
    for name in old:
        os.utime(tmp_path / name, (0, 0))
    put(store, KEY)
    left = {path.name for path in tmp_path.glob(".*")}
    assert left == {".b.npy.mine.part", f".c.npy.{os.getpid()}-ab12.part", f".d.npy.{gone}-ab12.part"}


def age(store: FeatureStore, key: dict[str, Any], seconds: int) -> None:
    """Pretend that the array was last used ``seconds`` ago."""
    file = store.directory / f"{key_digest(key)}.npy"
    then = file.stat().st_mtime - seconds
    os.utime(file, (then, then))


def test_nobody_waits_longer_than_it_pays_nor_where_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MOST_WAITING", 0.05)
    one, other = FeatureStore(tmp_path, 10_000), FeatureStore(tmp_path, 10_000)
    with one.one_at_a_time(KEY), other.one_at_a_time(KEY):
        assert put(other, KEY)
    monkeypatch.setattr(store_module, "MOST_WAITING", 1e9)
    with one.one_at_a_time(KEY), FeatureStore(tmp_path, 0).one_at_a_time(KEY):
        assert one.get(KEY) is not None


def test_a_store_that_is_cleared_or_removed_meanwhile_costs_time_and_nothing_else(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "features", 10_000)
    with store.writing(KEY, ROW.shape, str(ROW.dtype)) as target:
        assert target is not None
        target[:] = ROW
        FeatureStore(store.directory, 0).clear()
    np.testing.assert_array_equal(target, ROW)
    assert store.get(KEY) is None
    shutil.rmtree(store.directory)  # as what clears folders for temporary files does
    scratch = store.scratch(ROW.shape, "float32")
    scratch[:] = ROW
    shutil.rmtree(store.directory)
    assert put(store, KEY)
    found = store.get(KEY)
    assert found is not None
    np.testing.assert_array_equal(found, ROW)
