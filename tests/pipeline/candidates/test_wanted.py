"""Patterns and ``all`` for ``--backbone``, and the short list where none is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.pipeline.contexts import Heard
from tests.helpers.pipeline.made_up import backbone_facts, broken_plugin, installed, online, plugin_facts
from tlsearch.config import RunConfig
from tlsearch.errors import PluginError, UsageError, WeightsError
from tlsearch.listeners.callback_list import CallbackList
from tlsearch.pipeline.candidates import AvailableCandidate, find_candidates
from tlsearch.pipeline.candidates.short_list import Means
from tlsearch.plugins import weights
from tlsearch.plugins.facts import PluginFacts
from tlsearch.plugins.trained import store
from tlsearch.results.schema import LeftOut

Find = Callable[..., tuple[list[str], list[LeftOut]]]

MEANS = Means(images=100, seconds=None, trials=40, cores=2)


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in Keras' cache, no weights folder, and no network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("TLSEARCH_WEIGHTS_DIR", raising=False)
    monkeypatch.setattr(weights, "reachable", lambda hosts, timeout=5.0: False)


@pytest.fixture
def plugins(tmp_path: Path) -> PluginFacts:
    return plugin_facts(
        backbone_facts("lite", imagenet=installed(tmp_path, "lite")),
        backbone_facts("net_b0", imagenet=installed(tmp_path, "b0"), places=installed(tmp_path, "places")),
        backbone_facts("net_b1", imagenet=installed(tmp_path, "b1")),
        backbone_facts("net_b2", imagenet=online("net_b2")),
        backbone_facts("bare"),
        broken=(broken_plugin("backbone", "torn", "torn-plugins", "No module named 'zzz'"),),
    )


@pytest.fixture
def find(plugins: PluginFacts, tmp_path: Path) -> Find:
    def find(*backbones: str, **options: Any) -> tuple[list[str], list[LeftOut]]:
        config = RunConfig(dataset=tmp_path, backbones=backbones, **options)
        found, left_out = find_candidates(config, plugins, CallbackList(), no_file)
        return labels(found), left_out

    return find


def no_file(name: str) -> Path:
    raise AssertionError(name)


def labels(found: list[AvailableCandidate]) -> list[str]:
    return [f"{f.backbone.name}@{f.weights.name}" for f in found]


@pytest.mark.parametrize(
    ("backbones", "expected"),
    [
        (("net_*",), ["net_b0@imagenet", "net_b1@imagenet"]),
        (("net_b?@places",), ["net_b0@places"]),
        (("net_b[12]",), ["net_b1@imagenet"]),
        (("*",), ["lite@imagenet", "net_b0@imagenet", "net_b1@imagenet"]),
        (("all",), ["lite@imagenet", "net_b0@imagenet", "net_b1@imagenet"]),
        (("lite", "net_b*", "net_b1"), ["lite@imagenet", "net_b0@imagenet", "net_b1@imagenet"]),
    ],
)
def test_a_pattern_stands_for_every_backbone_of_such_a_name(
    find: Find, backbones: tuple[str, ...], expected: list[str]
) -> None:
    assert find(*backbones)[0] == expected


def test_what_a_pattern_stands_for_is_left_out_where_its_weights_are_not_here(find: Find) -> None:
    assert [item.name for item in find("net_*")[1]] == ["net_b2"]
    assert {item.name for item in find("all")[1]} == {"net_b2", "torn", "bare"}
    with pytest.raises(WeightsError, match="net_b2: weights not found"):
        find("net_*", "net_b2")  # by its name, it is asked for


def test_a_file_takes_the_place_of_what_a_pattern_stands_for(find: Find, tmp_path: Path) -> None:
    file = tmp_path / "b1.npz"
    assert find("net_b1*", weights=(f"net_b1@imagenet={file}",))[0] == ["net_b1@imagenet"]


@pytest.fixture
def trained(plugins: PluginFacts, tmp_path: Path) -> PluginFacts:
    """The same plugins, where weights were trained for two of them."""
    own = {"bare": "fashion", "lite": "fashion"}
    backbones = [
        replace(b, trained={own[b.name]: installed(tmp_path, f"{b.name}-trained")}) if b.name in own else b
        for b in plugins.backbones
    ]
    return replace(plugins, backbones=tuple(backbones))


def of_trained(plugins: PluginFacts, tmp_path: Path, *backbones: str) -> list[str]:
    config = RunConfig(dataset=tmp_path, backbones=backbones)
    return labels(find_candidates(config, plugins, CallbackList(), no_file)[0])


def test_trained_weights_take_part_where_they_are_named(trained: PluginFacts, tmp_path: Path) -> None:
    assert of_trained(trained, tmp_path, "bare@fashion", "lite@fashion") == ["bare@fashion", "lite@fashion"]
    assert of_trained(trained, tmp_path, "*@fashion") == ["lite@fashion", "bare@fashion"]


@pytest.mark.parametrize("backbones", [(), ("all",), ("lite", "net_*")])
def test_trained_weights_take_no_part_where_nobody_names_them(
    trained: PluginFacts, tmp_path: Path, backbones: tuple[str, ...]
) -> None:
    assert of_trained(trained, tmp_path, *backbones) == ["lite@imagenet", "net_b0@imagenet", "net_b1@imagenet"]


def test_an_author_says_how_weights_come_to_this_machine(tmp_path: Path) -> None:
    bare = replace(backbone_facts("bare"), weights_hint="fetch them with `bare fetch`")
    known = plugin_facts(bare, backbone_facts("lite", imagenet=installed(tmp_path, "lite")))
    said = "has no weights here: fetch them with `bare fetch`; or give a file with --weights bare=FILE in a run; or tr"
    with pytest.raises(WeightsError, match=said):
        of_trained(known, tmp_path, "bare")
    _, left_out = find_candidates(RunConfig(dataset=tmp_path, backbones=("all",)), known, CallbackList(), no_file)
    assert left_out == [LeftOut("bare", "there are no weights; fetch them with `bare fetch`")]


def test_trained_weights_that_are_damaged_are_named_as_such(
    trained: PluginFacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))
    damaged = store.file_of("lite@torn").parent
    damaged.mkdir(parents=True)
    (damaged / "provenance.json").write_text("{")
    said = "lite@torn are damaged: remove them with `tlsearch weights remove lite@torn`, and train or import them anew"
    with pytest.raises(WeightsError, match=said):
        of_trained(trained, tmp_path, "lite@torn")


def test_with_a_file_for_a_network_a_pattern_means_the_file_too(find: Find, tmp_path: Path) -> None:
    """As its name does: weights that could be downloaded are no longer looked for."""
    file = tmp_path / "mine.weights.h5"
    file.write_bytes(b"arrays")
    labels, left_out = find("net_b*", weights=(f"net_b2={file}",))
    assert labels == ["net_b2@mine", "net_b0@imagenet", "net_b1@imagenet"]
    assert left_out == []


def test_a_backbone_without_weights_of_its_own_says_how_to_name_trained_ones(
    trained: PluginFacts, tmp_path: Path
) -> None:
    said = "has no weights here: name those that were trained, bare@fashion; or give a file with --weights bare=FILE"
    with pytest.raises(WeightsError, match=said):
        of_trained(trained, tmp_path, "bare")
    with pytest.raises(WeightsError, match="has no weights 'fashoin': did you mean 'fashion'"):
        of_trained(trained, tmp_path, "bare@fashoin")


@pytest.mark.parametrize(
    ("pattern", "error", "said"),
    [
        ("nett*", PluginError, r"No backbone is called like 'nett\*': did you mean 'net_\*'\?"),
        ("zzz*", PluginError, r"No backbone is called like 'zzz\*': choose one of bare, lite, net_b0"),
        ("net_*@moon", WeightsError, r"No backbone called like 'net_\*' brings weights 'moon'"),
        ("bar?", WeightsError, r"No backbone called like 'bar\?' brings weights: "),
        ("net_b2*", WeightsError, r"None of net_b2 can be had: weights not found; `tlsearch weights fetch net_b2`"),
    ],
)
def test_a_pattern_for_nothing_ends_the_run_with_the_fix(
    find: Find, pattern: str, error: type[UsageError], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        find(pattern)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["", "a/b", "@x", "a*@b*", "two words"])
def test_what_is_neither_name_nor_pattern_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="a pattern such as"):
        RunConfig(dataset=tmp_path, backbones=(text,))


def many(tmp_path: Path, here: int, away: int = 0) -> PluginFacts:
    """Networks of which each does more work than the one before, and is more accurate."""
    facts = []
    for number in range(here + away):
        name = f"net{number}"
        source = installed(tmp_path, name) if number < here else online(name)
        source = replace(source, accuracy=0.7 + number / 100)
        facts.append(replace(backbone_facts(name, imagenet=source), work=1e9 * (number + 1)))
    return plugin_facts(backbone_facts("own", imagenet=installed(tmp_path, "own")), *facts)


def shortened(tmp_path: Path, plugins: PluginFacts, *backbones: str) -> tuple[list[str], list[LeftOut], list[str]]:
    heard = Heard()
    config = RunConfig(dataset=tmp_path, backbones=backbones)
    found, left_out = find_candidates(config, plugins, CallbackList(others=[heard]), no_file, means=MEANS)
    return [f.backbone.name for f in found], left_out, [text for _, text in heard.lines]


def test_of_many_networks_that_are_here_some_take_part_and_those_that_say_nothing(tmp_path: Path) -> None:
    plugins = many(tmp_path, here=7)
    found, left_out, lines = shortened(tmp_path, plugins)
    assert found == ["own", "net0", "net2", "net4", "net6"]
    assert {item.name for item in left_out} == {"net1", "net3", "net5"}
    assert len(lines) == 1
    assert lines[0].startswith("short list of 4 from 7 networks: net0 (0.700, 1.0), net2")
    found, left_out, lines = shortened(tmp_path, plugins, "all")
    assert len(found) == 8
    assert (left_out, lines) == ([], [])


def test_few_networks_that_are_here_are_what_a_run_tries_without_a_network(tmp_path: Path) -> None:
    found, left_out, lines = shortened(tmp_path, many(tmp_path, here=2, away=9))
    assert found == ["own", "net0", "net1"]
    assert len(left_out) == 9
    assert all("weights not found" in item.reason for item in left_out)
    assert lines == []


def test_what_is_downloaded_fills_up_the_short_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "reachable", lambda hosts, timeout=5.0: True)
    monkeypatch.setattr(weights, "download", lambda source, to, progress: tmp_path / "own.npz")
    found, left_out, lines = shortened(tmp_path, many(tmp_path, here=2, away=9))
    assert found == ["own", "net0", "net1", "net2", "net10"]
    assert {item.name for item in left_out} == {f"net{n}" for n in range(3, 10)}
    assert lines[0].startswith(
        "short list of 4 from 11 networks: net0 (0.700, 1.0), net1 (0.710, 2.0), net2 (0.720, 3.0)"
    )
    assert lines[1:] == [f"downloading net{n}@imagenet, 58 MB" for n in (2, 10)]
