"""Which pre-trained networks take part, and what a user is told of those that do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.pipeline.contexts import Heard
from tests.helpers.pipeline.made_up import backbone_facts, online, plugin_facts
from tlsearch.config import RunConfig
from tlsearch.errors import PluginError, WeightsError
from tlsearch.listeners.callback_list import CallbackList
from tlsearch.pipeline.candidates import AvailableCandidate, find_candidates
from tlsearch.pipeline.candidates.unusable import unusable_plugins
from tlsearch.plugins import weights
from tlsearch.plugins.facts import PluginFacts
from tlsearch.plugins.registry import BrokenPlugin, PluginEntry
from tlsearch.results.schema import LeftOut

Find = Callable[..., tuple[list[AvailableCandidate], list[LeftOut]]]


@pytest.fixture
def find(plugins: PluginFacts, tmp_path: Path) -> Find:
    def find(**options: Any) -> tuple[list[AvailableCandidate], list[LeftOut]]:
        return find_candidates(RunConfig(dataset=tmp_path, **options), plugins, CallbackList(), no_file)

    return find


def no_file(name: str) -> Path:
    """There are no weights of other packages."""
    raise AssertionError(name)


def labels(found: list[AvailableCandidate]) -> list[str]:
    return [f"{f.backbone.name}@{f.weights.name}" for f in found]


def test_what_cannot_be_had_is_left_out_with_the_reason_and_the_mend(find: Find, asked: list[tuple[str, ...]]) -> None:
    found, left_out = find()
    assert labels(found) == ["lite@imagenet"]
    reasons = {item.name: item.reason for item in left_out}
    assert set(reasons) == {"vgg16", "vgg19", "torn"}
    assert "tlsearch weights fetch vgg16" in reasons["vgg16"]
    assert "tlsearch weights fetch vgg19" in reasons["vgg19"]
    assert "torn-plugins" in reasons["torn"]
    assert "No module named 'zzz'" in reasons["torn"]


def broken_in(plugins: PluginFacts, kind: str, name: str, *distributions: str, reason: str = "torn") -> PluginFacts:
    """The same plugins and one that is broken in each of these packages."""
    entries = [PluginEntry(kind=kind, name=name, distribution=d, version="1", target="m:A") for d in distributions]
    return replace(plugins, broken=tuple(BrokenPlugin(entry, reason) for entry in entries))


def test_two_plugins_of_one_name_are_named_once_in_the_plan(
    plugins: PluginFacts, tmp_path: Path, asked: list[tuple[str, ...]]
) -> None:
    both = "the name is registered by other 1 and by tlsearch 1; uninstall all but one"
    for kind, name, label in (
        ("augmentation", "geometric", "the augmentation geometric"),
        ("backbone", "resnet", "resnet"),
    ):
        doubled = broken_in(plugins, kind, name, "other", "tlsearch", reason=both)
        _, left_out = find_candidates(RunConfig(dataset=tmp_path), doubled, CallbackList(), no_file)
        assert [item for item in left_out if item.name == label] == [LeftOut(label, both)]


@pytest.mark.parametrize(
    ("kind", "options", "is_named"),
    [
        ("augmentation", {}, True),
        ("augmentation", {"augment": ("none",)}, False),
        ("augmentation", {"backbones": ("lite",)}, True),
        ("backbone", {}, True),
        ("backbone", {"augment": ("none",)}, True),
        ("backbone", {"backbones": ("all",)}, True),
        ("backbone", {"backbones": ("lite",)}, False),
        ("reader", {"backbones": ("lite",)}, True),
        ("metric", {}, False),
    ],
)
def test_a_broken_plugin_is_named_where_a_run_would_have_used_it_by_itself(
    kind: str, options: dict[str, Any], is_named: bool, plugins: PluginFacts, tmp_path: Path
) -> None:
    found = unusable_plugins(RunConfig(dataset=tmp_path, **options), broken_in(plugins, kind, "blur", "torn-plugins"))
    label = f"the {kind} blur" if kind in ("augmentation", "reader") else "blur"
    assert found == ([LeftOut(label, "the plugin of torn-plugins is broken: torn")] if is_named else [])


def test_hosts_are_asked_once_for_all_backbones_together(find: Find, asked: list[tuple[str, ...]]) -> None:
    find()
    assert asked == [("https://files.invalid",)]


def test_no_host_is_asked_when_everything_is_here(find: Find, asked: list[tuple[str, ...]], file: Path) -> None:
    assert labels(find(backbones=("lite",))[0]) == ["lite@imagenet"]
    assert labels(find(backbones=("vgg16",), weights=(f"vgg16={file}",))[0]) == ["vgg16@tuned"]
    assert asked == []


@pytest.mark.parametrize(
    ("name", "fetched"), [("vgg16", "vgg16"), ("vgg16@imagenet", "vgg16"), ("vgg16@places", "vgg16@places")]
)
def test_a_named_backbone_without_weights_ends_the_run(
    find: Find, asked: list[tuple[str, ...]], name: str, fetched: str
) -> None:
    with pytest.raises(WeightsError, match=f"tlsearch weights fetch {fetched}`") as caught:
        find(backbones=("lite", name))
    assert caught.value.exit_code == 2
    assert len(asked) == 1


def test_a_named_backbone_leaves_the_others_out_without_a_word(find: Find) -> None:
    found, left_out = find(backbones=("lite",))
    assert labels(found) == ["lite@imagenet"]
    assert left_out == []


def test_a_file_makes_a_candidate(find: Find, asked: list[tuple[str, ...]], file: Path) -> None:
    found, left_out = find(weights=(f"vgg16={file}",))
    assert labels(found) == ["vgg16@tuned", "lite@imagenet"]
    assert found[0].weights.file == file
    assert len(found[0].weights.weights_id) == 16
    assert {item.name for item in left_out} == {"vgg19", "torn"}  # vgg16 means that file now


def test_a_file_has_the_name_that_the_user_gives_it(find: Find, file: Path) -> None:
    found, _ = find(weights=(f"vgg16@mine={file}", f"bare={file}"), backbones=("vgg16@mine", "bare"))
    assert labels(found) == ["vgg16@mine", "bare@tuned"]


def test_a_named_backbone_with_files_means_those_only(find: Find, asked: list[tuple[str, ...]], file: Path) -> None:
    found, _ = find(backbones=("vgg16",), weights=(f"vgg16@a={file}", f"vgg16@b={file}"))
    assert labels(found) == ["vgg16@a", "vgg16@b"]
    assert asked == []


def test_files_and_published_weights_can_be_asked_for_together(find: Find, tmp_path: Path, file: Path) -> None:
    found, _ = find(backbones=("lite@imagenet", "lite@mine"), weights=(f"lite@mine={file}",))
    assert labels(found) == ["lite@mine", "lite@imagenet"]


def test_a_file_takes_part_whatever_else_is_named(find: Find, file: Path) -> None:
    found, _ = find(backbones=("lite",), weights=(f"vgg16={file}",))
    assert labels(found) == ["vgg16@tuned", "lite@imagenet"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"backbones": ("vgg17",)}, "There is no backbone 'vgg17': did you mean 'vgg16' or 'vgg19'\\?"),
        ({"weights": ("vgg17=FILE",)}, "no backbone 'vgg17': did you mean"),
        ({"backbones": ("torn",)}, "'torn' of torn-plugins cannot be used: No module named 'zzz'"),
        ({"weights": ("torn=FILE",)}, "'torn' of torn-plugins cannot be used"),
    ],
)
def test_backbones_that_are_not_there(find: Find, options: dict[str, Any], words: str) -> None:
    with pytest.raises(PluginError, match=words) as caught:
        find(**options)
    assert caught.value.exit_code == 2


def test_where_no_backbone_is_installed_there_is_none_to_choose(tmp_path: Path) -> None:
    config = RunConfig(dataset=tmp_path, backbones=("my_net",))
    with pytest.raises(PluginError, match=r"no backbone 'my_net': install its plugin, for none is installed\.$"):
        find_candidates(config, PluginFacts(usable=()), CallbackList(), lambda name: tmp_path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"backbones": ("vgg16@moon",)}, "no weights 'moon': choose one of imagenet, places"),
        (
            {"backbones": ("bare",)},
            "bare=FILE in a run; or train some with `tlsearch pretrain bare DATASET --name NAME`.",
        ),
        ({"weights": ("vgg16=/nowhere/a.h5",)}, "/nowhere/a.h5 does not exist"),
        ({"weights": ("vgg16={file}", "vgg16={file}", "vgg16@tuned={file}")}, "Two files are given for vgg16@tuned"),
    ],
)
def test_weights_that_are_not_there(find: Find, file: Path, options: dict[str, Any], words: str) -> None:
    filled = {name: tuple(value.format(file=file) for value in values) for name, values in options.items()}
    with pytest.raises(WeightsError, match=words) as caught:
        find(**filled)
    assert caught.value.exit_code == 2


def test_nothing_at_all(tmp_path: Path, asked: list[tuple[str, ...]]) -> None:
    only = plugin_facts(backbone_facts("vgg16", imagenet=online("vgg16")))
    with pytest.raises(WeightsError, match="No backbone has weights on this machine"):
        find_candidates(RunConfig(dataset=tmp_path), only, CallbackList(), no_file)


def test_a_download_is_announced_with_its_size(
    tmp_path: Path, plugins: PluginFacts, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "reachable", lambda hosts: True)

    def download(source: Any, to: Path | None, progress: Any) -> Path:
        if source.filename == "vgg19.h5":
            raise WeightsError("what it sent has another hash")
        return file

    monkeypatch.setattr(weights, "download", download)
    heard = Heard()
    callbacks = CallbackList(others=[heard])
    found, left_out = find_candidates(RunConfig(dataset=tmp_path), plugins, callbacks, no_file)
    assert labels(found) == ["lite@imagenet", "vgg16@imagenet"]
    assert [text for _, text in heard.lines] == [
        "downloading vgg16@imagenet, 58 MB",
        "downloading vgg19@imagenet, 58 MB",
    ]
    assert LeftOut("vgg19", "what it sent has another hash") in left_out
    with pytest.raises(WeightsError, match="another hash"):
        find_candidates(RunConfig(dataset=tmp_path, backbones=("vgg19",)), plugins, callbacks, no_file)


def test_a_download_of_unknown_size_is_announced_without_one(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "reachable", lambda hosts: True)
    monkeypatch.setattr(weights, "download", lambda *_: file)
    plugins, heard = plugin_facts(backbone_facts("vgg16", imagenet=online("vgg16", None))), Heard()
    find_candidates(RunConfig(dataset=tmp_path, backbones=("vgg16",)), plugins, CallbackList(others=[heard]), no_file)
    assert [text for _, text in heard.lines] == ["downloading vgg16@imagenet"]


def test_a_dry_run_knows_no_size_where_none_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "reachable", lambda hosts: True)
    plugins = plugin_facts(backbone_facts("vgg16", imagenet=online("vgg16", None)))
    with pytest.raises(WeightsError, match="A dry run downloads no weights"):
        find_candidates(RunConfig(dataset=tmp_path), plugins, CallbackList(), no_file, download=False)


def test_networks_without_weights_that_a_pattern_stands_for_are_left_out_aloud(find: Find, file: Path) -> None:
    bare = LeftOut("bare", "there are no weights; --weights BACKBONE=FILE gives it some")
    assert bare in find(backbones=("[lb]*",))[1]
    assert bare not in find(backbones=("l*",))[1]
    assert bare not in find(backbones=("[lb]*",), weights=(f"bare={file}",))[1]
    other = LeftOut("bare", "there are no weights 'imagenet'; --weights BACKBONE=FILE gives it some")
    assert other in find(backbones=("[lb]*@imagenet",))[1]


def test_a_dry_run_downloads_nothing(tmp_path: Path, plugins: PluginFacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "reachable", lambda hosts: True)
    monkeypatch.setattr(weights, "download", lambda *_: pytest.fail("nothing may be downloaded"))
    found, left_out = find_candidates(RunConfig(dataset=tmp_path), plugins, CallbackList(), no_file, download=False)
    assert labels(found) == ["lite@imagenet"]
    assert LeftOut("vgg16", "would be downloaded (58 MB)") in left_out
    with pytest.raises(WeightsError, match=r"A dry run downloads no weights.*tlsearch weights fetch vgg16"):
        find_candidates(
            RunConfig(dataset=tmp_path, backbones=("vgg16",)), plugins, CallbackList(), no_file, download=False
        )


def test_a_backbone_that_is_switched_off_is_not_called_unknown(tmp_path: Path) -> None:
    """The facts hold what the worker has found, which leaves it out."""
    config = RunConfig(dataset=tmp_path, backbones=("vgg16",))
    with pytest.raises(PluginError, match=r"'vgg16' of tlsearch .* is switched off by an environment variable"):
        find_candidates(config, PluginFacts(usable=()), CallbackList(), lambda name: tmp_path)
