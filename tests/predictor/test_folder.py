"""The configuration of a model folder: read, added to, and refused in a sentence where it is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlsearch.predictor.folder import CONFIG_FILE, ModelError, has_config, read_config, update_config, write_config


def test_entries_are_added_and_replaced(tmp_path: Path) -> None:
    assert not has_config(tmp_path)
    write_config(tmp_path, {"image_size": 64, "window": [0, 1]})
    assert has_config(tmp_path)
    update_config(tmp_path, {"window": None, "calibration": {"value": 1.5}})
    assert read_config(tmp_path) == {"image_size": 64, "window": None, "calibration": {"value": 1.5}}
    assert [file.name for file in tmp_path.iterdir()] == [CONFIG_FILE]


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "is missing"), ("{", "is not readable JSON"), ("[1]", "holds no JSON object"), ("null", "no JSON object")],
)
def test_a_damaged_file_is_refused_and_stays(tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / CONFIG_FILE
    if content is not None:
        file.write_text(content, encoding="utf-8")
    for use in (read_config, lambda folder: update_config(folder, {"a": 1})):
        with pytest.raises(ModelError, match=message):
            use(tmp_path)
    assert (file.read_text(encoding="utf-8") if file.exists() else None) == content
