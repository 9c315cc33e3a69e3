"""The tier of the feature store that machines share: in a folder, and in a bucket."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.servers.bucket import serve_bucket
from tlsearch.errors import UsageError
from tlsearch.features.shared import SharedTier
from tlsearch.features.store import FeatureStore, key_digest

KEY = {"backbone": "tiny", "view": 3}
OTHER = {"backbone": "tiny", "view": 4}
VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)


def put(store: FeatureStore, key: Mapping[str, Any]) -> None:
    with store.writing(key, VALUES.shape, "float32") as array:
        assert array is not None
        array[:] = VALUES


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "folder":
        yield str(tmp_path / "shared")
        return
    with serve_bucket("shared", tmp_path / "nothing", ""):
        yield "s3://shared/cache"


def test_what_one_machine_has_computed_another_one_fetches(place: str, tmp_path: Path) -> None:
    tier = SharedTier(place)
    tier.check()
    put(FeatureStore(tmp_path / "one", 10_000, tier), KEY)
    other = FeatureStore(tmp_path / "other", 10_000, SharedTier(place))
    found = other.get(KEY)
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, VALUES)
    assert Path(str(found.filename)).parent == tmp_path / "other"  # a file of its own is mapped, none that is shared
    assert other.get(OTHER) is None
    assert sorted(path.name for path in (tmp_path / "other").iterdir()) == [f"{key_digest(KEY)}.npy"]


def test_what_is_damaged_there_is_computed_and_put_anew(place: str, tmp_path: Path) -> None:
    tier = SharedTier(place)
    put(FeatureStore(tmp_path / "one", 10_000, tier), KEY)
    whole = (tmp_path / "one" / f"{key_digest(KEY)}.npy").read_bytes()
    (tmp_path / "damaged").write_bytes(whole.replace(VALUES.tobytes()[8:16], b"\0" * 8))
    assert tier.put(f"{key_digest(KEY)}.npy", tmp_path / "damaged")
    other = FeatureStore(tmp_path / "other", 10_000, tier)
    assert other.get(KEY) is None
    put(other, KEY)
    third = FeatureStore(tmp_path / "third", 10_000, tier).get(KEY)
    assert third is not None
    np.testing.assert_array_equal(third, VALUES)


def test_the_parent_removes_what_was_written_first(place: str, tmp_path: Path) -> None:
    tier = SharedTier(place)
    store = FeatureStore(tmp_path / "one", 10_000, tier)
    put(store, KEY)
    name, later = f"{key_digest(KEY)}.npy", f"{key_digest(OTHER)}.npy"
    size = tier.size(name)
    assert size is not None
    if not place.startswith("s3"):
        os.utime(Path(place) / name, (1, 1))
        put(store, OTHER)
        assert tier.prune(2 * size) == 0
        assert tier.prune(2 * size - 1) == 1
        assert (tier.size(name), tier.size(later)) == (None, size)
    assert tier.prune(0) == 1
    assert (tier.size(name), tier.size(later)) == (None, None)
    assert store.get(KEY) is not None  # that of this machine is still there


def test_no_room_here_and_no_tier_there(tmp_path: Path) -> None:
    tier = SharedTier(str(tmp_path / "shared"))
    put(FeatureStore(tmp_path / "one", 10_000, tier), KEY)
    assert FeatureStore(tmp_path / "small", 100, tier).get(KEY) is None
    assert FeatureStore(tmp_path / "none", 0, tier).get(KEY) is None
    gone = SharedTier(str(tmp_path / "shared" / f"{key_digest(KEY)}.npy" / "below a file"))
    store = FeatureStore(tmp_path / "other", 10_000, gone)
    put(store, KEY)  # nothing is raised where it cannot be put
    assert store.get(KEY) is not None


def test_a_half_written_file_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tier = SharedTier(str(tmp_path / "shared"))
    (tmp_path / "file").write_bytes(b"x" * 100)

    def broken(*_: object, **__: object) -> None:
        raise OSError("the link is cut")

    monkeypatch.setattr(tier._files, "mv", broken)
    assert not tier.put("a.npy", tmp_path / "file")
    assert list((tmp_path / "shared").iterdir()) == []
    assert tier.size("a.npy") is None


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nothing://of/this/kind", "needs fsspec and its package for this kind of address"),
        ("/proc/nowhere/cache", "--shared-cache /proc/nowhere/cache cannot be used"),
    ],
)
def test_a_place_that_cannot_be_used_is_told_before_any_work(place: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        SharedTier(place).check()
