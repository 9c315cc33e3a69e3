"""Predictions one after the other: how much is held, threads, errors, processes."""

from __future__ import annotations

import gc
import itertools
import json
import os
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.helpers.models.colour_model import write_model, write_picture
from tlsearch.data.images.decode import calm_pillow
from tlsearch.errors import UsageError
from tlsearch.predictor import Prediction, Predictor, load

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

Array = np.ndarray[Any, Any]
GREY = np.full((4, 4, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    return load(write_model(tmp_path_factory.mktemp("run") / "model"))


def test_an_endless_iterator_is_taken_as_far_as_it_is_needed(predictor: Predictor) -> None:
    taken = itertools.count()
    found = predictor.stream((GREY for _ in taken), batch_size=4, workers=2)
    assert [item.name for item in itertools.islice(found, 9)] == [f"image {number}" for number in range(9)]
    found.close()
    assert next(taken) <= 9 + 4 + 2 * 4 + 2  # what was asked for, its batch, and two batches and the threads ahead


def test_nothing_is_taken_before_the_first_answer_is_asked_for(predictor: Predictor) -> None:
    taken = itertools.count()
    found = predictor.stream(GREY for _ in taken)
    assert next(taken) == 0
    found.close()


def test_what_an_iterator_raises_comes_behind_the_answers_to_what_came_before(predictor: Predictor) -> None:
    def items() -> Iterator[Array]:
        yield from [GREY] * 7
        raise ValueError("the camera is gone")

    found = predictor.stream(items(), batch_size=4)
    seen: list[Prediction] = []
    with pytest.raises(ValueError, match="the camera is gone"):
        seen.extend(found)
    assert [item.error for item in seen] == [None] * 7


def test_a_stream_that_is_left_ends_its_threads(predictor: Predictor) -> None:
    found = predictor.stream(itertools.repeat(GREY), workers=3)
    next(found)
    assert any(thread.name.startswith("tlsearch-data") for thread in threading.enumerate())
    del found
    gc.collect()
    assert not any(thread.name.startswith("tlsearch-data") for thread in threading.enumerate())


@pytest.mark.parametrize("batch_size", [1, 3, 32])
@pytest.mark.parametrize("workers", [1, 5])
def test_answers_do_not_depend_on_batches_and_workers(
    batch_size: int, workers: int, predictor: Predictor, tmp_path: Path
) -> None:
    items = [np.full((5, 5, 3), (number, 20, 3 * number), np.uint8) for number in range(11)]
    (tmp_path / "bad.png").write_bytes(b"words")
    mixed = [*items[:4], tmp_path / "bad.png", *items[4:]]
    found = predictor.predict(mixed, batch_size=batch_size, workers=workers, top=3)
    assert found[4].error is not None
    tops = [dict(item.top) for number, item in enumerate(found) if number != 4]
    expected = np.exp(np.stack([item[0, 0] for item in items]) * 0.1)
    expected /= expected.sum(axis=1, keepdims=True)
    told = [[top[label] for label in predictor.labels] for top in tops]
    assert np.asarray(told) == pytest.approx(expected, abs=1e-5)


def test_eight_threads_on_one_predictor_get_the_answers_of_one(predictor: Predictor) -> None:
    rng = np.random.default_rng(0)
    items = [rng.integers(0, 256, (20, 30, 3), dtype=np.uint8) for _ in range(60)]
    alone = predictor.probabilities(items, batch_size=8)
    told: dict[int, Array] = {}
    start = threading.Barrier(8, timeout=30)

    def ask(number: int) -> None:
        start.wait()
        told[number] = predictor.probabilities(items[number:], batch_size=8)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    with warnings.catch_warnings(record=True):
        before = list(warnings.filters)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert list(warnings.filters) == before
    assert sorted(told) == list(range(8))
    for number, rows in told.items():
        assert rows == pytest.approx(alone[number:], abs=1e-6)


def test_filters_of_warnings_hold_until_the_last_block_ends() -> None:
    before = list(warnings.filters)
    first, second = calm_pillow(), calm_pillow()
    first.__enter__()
    inside = list(warnings.filters)
    assert inside != before
    second.__enter__()
    first.__exit__(None, None, None)
    assert list(warnings.filters) == inside
    second.__exit__(None, None, None)
    assert list(warnings.filters) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning")
def test_a_forked_process_is_told_to_load_the_model_itself(predictor: Predictor) -> None:
    predictor.predict([GREY])
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        said = []
        for ask in (lambda: predictor.predict([GREY]), lambda: load(predictor.folder)):
            try:
                ask()
                said.append("")
            except UsageError as error:
                said.append(str(error))
            except BaseException as error:
                said.append(repr(error))
        os.write(writing, json.dumps(said).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        said = json.loads(stream.read())
    os.waitpid(child, 0)
    for sentence in said:
        assert "before this process was forked" in sentence
        assert "spawn" in sentence


def test_a_folder_of_many_files_is_answered_in_order(predictor: Predictor, tmp_path: Path) -> None:
    first = write_picture(tmp_path / "000.png", (200, 0, 0))
    for number in range(1, 120):
        os.link(first, tmp_path / f"{number:03}.png")
    Image.new("RGB", (4, 4), (0, 0, 200)).save(tmp_path / "050b.png")
    found = predictor.predict(tmp_path, batch_size=7)
    assert [Path(item.name).name for item in found] == sorted(file.name for file in tmp_path.iterdir())
    assert [item.name for item in found if item.label == "blue"] == [str(tmp_path / "050b.png")]
