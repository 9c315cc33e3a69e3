"""Plugins are found without being imported, and a broken one is data."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from tlsearch.errors import PluginError
from tlsearch.plugins import registry

InstallPlugin = Callable[..., None]

GOOD = """
class Good:
    api_version = 1
    name = "good"
    def render(self, images, strength, rng):
        return images.copy()
"""


def test_the_built_in_plugins_are_found_sorted() -> None:
    found = [e for e in registry.find_plugins() if e.distribution == "tlsearch"]
    assert found == sorted(found)
    assert [e.name for e in found if e.kind == "backbone"] == [
        "alexnet",
        "alexnet_owt",
        "alexnet_owt_fc",
        "convnext_small",
        "convnext_tiny",
        "densenet121",
        "efficientnet_lite0",
        "efficientnet_v2_b0",
        "efficientnet_v2_b1",
        "efficientnet_v2_b2",
        "efficientnet_v2_b3",
        "efficientnet_v2_s",
        "googlenet",
        "googlenet_bn",
        "inception_v3",
        "mobilenet_v3_large",
        "nasnet_mobile",
        "resnet50",
        "resnet50_v2",
        "vgg16",
        "vgg16_fc",
        "vgg19",
        "vgg19_fc",
        "xception",
        "zfnet",
    ]
    assert [e.name for e in found if e.kind == "augmentation"] == [
        "color",
        "crop",
        "flip",
        "geometric",
        "rotate",
        "shift",
        "standard",
    ]


def test_loading_every_backbone_imports_no_keras() -> None:
    code = (
        "import sys; from tlsearch.plugins import registry; loaded, broken = registry.load_all('backbone'); "
        "assert len(loaded) >= 4 and not broken, broken; assert 'keras' not in sys.modules; "
        "loaded, broken = registry.load_all('augmentation'); assert len(loaded) >= 7 and not broken, broken; "
        "assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_another_distribution_is_treated_alike_and_loaded_once(install: InstallPlugin) -> None:
    install("other-plugin", GOOD, good="Good")
    [entry] = [e for e in registry.find_plugins("augmentation") if e.name == "good"]
    assert (entry.kind, entry.distribution, entry.version) == ("augmentation", "other-plugin", "2.5")
    assert "other_plugin" not in sys.modules
    plugin = registry.load_plugin("augmentation", "good")
    assert plugin.name == "good"
    assert registry.load_plugin("augmentation", "good") is plugin
    assert plugin in [p.plugin for p in registry.load_all("augmentation")[0]]


def test_an_object_may_be_registered_instead_of_a_class(install: InstallPlugin) -> None:
    install("objects", GOOD + "good = Good()\n", good="good")
    assert registry.load_plugin("augmentation", "good").name == "good"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_module_at_all", "ModuleNotFoundError"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("x = 1", "AttributeError"),
        ("Good = 3", "it is of the type int, which is no augmentation; register an object"),
        ("class Good:\n    def __init__(self, a): pass", "TypeError"),
        (GOOD.replace("api_version = 1", "api_version = 99"), "upgrade tlsearch"),
        (GOOD.replace("    api_version = 1\n", ""), "api_version is None"),
        (GOOD.replace("render", "draw"), "no method render"),
        (GOOD.replace('"good"', '"bad"'), "calls itself 'bad'"),
    ],
)
def test_a_broken_plugin_is_data_until_it_is_named(install: InstallPlugin, code: str, reason: str) -> None:
    install("broken-plugin", code, good="Good")
    loaded, broken = registry.load_all("augmentation")
    assert "flip" in [p.entry.name for p in loaded]
    assert [b.entry.distribution for b in broken] == ["broken-plugin"]
    assert reason in broken[0].reason
    with pytest.raises(PluginError, match=r"'good' of broken-plugin 2\.5 cannot be used") as caught:
        registry.load_plugin("augmentation", "good")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


BACKBONE = """
from tlsearch.plugins.api import TrainingHints, WeightSource
class Net:
    api_version, name, min_image_size, default_image_size = 1, "net", 32, 64
    weights = {}
    hints = TrainingHints(freeze_middle=2, freeze_late=4, lr_late=1e-3)
    def build(self, image_size, weights): ...
    def cut_points(self, model): ...
    def preprocess(self, images): ...
