"""Readers of other packages that are broken: they are left out, and said where nobody else takes the source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MakeDataset
from tlsearch.data.sources import read_source
from tlsearch.errors import DataError

BROKEN = "raise ImportError('no ink here')\n"


def test_a_broken_reader_stops_no_run(tmp_path: Path, make_dataset: MakeDataset, install: Callable[..., None]) -> None:
    root = make_dataset(tmp_path, per_class=2)
    before = read_source(root)
    install("torn-reader", BROKEN, group="tlsearch.readers", torn="Torn")
    assert read_source(root).items == before.items


def test_it_is_said_where_no_reader_takes_the_source(tmp_path: Path, install: Callable[..., None]) -> None:
    file = tmp_path / "scan.torn"
    file.write_bytes(b"what only that reader knows")
    with pytest.raises(DataError, match=r"scan\.torn is a file that no reader takes: name a folder"):
        read_source(file)
    install("torn-reader", BROKEN, group="tlsearch.readers", torn="Torn")
    with pytest.raises(DataError, match=r"no reader takes \(The reader 'torn' of .*no ink here.*\): name"):
        read_source(file)
