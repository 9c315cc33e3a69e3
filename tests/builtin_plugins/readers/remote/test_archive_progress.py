"""While an archive is unpacked, it is told how far that is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import MakeDataset
from tests.helpers.readers.archives import FORMATS
from tlsearch.data.sources import read_source
from tlsearch.plugin_api import ReadingOptions


@pytest.mark.parametrize("kind", FORMATS)
def test_it_is_told_how_far_an_archive_is(tmp_path: Path, make_dataset: MakeDataset, kind: str) -> None:
    root = make_dataset(tmp_path, per_class=30, size=64)
    archive = shutil.make_archive(str(tmp_path / "pets"), kind, root)
    told: list[tuple[float, float, str]] = []
    given = ReadingOptions(cache=tmp_path / "cache", progress=lambda *heard: told.append(heard))
    read_source(archive, given)
    shares = [done / total for done, total, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] > 0.9
    assert 0 < shares[0] < 0.5 or kind in ("bztar", "xztar")  # which are read in few large blocks
    written = sum(file.stat().st_size for file in root.rglob("*.png"))
    assert told[-1][2] == f"unpacking pets{FORMATS[kind]}: 90 files, {written / 1e6:,.1f} MB"
    told.clear()
    read_source(archive, given)
    assert told == []
