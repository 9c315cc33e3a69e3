"""A model folder whose network can be worked out by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from tests.helpers.predictions import answer
from tlsearch.predictor import Predictor


@pytest.fixture(autouse=True)
def _model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A model folder, and two images with a file that is none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "120")

    def load(folder: Path, max_pixels: int | None = None) -> Predictor:
        network = SimpleNamespace(predict_on_batch=answer)
        return Predictor(network, ("cat", "dog", "newt"), {"image_size": 8}, folder)

    monkeypatch.setattr("tlsearch.predictor.load", load)
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (8, 8), (0, 255, 0)).save("pictures/a,b.png")
    Image.new("RGB", (8, 8), (255, 0, 0)).save("pictures/red.png")
    Path("pictures/z.png").write_text("no picture")
