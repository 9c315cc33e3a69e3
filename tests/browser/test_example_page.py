"""The page of ``examples/web`` in a real browser without a network: its answers are those of `tlsearch predict`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from benchmarks.common.web_page import MissingToolError, answers, build_page, open_page, served
from tests.helpers.browser.web_page import FITS, Watched
from tests.helpers.images.pictures import make_pictures
from tlsearch.export.formats.onnx_file import Onnx
from tlsearch.export.network import exported_network
from tlsearch.plugins import registry
from tlsearch.predictor import Predictor, load
from tlsearch.uncertainty.prediction_sets import ConformalScores

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.slow,  # npm brings the runtime, and 300 pictures go through a network of real size
    # Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

CLOTHING = Path(__file__).parents[2] / "examples" / "clothing"
CLASSES = tuple(sorted(folder.name for folder in CLOTHING.iterdir() if folder.is_dir()))
SIDE = 96
SCORES = ConformalScores(scores=(0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.92, 0.95), groups=10, images=10, reason="")


def write_network(folder: Path) -> Path:
    """A model folder with EfficientNet-Lite0 and a head of random values: pictures get many different answers."""
    import keras

    plugin = registry.load_plugin("backbone", "efficientnet_lite0")
    inputs = keras.Input((SIDE, SIDE, 3))
    backbone = plugin.build(SIDE, plugin.weights["imagenet"].path)
    features = keras.layers.GlobalAveragePooling2D()(backbone(plugin.preprocess(inputs), training=False))
    start = keras.initializers.RandomNormal(stddev=0.3, seed=1)
    logits = keras.layers.Dense(len(CLASSES), kernel_initializer=start)(features)
    folder.mkdir()
    keras.Model(inputs, keras.layers.Softmax()(logits)).save(folder / "model.keras")
    (folder / "labels.json").write_text(json.dumps(CLASSES))
    config = {"image_size": SIDE, "backbone": "efficientnet_lite0", **SCORES.in_config()}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    for module in ("onnx", "tf2onnx"):
        pytest.importorskip(module, reason="the extra tlsearch[onnx] is not installed")
    return load(write_network(tmp_path_factory.mktemp("network") / "model"))


@pytest.fixture(scope="module")
def watched(
    browser: Browser, predictor: Predictor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Watched, str]]:
    """The page, which has lost its network after it was loaded, and where it came from."""
    work = tmp_path_factory.mktemp("page")
    Onnx().write(exported_network(predictor, work), "float32", work / "model.onnx", ())
    try:
        site = build_page(work / "model.onnx", work)
    except MissingToolError as missing:
        pytest.skip(str(missing))
    with served(site) as address:
        found: list[Watched] = []
        page = open_page(browser, address, lambda page: found.append(Watched(page)))
        yield found[0], address
        page.context.close()


def test_the_answers_are_those_of_predict(watched: tuple[Watched, str], predictor: Predictor) -> None:
    files = sorted(CLOTHING.glob("*/*.jpg"))
    assert len(files) == 300
    expected = predictor.probabilities(files)
    assert len(set(expected.argmax(axis=1))) > 3
    given = np.asarray(answers(watched[0].page, files))
    difference = np.abs(given - expected)
    print(f"\nlargest difference {difference.max():.1e}, mean {difference.mean():.1e}")
    assert difference.max() < 1e-3
    assert (given.argmax(axis=1) == expected.argmax(axis=1)).all()


def test_what_is_not_sure_is_said_below_the_classes(watched: tuple[Watched, str], predictor: Predictor) -> None:
    files = sorted(CLOTHING.glob("*/*.jpg"))[::6]
    page = watched[0].page
    before = page.locator("article").count()
    answers(page, files)
    said = page.locator("article").evaluate_all(
        "cards => cards.map(card => [...card.querySelectorAll('.doubt')].map(line => line.textContent))"
    )[before:]
    expected = predictor.predict(files, coverage=0.9)
    for one, lines in zip(expected, said, strict=True):
        *most, last = one.prediction_set
        assert lines == ([f"not sure: {', '.join(most)} or {last}"] if one.not_sure else []), one.name
    assert {one.not_sure for one in expected} == {True, False}


def test_pictures_of_other_kinds_are_nearly_the_same(
    watched: tuple[Watched, str], predictor: Predictor, tmp_path: Path
) -> None:
    """Turned by EXIF, of a palette, transparent, and a large JPEG that Pillow decodes at a fraction of its size."""
    folder = make_pictures(tmp_path / "pictures")
    photo = next((CLOTHING / "dress").glob("*.jpg"))
    with Image.open(photo) as image:
        image.resize((2000, 2500), Image.Resampling.BICUBIC).save(folder / "large.jpg", quality=90)
    files = [file for file in sorted(folder.iterdir()) if file.name[:1] in "abcdl"]
    assert len(files) == 5
    expected = predictor.probabilities(files)
    given = np.asarray(answers(watched[0].page, files))
    difference = np.abs(given - expected).max(axis=1)
    print("\n" + ", ".join(f"{file.name}: {one:.1e}" for file, one in zip(files, difference, strict=True)))
    assert difference.max() < 0.02


def test_a_dropped_picture_is_answered_and_a_file_that_is_none_is_named(watched: tuple[Watched, str]) -> None:
    page = watched[0].page
    before = page.locator("article").count()
    data = page.evaluate_handle(
        """content => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(content)], 'dropped.jpg'));
          transfer.items.add(new File(['no picture'], 'text.jpg'));
          return transfer;
        }""",
        list(next((CLOTHING / "hat").glob("*.jpg")).read_bytes()),
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": data})
    picture, text = page.locator("article").nth(before), page.locator("article").nth(before + 1)
    picture.locator("meter").first.wait_for()
    assert picture.locator("meter").count() == 3  # beside them it may say that it is not sure
    assert any(name in picture.inner_text() for name in CLASSES)
    text.get_by_text("text.jpg cannot be used: this browser cannot read it").wait_for()


def test_nothing_is_asked_of_another_host_and_everything_fits(watched: tuple[Watched, str]) -> None:
    one, address = watched
    assert one.console == []
    assert [url for url in one.requests if not url.startswith((f"{address}/", "blob:", "data:"))] == []
    assert any(url.endswith(".wasm") for url in one.requests)
    for width in (390, 1400):
        one.page.set_viewport_size({"width": width, "height": 900})
        assert one.overflow() == FITS


def test_a_page_without_its_model_says_so(browser: Browser, watched: tuple[Watched, str], tmp_path: Path) -> None:
    page = browser.new_context().new_page()
    page.route("**/model.onnx", lambda route: route.fulfill(status=404))
    page.goto(f"{watched[1]}/index.html")
    said = page.get_by_text("The model cannot be used (model.onnx is not there): build the page again.")
    said.wait_for()
    assert said.is_visible()
    page.context.close()
