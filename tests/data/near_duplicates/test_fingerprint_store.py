"""Where the looks of pictures are kept until they are compared."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.images.near_duplicates import stored
from tlsearch.data.near_duplicates import store as module
from tlsearch.data.near_duplicates.fingerprint import SHAPE, ImageFingerprint, image_fingerprint
from tlsearch.data.near_duplicates.store import FingerprintStore
from tlsearch.errors import RunError


@pytest.fixture(scope="module")
def looks() -> list[ImageFingerprint]:
    return [image_fingerprint(Image.effect_noise((side, 80), 90).convert("RGB")) for side in (50, 80, 90, 70, 60)]


def test_what_is_added_is_read_again(looks: list[ImageFingerprint]) -> None:
    with stored(looks) as store:
        assert len(store) == 5
        assert store.hashes.tolist() == [look.hash for look in looks]
        assert store.small.tolist() == [True, False, False, False, True]
        assert store.colours == pytest.approx(np.array([look.colours[:6] for look in looks]), rel=1e-6)
        for rows in (np.array([4, 0, 4]), np.array([], np.int64), slice(1, 3), slice(3, 900)):
            expected = [looks[row].thumbnail for row in np.arange(5)[rows]]
            thumbnails = store.thumbnails(rows)
            assert thumbnails.shape == (len(expected), *SHAPE)
            assert [thumbnail.tobytes() for thumbnail in thumbnails] == expected


def test_there_may_be_fewer_than_there_is_room_for(looks: list[ImageFingerprint]) -> None:
    with FingerprintStore(100) as store:
        assert store.thumbnails(slice(0, 64)).shape == (0, *SHAPE)
        store.add(looks[0])
        assert store.thumbnails(slice(0, 64)).tobytes() == looks[0].thumbnail
        store.add(looks[1])
        assert store.thumbnails(np.array([1])).tobytes() == looks[1].thumbnail
        assert len(store.hashes) == len(store.colours) == len(store.small) == len(store) == 2


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_left_in_the_folder(tmp_path: Path, looks: list[ImageFingerprint], fails: bool) -> None:
    def fill() -> None:
        with FingerprintStore(5, tmp_path) as store:
            store.add(looks[0])
            if fails:
                raise KeyboardInterrupt

    if fails:
        with pytest.raises(KeyboardInterrupt):
            fill()
    else:
        fill()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", [True, False])
def test_a_full_disk_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: bool) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "reserve", full)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    remedy = "an output folder elsewhere with --output" if folder else "another folder in TMPDIR"
    with (
        pytest.raises(RunError, match=rf"cannot hold 4\.6 MB more \(No space left.*name {remedy}"),
        FingerprintStore(1000, tmp_path if folder else None),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
