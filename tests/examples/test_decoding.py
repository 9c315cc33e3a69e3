"""The example server decodes pictures as tlsearch does."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.common.servers import APP
from tlsearch.data.images.decode import ImageError, read_square
from tlsearch.data.images.rgb import Decoding
from tlsearch.export.network import metadata
from tlsearch.predictor import Predictor

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
for module in ("fastapi", "uvicorn", "python_multipart"):
    pytest.importorskip(module, reason="the server is not installed: pip install -r examples/serve/requirements.txt")


@pytest.fixture(scope="module")
def pictures_module() -> Any:
    spec = importlib.util.spec_from_file_location("example_pictures", APP.with_name("pictures.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    Image.init()
    return module


def test_the_preview_in_a_raw_file_is_refused_as_tlsearch_refuses_it(
    pictures_module: Any, exported: tuple[Predictor, Path], tmp_path: Path
) -> None:
    told = metadata(exported[0])
    for name, tags in (("raw.nef", {254: 1, 330: 8}), ("small.tif", {254: 1}), ("page.tif", {330: 8})):
        Image.new("RGB", (20, 30), "red").save(tmp_path / name, "TIFF", tiffinfo=tags)
    for name in ("small.tif", "page.tif"):
        assert pictures_module.decode((tmp_path / name).read_bytes(), told).shape == (16, 16, 3)
    with pytest.raises(ImageError, match="RAW file of a camera, of which only a preview can be read"):
        read_square(tmp_path / "raw.nef", 16)
    with pytest.raises(ValueError, match="RAW file of a camera, of which only a preview can be read"):
        pictures_module.decode((tmp_path / "raw.nef").read_bytes(), told)


DEEP = {
    "floats.tiff": np.linspace(-3, 2, 600, dtype=np.float32),
    "fractions.tiff": np.linspace(0, 0.9, 600, dtype=np.float32),
    "whole.tiff": np.linspace(0, 90_000, 600).astype(np.int32),
}


@pytest.fixture
def all_pictures(pictures: list[Path], tmp_path: Path) -> list[Path]:
    """The pictures of the other tests, and those of whole numbers above 255, of fractions, and half transparent."""
    for name, values in DEEP.items():
        Image.fromarray(values.reshape(20, 30)).save(tmp_path / name)
    Image.new("LA", (30, 50), (90, 100)).save(tmp_path / "grey and see-through.png")
    return [*pictures, *sorted(tmp_path.iterdir())]


@pytest.mark.parametrize("resize", ["squash", "pad", "crop"])
@pytest.mark.parametrize("sizes", [(16, 16), (40, 64), (300, 300)])
@pytest.mark.parametrize("window", [None, (100.0, 30_000.0)])
def test_a_picture_is_decoded_as_tlsearch_decodes_it(
    pictures_module: Any,
    exported: tuple[Predictor, Path],
    all_pictures: list[Path],
    resize: str,
    sizes: tuple[int, int],
    window: tuple[float, float] | None,
) -> None:
    size, base = sizes
    config = {**exported[0].config, "image_size": size, "decode_size": base, "resize": resize, "window": window}
    told = metadata(Predictor(exported[0].model, exported[0].labels, config, exported[0].folder))
    for file in all_pictures:
        ours = read_square(file, size, base, Decoding(window, resize))
        assert (pictures_module.decode(file.read_bytes(), told) == ours).all(), file.name
