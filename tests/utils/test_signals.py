"""Interruptions that come at a bad moment."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tlsearch.utils.signals import defer_interrupts, interruptible


@pytest.fixture(autouse=True)
def _own_handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interruption_waits_for_the_end_of_the_block() -> None:
    done = []
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the tests' own process does with it
    before = signal.getsignal(signal.SIGINT)

    def work() -> None:
        with defer_interrupts():
            signal.raise_signal(signal.SIGINT)
            done.append("all")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all"]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_a_system_sends_waits_too(number: signal.Signals) -> None:
    """Also where a terminal is closed, which ends a run as Ctrl-C does."""
    done = []

    def work() -> None:
        with interruptible(program=True), defer_interrupts():
            signal.raise_signal(number)
            done.append("all")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all"]


def test_a_closed_terminal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with defer_interrupts():
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_without_one_nothing_happens_and_errors_pass() -> None:
    with defer_interrupts():
        pass
    with pytest.raises(KeyError), defer_interrupts():
        raise KeyError


def test_the_second_ends_the_process() -> None:
    code = (
        "import signal\nfrom tlsearch.utils.signals import defer_interrupts\n"
        "with defer_interrupts():\n"
        "    signal.raise_signal(signal.SIGINT)\n    print('once', flush=True)\n"
        "    signal.raise_signal(signal.SIGINT)\n    print('twice', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGINT, "once\n")


def test_other_threads_may_use_it() -> None:
    seen = []

    def work() -> None:
        with defer_interrupts():
            seen.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [1]
