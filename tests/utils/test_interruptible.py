"""An interruption waits for libraries that it would leave half done, but not for ever."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from tlsearch.utils import signals
from tlsearch.utils.signals import defer_interrupts, interruptible

LIBRARY = """
import time
def work(seconds, done):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.005)
    done.append("done")
"""


@pytest.fixture
def library() -> Callable[[float, list[str]], None]:
    """Something that a library does which must not be left half done."""
    module = ModuleType("sqlalchemy.orm.made_up")
    exec(LIBRARY, module.__dict__)
    work: Callable[[float, list[str]], None] = module.work
    return work


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    assert {number: signal.getsignal(number) for number in before} == before


def later(seconds: float, number: int = signal.SIGINT) -> None:
    main: Any = threading.main_thread().ident
    threading.Timer(seconds, lambda: signal.pthread_kill(main, number)).start()


def test_our_own_code_is_interrupted_at_once() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), interruptible(program=False):  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        done.append("done")
    assert done == []


def test_a_library_comes_to_its_end_first(library: Callable[[float, list[str]], None]) -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), interruptible(program=False):  # noqa: PT012
        later(0.05)
        library(0.4, done)
        time.sleep(10)
        done.append("slept")
    assert done == ["done"]


def test_it_is_not_lost_where_interruptions_are_deferred_meanwhile(library: Callable[[float, list[str]], None]) -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), interruptible(program=False):  # noqa: PT012
        later(0.05)
        library(0.07, done)
        with defer_interrupts():
            time.sleep(0.2)
            done.append("whole")
        time.sleep(10)
        done.append("slept")
    assert done in (["done", "whole"], ["done"])


def test_a_library_that_does_not_end_is_interrupted(
    library: Callable[[float, list[str]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "PATIENCE", 0.2)
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), interruptible(program=False):  # noqa: PT012
        later(0.05)
        library(20, done)
    assert done == []


def test_somebody_who_asks_twice_need_not_wait(library: Callable[[float, list[str]], None]) -> None:
    done: list[str] = []
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), interruptible(program=False):  # noqa: PT012
        later(0.05)
        later(0.32)
        library(4, done)
    assert done == []
    assert time.monotonic() - began < 3


def test_what_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible(program=True):
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGTERM) is not before
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_runs_in_the_background_of_a_shell_can_be_interrupted() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), interruptible(program=True):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_notebook_keeps_what_its_system_sends() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with interruptible(program=False):
        assert signal.getsignal(signal.SIGTERM) is before


def test_no_other_thread_is_interrupted() -> None:
    found: list[Any] = []

    def inside() -> None:
        with interruptible(program=True):
            found.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert found == [before]
