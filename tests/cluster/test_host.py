"""Hosts without Ray: what they tell of their machine, what is asked twice, and calls on a bad link."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.workers.hosts_here import HostHere, HostsHere
from tlsearch.cluster.cluster import RayCluster
from tlsearch.cluster.facts import HostFacts, difference
from tlsearch.cluster.host import Host, facts_here, joined, split
from tlsearch.cluster.remote_host import Call, HostLostError, reason
from tlsearch.cluster.room import ClusterRequest
from tlsearch.worker.channel import pack, unpack


def test_what_is_installed_must_be_the_same() -> None:
    here = facts_here()
    assert any("tiny" not in plugin and plugin.startswith("backbone ") for plugin in here.plugins)
    assert difference(here, facts_here("another node")) == ""
    other = replace(here, keras="1.0")
    assert difference(here, other) == f"it has Keras 1.0 and this machine has {here.keras}"
    fewer = replace(here, plugins=here.plugins[1:])
    assert difference(here, fewer) == f"it lacks the {here.plugins[0]}, which is installed here"
    assert difference(fewer, here) == f"it has the {here.plugins[0]}, which is not installed here"


def test_an_answer_and_what_was_printed_are_told_apart() -> None:
    for answer, printed in ((b"", b""), (b"answer", b""), (b"", b"printed"), (b"\x00\x01", b"\x02" * 9)):
        assert split(joined(answer, printed)) == (answer, printed)


def test_of_what_ray_says_people_read_the_exception() -> None:
    why = "ModuleNotFoundError: No module named 'tlsearch'"
    assert reason(RuntimeError(f"The actor died because of an error in its creation task\n  File x\n{why}")) == why
    assert reason(RuntimeError("The actor died unexpectedly.\n\tclass_name: Host")) == "The actor died unexpectedly"
    assert reason(RuntimeError()) == "RuntimeError"


def test_a_host_that_is_lost_while_its_folders_are_looked_at_is_left_out(tmp_path: Path) -> None:
    cluster = RayCluster(ClusterRequest(address="auto"), tmp_path / "worker.log")
    well, going = HostHere(1), HostHere(2)
    cluster._hosts = [well, going]  # type: ignore[list-item]
    going.is_placed = lambda seconds=0.0: True  # type: ignore[method-assign]
    going.lost = True  # nobody has noticed yet
    cluster.check({"--cache-dir": tmp_path / "cache"})
    assert not list((tmp_path / "cache").iterdir())
    well.host.close()
    going.host.close()


def test_a_host_sees_files_by_their_content(tmp_path: Path) -> None:
    host = Host()
    (tmp_path / "token").write_bytes(b"abc")
    assert host.sees(str(tmp_path / "token"), b"abc") == "yes"
    assert host.sees(str(tmp_path / "token"), b"abd") == "no"
    assert host.sees(str(tmp_path / "other"), b"abc") == "no"
    host.close()


def test_a_process_that_was_ended_before_it_began_does_not_begin(hosts: HostsHere) -> None:
    host = Host()
    host.kill("a")
    host.start("a", '{"threads": 1, "variables": {}}')
    assert host.is_running("a") == "no"
    assert split(host.exchange("a", "1", b"")) == (b"", b"")
    assert split(host.end("a")) == (b'[null, ""]', b"")
    host.close()


@pytest.mark.usefixtures("hosts")
def test_an_answer_that_was_lost_on_the_way_is_given_again_and_nothing_is_done_twice(tmp_path: Path) -> None:
    host = Host()
    host.start("a", '{"threads": 1, "variables": {}}')
    first = pack("request", ["Repeat", {"text": "first", "half": False}])
    event = host.exchange("a", "1", first)
    assert unpack(split(event)[0])[0] == "event"
    assert host.exchange("a", "1", first) == event
    host.start("a", '{"threads": 1, "variables": {}}')  # a call that was made again, too
    reply = host.exchange("a", "2", pack("decision", "continue"))
    assert unpack(split(reply)[0]) == ("reply", ["first", "continue"])
    assert host.exchange("a", "2", pack("decision", "prune")) == reply
    event = host.exchange("a", "3", pack("request", ["Repeat", {"text": "second", "half": False}]))
    assert unpack(split(event)[0])[1]["text"] == "second"
    host.close()


class RayWithBadLink:
    """Stands for Ray, where the way to an actor is gone for so many calls."""

    def __init__(self, ray: Any, calls: int, error: Exception) -> None:
        self.exceptions, self.calls, self.error = ray.exceptions, calls, error
        self.made, self.given_up = 0, False
        self.ray = self

    def make(self) -> int:
        self.made += 1
        return self.made

    def wait(self, references: list[int], timeout: float) -> tuple[list[int], list[int]]:
        return references, []

    def get(self, reference: int) -> bytes:
        if reference <= self.calls:
            raise self.error
        return b"answer"

    def give_up(self) -> None:
        self.given_up = True


def test_a_call_is_made_again_while_the_way_there_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")
    monkeypatch.setattr("tlsearch.cluster.remote_host.POLL_SECONDS", 0.001)
    gone = ray.exceptions.ActorUnavailableError("no route to host", None)
    link: Any = RayWithBadLink(ray, 3, gone)
    assert Call(link, link.make).result() == b"answer"
    assert (link.made, link.given_up) == (4, False)

    asked = iter([True, False])
    link = RayWithBadLink(ray, 1000, gone)
    with pytest.raises(HostLostError, match="no route to host"):
        Call(link, link.make).result(lambda: next(asked))
    assert (link.made, link.given_up) == (2, False)  # it may come back

    link = RayWithBadLink(ray, 1000, ray.exceptions.RayActorError())
    with pytest.raises(HostLostError):
        Call(link, link.make).result()
    assert (link.made, link.given_up) == (1, True)


def test_facts_cross_as_json() -> None:
    from tlsearch.utils.serialize import MESSAGE

    here = facts_here("node")
    assert MESSAGE.decode(HostFacts, MESSAGE.encode(here)) == here
