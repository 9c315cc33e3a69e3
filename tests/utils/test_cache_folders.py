"""Where the cache is when nobody says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlsearch.utils.cache_folders import features_dir


def test_option_goes_before_variable_goes_before_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TLSEARCH_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert features_dir().name == "features"
    assert "tlsearch" in features_dir().parts
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "variable"))
    assert features_dir() == tmp_path / "variable" / "features"
    assert features_dir(tmp_path / "option") == tmp_path / "option" / "features"
