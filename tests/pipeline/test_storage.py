"""A study's storage is checked before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlsearch.errors import UsageError
from tlsearch.pipeline.search import check_storage


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////no/such/folder/study.db"])
def test_a_storage_that_cannot_be_opened_is_named(url: str) -> None:
    with pytest.raises(UsageError, match=r"^--storage .* cannot be opened .*: give the URL of a database") as caught:
        check_storage(url)
    assert url in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_good_storage_is_opened(tmp_path: Path) -> None:
    check_storage(f"sqlite:///{tmp_path / 'study.db'}")
    assert (tmp_path / "study.db").exists()
