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

from tests.helpers.pipeline.made_up import LITE, facts_of
from tlsearch.data.split import Fold
from tlsearch.features.passes import Amount, FrozenCounts
from tlsearch.results.schema import MoreData, SizePoint
from tlsearch.training.insight import Insight
from tlsearch.training.trial import Outcome
from tlsearch.types import Decision, TrialResult, TrialSpec
from tlsearch.utils.serialize import MESSAGE
from tlsearch.worker.channel import Channel, MessageError, decode
from tlsearch.worker.dispatch import all_handlers, request_class
from tlsearch.worker.events import EpochEnd, Event, Failure, FrozenPasses, RateEpochEnd, WorkProgress
from tlsearch.worker.protocol import ExamineLabels, OpenPool, Request, RunTrial, reply_type

SPEC = TrialSpec(backbone="vgg16", weights=None, image_size=32, depth=4, freeze_depth=0, lr_head=1e-3)
TEXTS = some.text(some.characters(codec=None, exclude_categories=()), max_size=8)  # lone surrogates too
FLOATS = some.floats(allow_nan=False)
NUMBERS = some.dictionaries(TEXTS, FLOATS, max_size=3)
EVENTS = some.one_of(
    some.builds(EpochEnd, NUMBERS),
    some.builds(RateEpochEnd, some.integers(), NUMBERS),
    some.builds(WorkProgress, TEXTS, some.integers(), some.integers()),
    some.builds(FrozenPasses, some.dictionaries(TEXTS, some.just(FrozenCounts(Amount(3, 0.5))), max_size=2)),
)


def through(value: Any, kind: Any) -> Any:
    """``value`` after a journey."""
    stream = io.BytesIO()
    Channel(stream, stream).send("kind", MESSAGE.encode(value, kind))
    stream.seek(0)
    name, content = Channel(stream, stream).receive()
    assert name == "kind"
    assert not stream.read()
    return decode(kind, content)


@given(EVENTS)
def test_events_come_out_as_they_went_in(event: Event) -> None:
    found = through(event, Event)
    assert found == event
    assert type(found) is type(event)


def test_requests_come_out_as_they_went_in() -> None:
    trial = RunTrial(candidate=LITE, spec=SPEC, folds=(Fold((1, 2), (3,)),), seconds=2.5, keep_compiled=True)
    pool = OpenPool(
        pixels={32: Path("/a/32.npy"), 64: Path("/a/64.npy")},
        labels=(0, 1),
        groups=(0, 0),
        classes=("кот", "\udcff"),
        digest="0f",
        cache_dir=Path("/c"),
        cache_limit=10**12,
        metric="balanced_accuracy",
        measured=(facts_of(LITE),),
    )
    for request in (trial, pool):
        assert through(request, type(request)) == request


def test_replies_come_out_as_they_went_in() -> None:
    result = TrialResult(
        spec=SPEC,
        state="complete",
        value=0.5,
        seconds=1.0,
        metrics={"loss": math.inf},
        history=({"epoch": 1.0},),
        fold_values=(0.5,),
    )
    outcome = Outcome(result, np.arange(3), np.ones((3, 2), np.float32))
    found = through(outcome, reply_type(RunTrial))
    assert found.result == result
    assert found.val_rows.dtype == np.int64
    np.testing.assert_array_equal(found.val_probabilities, outcome.val_probabilities, strict=True)
    assert found.val_probabilities.flags.writeable
    more = MoreData(
        metric="accuracy",
        points=(SizePoint(1.0, 4, 0.6, 0.1),),
        draws=1,
        examined=5,
        last_gain=0.1,
        gain_ci95=(-0.1, 0.3),
    )
    insight = Insight(more, np.arange(2), np.array([[0.5, 0.5], [math.nan, math.nan]]))
    examined = through(insight, reply_type(ExamineLabels))
    assert examined.more_data == more
    np.testing.assert_array_equal(examined.probabilities, insight.probabilities)
    assert through(None, reply_type(ExamineLabels)) is None
    assert through(Decision.PRUNE, Decision) is Decision.PRUNE
    failure = Failure(error="TrialError", message="диск", traceback="Traceback", plugin="backbone vgg16")
    assert through(failure, Failure) == failure


def test_several_messages_follow_each_other() -> None:
    stream = io.BytesIO()
    channel = Channel(stream, stream)
    for number in range(3):
        channel.send("number", number)
    stream.seek(0)
    assert [channel.receive() for _ in range(3)] == [("number", 0), ("number", 1), ("number", 2)]
    with pytest.raises(EOFError):
        channel.receive()


@pytest.mark.parametrize("length", [0, 3, 8, 20])
def test_a_message_that_breaks_off_is_an_end(length: int) -> None:
    stream = io.BytesIO()
    Channel(stream, stream).send("reply", "a longer text")
    half = io.BytesIO(stream.getvalue()[:length])
    with pytest.raises(EOFError):
        Channel(half, half).receive()


@pytest.mark.parametrize("text", [b"", b"[1", b"5", b'["reply"]', b"{}", b'"ab" ', b"\xff\xfe", b"[" * 5000])
def test_what_is_no_message_is_an_error(text: bytes) -> None:
    stream = io.BytesIO(struct.pack(">Q", len(text)) + text)
    with pytest.raises(MessageError):
        Channel(stream, stream).receive()


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", len, TrialSpec])
def test_other_things_are_not_sent(value: Any) -> None:
    stream = io.BytesIO()
    with pytest.raises(TypeError, match="JSON cannot hold"):
        Channel(stream, stream).send("reply", MESSAGE.encode([value]))
    with pytest.raises(TypeError):
        Channel(stream, stream).send("reply", [value])
    assert not stream.getvalue()


@pytest.mark.parametrize(
    "name",
    ["os:system", "subprocess:Popen", "tlsearch.types:TrialSpec", "TrialSpec", "Request", "print", "", None, [1]],
)
def test_a_message_names_no_class_but_requests_and_events(name: Any) -> None:
    with pytest.raises(ValueError, match="there is no request"):
        request_class(name)
    with pytest.raises(MessageError, match="one of EpochEnd, RateEpochEnd, WorkProgress, FrozenPasses is expected"):
        decode(Event, {"type": name, "numbers": {}})


def test_the_types_of_requests_and_replies_decide_what_is_read() -> None:
    """Nothing but records of tlsearch, and what they hold: no field takes any class."""
    for request in all_handlers():
        assert issubclass(request, Request)
        assert request_class(request.__name__) is request
    content = json.loads(json.dumps(MESSAGE.encode(Failure(error="TrialError", message="m", traceback="t", plugin=""))))
    with pytest.raises(MessageError, match=r"Failure\.error: str is expected, not"):
        decode(Failure, {**content, "error": {"record": ["os:system", {"command": "true"}]}})
