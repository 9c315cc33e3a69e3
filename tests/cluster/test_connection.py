"""Clusters that are not there, and those that cannot be used: one sentence each, before any work."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.helpers.runs.small_run import tlsearch
from tlsearch.cluster import connection
from tlsearch.cluster.connection import connected
from tlsearch.config import RunConfig
from tlsearch.errors import UsageError
from tlsearch.pretrain_config import PretrainConfig


def refusal(address: str) -> str:
    """What is said of an address."""
    with pytest.raises(UsageError) as caught, connected(address):
        pass
    return str(caught.value)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_without_ray_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "needs Ray, which is not installed: `pip install 'tlsearch[ray]'`" in refusal("auto")


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_a_cluster_that_does_not_answer(form: str) -> None:
    pytest.importorskip("ray")
    where = form.format(free_port())
    assert f"No Ray cluster answers at {where} (Connection refused)" in refusal(where)


def test_what_answers_and_is_no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setattr(connection, "HEALTH_SECONDS", 4.0)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        where = f"127.0.0.1:{server.getsockname()[1]}"
        said = refusal(where)
    assert f"What answers at {where} does not behave as the head node" in said or "does not say that it is well" in said


def test_a_name_that_nobody_has() -> None:
    pytest.importorskip("ray")
    assert "No Ray cluster answers at nowhere.invalid:1 (" in refusal("nowhere.invalid:1")


def test_what_the_variable_of_ray_names_is_tried_for_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    where = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("RAY_ADDRESS", where)
    assert f"No Ray cluster answers at {where}" in refusal("auto")


def test_a_run_on_a_cluster_that_is_not_there_leaves_nothing(images: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    where = f"127.0.0.1:{free_port()}"
    done = tlsearch("run", images, "--cluster", where, "--output", tmp_path / "out", "--trials", "3")
    assert done.exit_code == 2
    assert f"No Ray cluster answers at {where}" in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--cpus-per-worker", "2"], "--cpus-per-worker is for a cluster: name it with --cluster"),
        (["--gpus-per-worker", "1"], "--gpus-per-worker is for a cluster: name it with --cluster"),
        (["--cluster", "here"], "--cluster is 'here', but it must be auto, HOST:PORT or ray://HOST:PORT"),
        (["--cluster", "auto", "--cpus-per-worker", "0"], "--cpus-per-worker is 0"),
        (["--cluster", "auto", "--gpus-per-worker", "1.5"], "--gpus-per-worker is 1.5"),
        (["--cluster", "auto", "--gpus-per-worker", "few"], "--gpus-per-worker is 'few'"),
        (["--cluster", "none", "--gpus-per-worker", "1"], "--gpus-per-worker is for a cluster"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = tlsearch("run", tmp_path, *arguments)
    assert done.exit_code == 2
    assert said in done.output.replace("\n", " ")


def test_where_a_run_computes_is_no_part_of_what_it_was_asked_for(tmp_path: Path) -> None:
    here = RunConfig(dataset=tmp_path, workers=2)
    there = RunConfig(dataset=tmp_path, cluster="ray://head:10001", cpus_per_worker=2, gpus_per_worker=0.5)
    assert here.differences(there) == there.differences(here) == []
    there.to_toml(tmp_path / "run.toml")
    again = RunConfig.from_toml(tmp_path / "run.toml")
    assert (again.cluster, again.cpus_per_worker, again.gpus_per_worker) == ("ray://head:10001", 2, 0.5)
    with pytest.raises(UsageError, match="leave --cluster out"):
        PretrainConfig(dataset=tmp_path, backbones=("vgg16",), name="own", cluster="auto")


@pytest.mark.parametrize("address", ["auto", "10.0.0.1:6379", "ray://head.example.org:10001", "[::1]:6379"])
def test_addresses(address: str, tmp_path: Path) -> None:
    assert RunConfig(dataset=tmp_path, cluster=address).cluster == address


@pytest.mark.parametrize("address", ["", "head", "http://head:1", "ray://head", "head:port", "a b:1", "ray://:1"])
def test_what_is_no_address(address: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--cluster is"):
        RunConfig(dataset=tmp_path, cluster=address)


def test_what_is_said_of_other_errors() -> None:
    nowhere = connection._not_usable("auto", ConnectionError())
    assert "No Ray cluster runs on this machine: start one with `ray start" in nowhere
    assert "another version (Version mismatch" in connection._not_usable("a:1", RuntimeError("Version mismatch: 1 2"))
    assert "name it as ray://HOST:10001" in connection._not_usable("a:1", RuntimeError("no raylet here"))
