"""The end of a process on a node: a call that comes again does no more than the first one."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.helpers.workers.parrot import PARROT
from tlsearch.cluster import host as host_module
from tlsearch.cluster.host import Host, split

SETTINGS = json.dumps({"threads": None, "variables": {}})
SAYING = PARROT.replace("while True:", "print('said', file=sys.stderr, flush=True)\nwhile True:", 1)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A host whose processes only repeat what they get, and say something first."""
    start = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda _, **options: start([sys.executable, "-c", SAYING], **options))
    found = Host()
    yield found
    found.close()


def test_an_end_whose_answer_was_lost_is_told_again(host: Host) -> None:
    host.start("a", SETTINGS)
    first = host.end("a")
    ended, printed = split(first)
    assert (json.loads(ended), printed) == ([0, "said"], b"said\n")
    assert host.end("a") == first
    assert host.is_running("a") == "no"


def test_two_that_wait_for_one_end_are_told_the_same(host: Host) -> None:
    host.start("a", SETTINGS)
    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda: answers.append(host.end("a"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(answers) == 4
    assert set(answers) == {host.end("a")}


def test_a_start_that_comes_late_starts_nothing(host: Host) -> None:
    host.start("a", SETTINGS)
    ended = host.end("a")
    host.start("a", SETTINGS)
    assert host.is_running("a") == "no"
    assert host.end("a") == ended
    assert split(host.end("never there")) == (b'[null, ""]', b"")
    host.start("never there", SETTINGS)
    assert host.is_running("never there") == "no"


def test_few_that_have_ended_are_remembered(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "MOST_ENDED", 2)
    answers = []
    for name in "abc":
        host.start(name, SETTINGS)
        answers.append(host.end(name))
    assert [host.end("b"), host.end("c")] == answers[1:]
    assert split(host.end("a")) == (b'[null, ""]', b"")
