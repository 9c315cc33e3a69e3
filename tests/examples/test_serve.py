"""The example server: it answers as `tlsearch predict`, many at once, and says in a sentence what it cannot use."""

from __future__ import annotations

import io
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from benchmarks.common.servers import ask, example_server, load
from tests.helpers.models.doubting_model import colours, write_pictures
from tests.helpers.servers.requests import ask_health, form, raw, refusal
from tlsearch.data.images.decode import read_square
from tlsearch.predictor import Predictor
from tlsearch.types import Float64Array

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
for module in ("fastapi", "uvicorn", "python_multipart"):
    pytest.importorskip(module, reason="the server is not installed: pip install -r examples/serve/requirements.txt")

NEAR = 1e-4
"""How far probabilities of onnxruntime may lie from Keras'."""

MOST_BYTES, MOST_PIXELS = 200_000, 1_000_000


@pytest.fixture(scope="module")
def expected(exported: tuple[Predictor, Path], pictures: list[Path]) -> Float64Array:
    return exported[0].probabilities(pictures)


@pytest.fixture(scope="module")
def address(exported: tuple[Predictor, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that waits long for further pictures, so that those of several clients go together."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    limits = {"MAX_BYTES": MOST_BYTES, "MAX_PIXELS": MOST_PIXELS, "MAX_PICTURES": 8, "BATCH": 8, "BATCH_MS": 50}
    with example_server(exported[1], log, **limits) as found:
        yield found


def rows_of(answer: Any, predictor: Predictor) -> Float64Array:
    return np.array([[one["probabilities"][label] for label in predictor.labels] for one in answer["predictions"]])


def test_one_picture_as_bytes_gives_what_tlsearch_predicts(
    address: str, exported: tuple[Predictor, Path], pictures: list[Path], expected: Float64Array
) -> None:
    assert np.ptp(expected, axis=0).max() > 0.05  # the pictures differ
    for file, row in zip(pictures, expected, strict=True):
        answer = ask(f"{address}/predict", raw(file.read_bytes()))
        assert np.abs(rows_of(answer, exported[0])[0] - row).max() < NEAR, file.name
        (told,) = answer["predictions"]
        assert told["label"] == exported[0].labels[row.argmax()]
        assert told["probability"] == pytest.approx(row.max(), abs=NEAR)


def test_several_pictures_of_a_form_keep_their_order_and_names(
    address: str, exported: tuple[Predictor, Path], pictures: list[Path], expected: Float64Array
) -> None:
    answer = ask(f"{address}/predict", form(*reversed(pictures)))
    assert [told["name"] for told in answer["predictions"]] == [file.name for file in reversed(pictures)]
    assert np.abs(rows_of(answer, exported[0]) - expected[::-1]).max() < NEAR


def test_requests_at_the_same_time_go_through_the_network_together(
    address: str, exported: tuple[Predictor, Path], pictures: list[Path], expected: Float64Array
) -> None:
    before = ask_health(address)
    numbers = [number % len(pictures) for number in range(48)]
    with ThreadPoolExecutor(8) as pool:
        work = [pool.submit(ask, f"{address}/predict", raw(pictures[number].read_bytes())) for number in numbers]
        given = np.concatenate([rows_of(future.result(), exported[0]) for future in work])
    assert np.abs(given - expected[numbers]).max() < NEAR
    after = ask_health(address)
    assert after["pictures"] - before["pictures"] == 48
    assert after["batches"] - before["batches"] <= 24


def test_health_says_what_it_knows(address: str, exported: tuple[Predictor, Path]) -> None:
    told = ask_health(address)
    assert (told["status"], told["waiting"]) == ("ok", 0)
    assert told["classes"] == list(exported[0].labels)
    assert told["image_size"] == exported[0].image_size


def test_it_listens_on_this_machine_alone(address: str) -> None:
    port = int(address.rpartition(":")[2])
    connections: list[Any] = psutil.net_connections("tcp")  # its types allow addresses without parts
    found = [one.laddr for one in connections if one.status == psutil.CONN_LISTEN]
    listening = [place.ip for place in found if place.port == port]
    assert listening == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The request holds no picture"),
        (b"no picture at all", "The picture 1 cannot be used: it is no picture of a format that is read here"),
        ("cut off", "The picture 1 cannot be used: it is damaged (image file is truncated"),
        ("too large", "The picture 1 cannot be used: it has more than 1,000,000 pixels: make it smaller."),
    ],
)
def test_what_is_no_picture_is_answered_with_a_sentence(address: str, content: bytes | str, words: str) -> None:
    if isinstance(content, str):
        stream = io.BytesIO()
        size = (1001, 1000) if content == "too large" else (200, 200)
        noise = np.random.default_rng(0).integers(0, 256, (20, 20, 3)).astype(np.uint8)
        Image.fromarray(noise).resize(size).save(stream, "JPEG")
        content = stream.getvalue() if content == "too large" else stream.getvalue()[:-1000]
    status, sentence = refusal(address, raw(content))
    assert status == 422
    assert sentence.startswith(words)
    assert sentence.endswith(".")