"""


SOURCE = "from pathlib import Path; weights = {{'a': WeightSource(trained_on='x', {})}}"
ONLINE = SOURCE.replace("{}", "licence='y', url='https://host/a', {}")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (SOURCE.format("licence=None, path=Path('a')"), "the licence None, where a text is needed"),
        (SOURCE.format("licence='y', path='a'"), "the path 'a', where a pathlib.Path is needed"),
        (SOURCE.format("licence='y', url='host/a', filename='a'"), "the url 'host/a', where an address"),
        (ONLINE.format("filename='b/a'"), "the filename 'b/a', where the name of a file without"),
        (ONLINE.format("filename='..'"), "the filename '..', where"),
        (ONLINE.format("filename='a', file_hash='sha256:ab'"), "'sha256:ab', where an MD5 or a SHA-256"),
        (ONLINE.format("filename='a', megabytes='9'"), "the megabytes '9', where a number above 0"),
        (ONLINE.format("filename='a'").replace("'a':", "'a b':"), "the name of its weights 'a b' is not"),
        (ONLINE.format("filename='a'").replace("'a':", "7:"), "the name of its weights 7 is not"),
    ],
)
def test_a_source_of_weights_is_what_a_run_can_use(install: InstallPlugin, source: str, reason: str) -> None:
    install("nets", BACKBONE.replace("weights = {}", source), group="tlsearch.backbones", net="Net")
    [broken] = registry.load_all("backbone")[1]
    assert reason in broken.reason


@pytest.mark.parametrize("name", ["net@v2", "net one", "net*", "a/b"])
def test_a_backbone_has_a_name_that_an_option_can_give(install: InstallPlugin, name: str) -> None:
    install("nets", BACKBONE.replace('"net"', repr(name)), group="tlsearch.backbones", **{name: "Net"})
    [broken] = registry.load_all("backbone")[1]
    assert broken.reason == f"its name {name!r} is not made of letters, digits, points, underscores and hyphens"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("32, 64", "64, 32", "not two sizes in order"),
        ("32, 64", '32, "64"', "not two sizes in order"),
        ("weights = {}", "weights = None", "not a mapping"),
        ("weights = {}", "weights = {'a': 'b'}", "not a WeightSource"),
        ("weights = {}", "weights = {'a': WeightSource(trained_on='x', licence='y')}", "either a path or a url"),
        ("weights = {}", "weights = {'a': WeightSource(trained_on='x', licence='y', url='u')}", "no filename"),
        ("cut_points", "cuts", "no method cut_points"),
        ("weights = {}", "weights, title = {}, 7", "its title is of the type int, not a string"),
        ("TrainingHints(f", "dict(f", "its hints are of the type dict, not TrainingHints"),
        ("freeze_middle=2", "freeze_middle=5", "its hints freeze 5 and 4 cut points, where whole numbers in order"),
        ("freeze_middle=2", "freeze_middle=0.4", "its hints freeze 0.4 and 4 cut points"),
        ("lr_late=1e-3", "lr_late=-1", "its hints have the learning rates -1, where numbers above 0 are needed"),
    ],
)
def test_a_backbone_is_held_to_its_contract(install: InstallPlugin, old: str, new: str, reason: str) -> None:
    install("nets", BACKBONE.replace(old, new), group="tlsearch.backbones", net="Net")
    _, broken = registry.load_all("backbone")
    assert len(broken) == 1
    assert reason in broken[0].reason


HINTED = """
from tlsearch.plugin_api import AugmentationHints
class Good:
    api_version, name, hints = 1, "good", AugmentationHints(by_default=True, role="mild")
    def render(self, images, strength, rng): ...
"""


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("mild", "usual", "its role is 'usual', where 'mild', 'strong' or None is needed"),
        ("AugmentationHints(by", "dict(by", "its hints are of the type dict, not AugmentationHints"),
    ],
)
def test_an_augmentation_gives_hints_that_are_some(install: InstallPlugin, old: str, new: str, reason: str) -> None:
    install("hinted", HINTED, good="Good")
    assert registry.load_all("augmentation")[1] == []
    install("wrong", HINTED.replace(old, new).replace('"good"', '"wrong"'), wrong="Good")
    [broken] = registry.load_all("augmentation")[1]
    assert reason in broken.reason


def test_two_plugins_with_one_name_are_an_error_that_names_both(install: InstallPlugin) -> None:
    install("first-plugin", GOOD, good="Good")
    install("second-plugin", GOOD, good="Good")
    with pytest.raises(PluginError, match=r"first-plugin 2\.5 and by second-plugin 2\.5"):
        registry.load_plugin("augmentation", "good")
    broken = registry.load_all("augmentation")[1]
    assert [b.entry.distribution for b in broken] == ["first-plugin", "second-plugin"]


@pytest.mark.parametrize(
    ("group", "name", "kind"),
    [
        ("tlsearch.augmentations", "none", "augmentation"),
        ("tlsearch.backbones", "small_cnn", "backbone"),
    ],
)
def test_the_engines_own_names_are_reserved(install: InstallPlugin, group: str, name: str, kind: str) -> None:
    install("taker", GOOD, group=group, **{name: "Good"})
    [broken] = registry.load_all(kind)[1]
    assert "reserved" in broken.reason


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(PluginError, match="did you mean 'vgg16'"):
        registry.load_plugin("backbone", "vgg-16")
    with pytest.raises(PluginError, match=r"choose one of .*efficientnet_lite0, .*resnet50"):
        registry.load_plugin("backbone", "zzz")


def test_the_environment_leaves_plugins_out(install: InstallPlugin, monkeypatch: pytest.MonkeyPatch) -> None:
    install("other-plugin", GOOD, good="Good")

    def names() -> list[str]:
        return [entry.name for entry in registry.find_plugins("augmentation")]

    assert "good" in names()
    monkeypatch.setenv("TLSEARCH_ONLY_BUILTIN", "1")
    assert "good" not in names()
    assert "flip" in names()
    monkeypatch.setenv("TLSEARCH_ONLY_BUILTIN", "0")
    assert "good" in names()
    monkeypatch.setenv("TLSEARCH_DISABLE_PLUGINS", "whatever, Other_Plugin")
    assert "good" not in names()
    monkeypatch.setenv("TLSEARCH_DISABLE_PLUGINS", "tlsearch")
    assert names() == ["good"]
    assert "accuracy" in {entry.name for entry in registry.find_plugins("metric")}  # no run is without a metric
