"""Places and hosts without Ray: the host runs in this process, and what it is asked comes from the parent's side."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.worker.test_client import PARROT, Counted, Pool, Repeat
from tlsearch.cluster import place as cluster_place
from tlsearch.cluster.cluster import ClusterRequest, RayCluster
from tlsearch.cluster.facts import HostFacts, difference
from tlsearch.cluster.host import Host, facts_here, joined, split
from tlsearch.cluster.place import ClusterLostError, RayPlace
from tlsearch.cluster.remote_host import Call, HostLostError, reason
from tlsearch.worker.channel import pack, unpack
from tlsearch.worker.client import WorkerClient, WorkerDiedError, WorkerLostError
from tlsearch.worker.protocol import Request


@dataclass(frozen=True, kw_only=True)
class OfFitted(Repeat, Request[tuple[str, str]]):
    """Stands for what is about the model that a process has fitted last."""

    needs_fitted = True


class HostHere:
    """Stands for a ``RemoteHost``: a host in this process, on a node that a test takes away."""

    def __init__(self, number: int, *, placed: bool = True) -> None:
        self.host, self.placed = Host(), placed
        self.node = f"node{number}"
        self.facts = facts_here(self.node)
        self.lost, self.guests = False, 0

    def is_placed(self, seconds: float = 0.0) -> bool:
        return self.placed and not self.lost

    def call(self, method: str, *arguments: str | bytes) -> Any:
        return CallHere(self, method, arguments)

    def give_up(self) -> None:
        self.lost = True


class CallHere:
    """Stands for a ``Call``, which is made at once where nobody waits for its end."""

    def __init__(self, host: HostHere, method: str, arguments: tuple[str | bytes, ...]) -> None:
        if host.lost:
            return
        self.host, self.given = host, list[Any]()
        self.thread = threading.Thread(
            target=lambda: self.given.append(getattr(host.host, method)(*arguments)), daemon=True
        )
        self.thread.start()

    def result(self, still_wanted: Any = lambda: True) -> Any:
        while not hasattr(self, "thread") or self.host.lost or self.thread.is_alive():
            if not hasattr(self, "thread") or self.host.lost or not still_wanted():
                raise HostLostError("its node is gone")
            self.thread.join(0.05)
        return self.given[0]

    def result_within(self, seconds: float) -> Any:
        until = time.monotonic() + seconds
        return self.result(lambda: time.monotonic() < until)


class HostsHere:
    """Stands for a ``RayCluster`` that has room for so many hosts."""

    def __init__(self, log: Path, room: int) -> None:
        self.log, self.room = log, room
        self.variables: Mapping[str, str] = {"TLSEARCH_TRIED": "1"}
        self.hosts: list[HostHere] = []

    def ask(self) -> Any:
        alive = sum(host.placed for host in self.hosts)
        self.hosts.append(HostHere(len(self.hosts) + 1, placed=alive < self.room))
        return self.hosts[-1]

    def take_away(self, host: HostHere) -> None:
        host.lost = True
        host.host.close()
        self.room -= 1
        host.placed = False

    def any_placed(self) -> Any:
        placed = [host for host in self.hosts if host.is_placed()]
        if not placed:
            raise ClusterLostError("there is no place left")
        return min(placed, key=lambda host: host.guests)


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HostsHere]:
    """Room for two hosts, whose processes only repeat what they get."""
    start = subprocess.Popen

    def instead(command: list[str], **options: Any) -> Any:
        assert command == [sys.executable, "-P", "-m", "tlsearch.worker"]
        return start([sys.executable, "-c", PARROT], **options)

    monkeypatch.setattr(subprocess, "Popen", instead)
    found = HostsHere(tmp_path / "worker.log", room=2)
    yield found
    for host in found.hosts:
        host.host.close()


def worker_of(hosts: HostsHere) -> WorkerClient:
    return WorkerClient(hosts.log, RayPlace(hosts))


def test_requests_events_and_setups_cross_as_on_this_machine(hosts: HostsHere) -> None:
    with worker_of(hosts) as worker:
        worker.send(Pool(text="setup"))
        assert worker.send(Repeat(text="first")) == ("first", "continue")
        assert worker.doing() == (None, "node1")
        assert worker.memory() > 0
        assert worker.has_place()
        worker.close()
        assert worker.memory() == 0
        assert worker.send(Counted(text="second")) == ("second", "continue")


def test_the_death_of_a_process_is_told_with_its_code_and_its_node(hosts: HostsHere) -> None:
    with worker_of(hosts) as worker:
        with pytest.raises(WorkerDiedError, match="The worker process on node1 ended with code 0 while it answered"):
            worker.send(Repeat(half=True))
        assert worker.send(Repeat(text="again")) == ("again", "continue")


def test_what_a_process_prints_comes_into_the_log(hosts: HostsHere, monkeypatch: pytest.MonkeyPatch) -> None:
    printing = PARROT.replace("while True:", "print('said', file=sys.stderr, flush=True)\nwhile True:", 1)
    monkeypatch.setattr("tests.cluster.test_place.PARROT", printing)
    with worker_of(hosts) as worker:
        worker.send(Repeat(text="first"))
    assert hosts.log.read_text() == "said\n"


def test_a_worker_whose_node_is_gone_gets_another_place(hosts: HostsHere) -> None:
    hosts.room = 3
    with worker_of(hosts) as worker:
        worker.send(Pool(text="setup"))
        hosts.take_away(hosts.hosts[0])
        with pytest.raises(WorkerLostError, match=r"on node1 was lost \(its node is gone\) while it answered"):
            worker.send(Counted(text="first"))
        assert worker.send(Counted(text="first")) == ("first", "continue")
        assert worker.doing() == (None, "node2")
        assert worker.has_place()


def test_what_any_process_can_answer_is_asked_in_another_place(hosts: HostsHere) -> None:
    hosts.room = 3
    with worker_of(hosts) as worker:
        worker.send(Pool(text="setup"))
        hosts.take_away(hosts.hosts[0])
        assert worker.send(Repeat(text="first")) == ("first", "continue")
        assert worker.doing() == (None, "node2")
        with pytest.raises(WorkerDiedError, match="ended with code 0") as caught:  # that is the fault of the process
            worker.send(Repeat(half=True))
        assert not isinstance(caught.value, WorkerLostError)


def test_a_model_that_was_fitted_is_gone_with_its_place(hosts: HostsHere) -> None:
    hosts.room = 3
    with worker_of(hosts) as worker:
        worker.send(Counted(text="trial"))
        hosts.take_away(hosts.hosts[0])
        with pytest.raises(WorkerLostError, match="was lost"):
            worker.send(OfFitted(text="save"))


def test_where_there_is_no_other_place_it_is_a_guest_until_there_is_one(
    hosts: HostsHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worker_of(hosts) as one, worker_of(hosts) as other:
        one.send(Repeat(text="a"))
        other.send(Repeat(text="b"))
        hosts.take_away(hosts.hosts[0])
        with pytest.raises(WorkerLostError):
            one.send(Counted(text="c"))
        assert one.send(Repeat(text="c")) == ("c", "continue")
        assert not one.has_place()
        assert one.doing() == (None, "node2")
        assert hosts.hosts[1].guests == 1
        assert other.send(Repeat(text="d")) == ("d", "continue")  # its process is another one

        hosts.hosts[2].placed = True  # a node has come
        assert one.has_place()
        one.close()
        assert hosts.hosts[1].guests == 0
        assert one.send(Repeat(text="e")) == ("e", "continue")
        assert one.doing() == (None, "node3")


def test_without_any_place_the_run_ends(hosts: HostsHere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_place, "PLACE_SECONDS", 0.1)
    hosts.room = 1
    with worker_of(hosts) as worker:
        worker.send(Repeat(text="a"))
        hosts.take_away(hosts.hosts[0])
        with pytest.raises(WorkerLostError):
            worker.send(Counted(text="b"))
        with pytest.raises(ClusterLostError, match="no place left"):
            worker.send(Repeat(text="b"))


SLEEPING = PARROT.replace("    _, decision", "    import time; time.sleep(60)\n    _, decision", 1)


def test_it_is_ended_from_another_thread(hosts: HostsHere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.cluster.test_place.PARROT", SLEEPING)
    with worker_of(hosts) as worker:
        timer = threading.Timer(0.5, worker.interrupt)
        timer.start()
        with pytest.raises(WorkerDiedError, match="on node1 ended with code -9"):
            worker.send(Repeat(text="a"))
        timer.join()


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
    monkeypatch.setattr("tlsearch.cluster.remote_host._POLL_SECONDS", 0.001)
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