def test_a_damaged_picture_of_a_form_is_named(address: str, pictures: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(pictures[0].read_bytes()[:500])
    status, sentence = refusal(address, form(pictures[1], broken))
    assert status == 422
    assert "The picture 2 (broken.png) cannot be used" in sentence


def test_too_much_is_refused_before_it_is_read(address: str, pictures: list[Path]) -> None:
    assert refusal(address, raw(bytes(MOST_BYTES + 1)))[0] == 413
    status, sentence = refusal(address, form(*[pictures[2]] * 9))
    assert status == 400
    assert "Maximum number of files is 8" in sentence


def test_a_request_of_unknown_length_is_refused(address: str) -> None:
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        assert b" 411 " in connection.recv(100)


def test_heat_maps_need_the_model_itself(address: str, pictures: list[Path]) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(f"{address}/explain", raw(pictures[0].read_bytes()))
    with caught.value as answer:
        assert answer.code == 501
        assert "name the model in MODEL_DIR" in json.load(answer)["detail"]


def test_heat_maps_are_those_of_tlsearch_explain(
    exported: tuple[Predictor, Path], pictures: list[Path], tmp_path: Path
) -> None:
    maps = pytest.importorskip("tlsearch.explain.maps", reason="this tlsearch draws no heat maps")
    predictor, model = exported
    squares = np.stack([read_square(file, predictor.image_size, predictor.decode_size) for file in pictures[:2]])
    with example_server(model, tmp_path / "server.log", MODEL_DIR=predictor.folder) as address:
        for wanted in (None, "green"):
            about = None if wanted is None else np.full(2, predictor.labels.index(wanted))
            ours = maps.heat_maps(predictor, squares, about)
            told = ask(f"{address}/explain" + (f"?class={wanted}" if wanted else ""), form(*pictures[:2]))
            assert [one["class"] for one in told["maps"]] == [predictor.labels[place] for place in ours.classes]
            assert np.asarray([one["map"] for one in told["maps"]]) == pytest.approx(ours.maps, abs=1e-4)
            assert [one["logit"] for one in told["maps"]] == pytest.approx(ours.logits, abs=1e-4)
            assert (told["method"], told["exact"]) == (ours.method, ours.exact)
        with pytest.raises(urllib.error.HTTPError) as caught:
            ask(f"{address}/explain?class=plum", raw(pictures[0].read_bytes()))
        with caught.value as answer:
            assert "There is no class 'plum': it is one of blue, green, red." in json.load(answer)["detail"]


def test_what_is_not_sure_and_unlike_is_said_as_tlsearch_says_it(
    doubting: tuple[Predictor, Path], tmp_path: Path
) -> None:
    between, foreign = [[150, 140, 30], [20, 160, 150]], [[250, 250, 250], [5, 5, 5]]
    files = sorted(write_pictures(tmp_path / "seen", np.concatenate([colours(4, 5), between, foreign])).iterdir())
    predictor, model = doubting
    with example_server(model, tmp_path / "server.log", COVERAGE=0.8) as address:
        for coverage, asked in ((0.8, ""), (0.95, "?coverage=0.95")):
            expected = predictor.predict(files, coverage=coverage)
            told = ask(f"{address}/predict{asked}", form(*files))["predictions"]
            assert [tuple(one["prediction_set"]) for one in told] == [one.prediction_set for one in expected]
            assert [one["not_sure"] for one in told] == [one.not_sure for one in expected]
            assert {one["coverage"] for one in told} == {coverage}
            assert [one["unlike"] for one in told] == [one.unlike for one in expected]
            assert [one["distance"] for one in told] == pytest.approx([one.distance for one in expected], abs=0.01)
            assert {one["unlike"] for one in told} == {one["not_sure"] for one in told} == {True, False}
        status, sentence = refusal(address, raw(files[0].read_bytes()), "?coverage=1")
        assert (status, sentence) == (422, "The coverage is a number above 0 and below 1, such as 0.9.")


def test_without_a_sidecar_there_are_no_doubts(address: str, pictures: list[Path]) -> None:
    (told,) = ask(f"{address}/predict", raw(pictures[0].read_bytes()))["predictions"]
    assert set(told) == {"name", "label", "probability", "probabilities"}
    status, sentence = refusal(address, raw(pictures[0].read_bytes()), "?coverage=0.9")
    assert status == 422
    assert sentence.startswith("There are no scores to make prediction sets by in ")


def test_a_load_is_counted_and_an_error_ends_it(address: str, pictures: list[Path]) -> None:
    questions = [raw(file.read_bytes()) for file in pictures]
    seconds, together = load(f"{address}/predict", questions, 4, 30)
    assert len(seconds) == 30
    assert max(seconds) <= together
    with pytest.raises(RuntimeError, match="holds no picture"):
        load(f"{address}/predict", [raw(b"")], 4, 30)
