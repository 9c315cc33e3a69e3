"""What goes between processes comes out as it went in, and nothing else comes out."""

from __future__ import annotations

import io
import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tlsearch.data.split import Fold
from tlsearch.training.trial import Outcome
from tlsearch.types import Candidate, TrialResult, TrialSpec
from tlsearch.worker import protocol as wire

SPEC = TrialSpec("vgg16", None, 32, 4, 0, lr_head=1e-3)
TEXTS = some.text(some.characters(codec=None, exclude_categories=()), max_size=8)  # lone surrogates too
PLAIN = some.one_of(some.none(), some.booleans(), some.integers(), some.floats(allow_nan=False), TEXTS)
KEYS = some.one_of(some.integers(), TEXTS, some.tuples(some.integers(), TEXTS), some.just(SPEC))
VALUES = some.recursive(
    some.one_of(PLAIN, some.just(SPEC), TEXTS.filter(lambda t: "\0" not in t).map(lambda text: Path("/a") / text)),
    lambda inner: some.one_of(
        some.lists(inner, max_size=4), some.lists(inner, max_size=4).map(tuple), some.dictionaries(KEYS, inner)
    ),
    max_leaves=12,
)


def through(value: Any) -> Any:
    """``value`` after a journey."""
    stream = io.BytesIO()
    wire.send(stream, value)
    stream.seek(0)
    found = wire.receive(stream)
    assert not stream.read()
    return found


@given(VALUES)
def test_values_come_out_as_they_went_in(value: Any) -> None:
    found = through(value)
    assert found == value
    assert type(found) is type(value)


def test_records_and_arrays_come_out_as_they_went_in() -> None:
    result = TrialResult(SPEC, "complete", 0.5, 1.0, {"loss": math.inf}, ({"epoch": 1.0},), fold_values=(0.5,))
    outcome = Outcome(result, np.arange(3), np.ones((3, 2), np.float32))
    found = through(outcome)
    assert found.result == result
    assert found.val_rows.dtype == np.int64
    np.testing.assert_array_equal(found.val_probabilities, outcome.val_probabilities)
    assert found.val_probabilities.flags.writeable
    asked = {"candidate": Candidate("vgg16", "w", "/w.h5", "0f", 32, 13), "folds": [Fold((1, 2), (3,))]}
    assert through(("call", "trial", asked)) == ("call", "trial", asked)
    assert math.isnan(through(math.nan))
    assert through(np.float32(0.5)) == 0.5
    assert through({np.int64(3): np.bool_(True)}) == {3: True}
    np.testing.assert_array_equal(through(np.zeros((2, 0, 3), np.uint8)), np.zeros((2, 0, 3), np.uint8))


def test_several_messages_follow_each_other() -> None:
    stream = io.BytesIO()
    for number in range(3):
        wire.send(stream, number)
    stream.seek(0)
    assert [wire.receive(stream) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(EOFError):
        wire.receive(stream)


@pytest.mark.parametrize("length", [0, 3, 8, 20])
def test_a_message_that_breaks_off_is_an_end(length: int) -> None:
    stream = io.BytesIO()
    wire.send(stream, "a longer text")
    with pytest.raises(EOFError):
        wire.receive(io.BytesIO(stream.getvalue()[:length]))


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", len, TrialSpec])
def test_other_things_are_not_sent(value: Any) -> None:
    stream = io.BytesIO()
    with pytest.raises(TypeError, match="a message cannot hold"):
        wire.send(stream, ("result", [value]))
    assert not stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        {"record": ["os:system", {"command": "true"}]},
        {"record": ["subprocess:Popen", {"args": ["true"]}]},
        {"record": ["tlsearch_plugins:Anything", {}]},
        {"record": ["tlsearch.worker:main", {}]},
        {"record": ["tlsearch.worker.client:Worker", {"log": {"path": "/tmp/x"}}]},
        {"record": ["tlsearch.types:nothing", {}]},
        {"call": ["print", "x"]},
    ],
)
def test_a_message_runs_nothing(content: Any) -> None:
    text = json.dumps(["result", content]).encode()
    with pytest.raises(wire.MessageError, match="a message cannot hold"):
        wire.receive(io.BytesIO(struct.pack(">Q", len(text)) + text))
