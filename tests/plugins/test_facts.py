"""What the worker tells of plugins, weights of other packages among them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tlsearch.errors import PluginFailedError
from tlsearch.plugins.facts import describe_plugins, weights_file
from tlsearch.plugins.load_status import last_known
from tlsearch.plugins.registry import find_plugins

InstallPlugin = Callable[..., None]

GOOD = """
class Own:
    api_version = 1
    name = "vgg16@own"
    trained_on = "my own"
    licence = "free"
    def file(self, folder):
        target = folder / "own.h5"
        target.write_bytes(b"weights")
        return target
"""


AUGMENTATION = """
from tlsearch.plugin_api import AugmentationHints
class It:
    api_version, name, hints = 1, "{name}", {hints}
    def render(self, images, strength, rng): ...
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))


def test_weights_of_a_package_are_told(install: InstallPlugin, tmp_path: Path) -> None:
    install("own-weights", GOOD, group="tlsearch.weights", **{"vgg16@own": "Own"})
    facts = describe_plugins()
    assert facts.of("weights") == {"vgg16@own": "own-weights 2.5"}
    assert facts.versions()["vgg16@own"] == "own-weights 2.5"
    assert facts.added("vgg16") == ["own"]
    assert facts.added("vgg19") == []
    assert facts.broken == ()


def test_the_source_of_every_plugin_is_told(install: InstallPlugin) -> None:
    install("plain", AUGMENTATION.format(name="plain", hints="None"), plain="It")
    facts = describe_plugins()
    assert set(facts.sources) == set(facts.versions())
    assert facts.sources["plain"] not in {facts.sources["vgg16"], "unknown"}


def test_hints_are_told(install: InstallPlugin) -> None:
    install("plain", AUGMENTATION.format(name="plain", hints="None"), plain="It")
    install("eager", AUGMENTATION.format(name="eager", hints="AugmentationHints(by_default=True)"), eager="It")
    facts = describe_plugins()
    hints = facts.augmentation_hints
    assert {name for name in hints if hints[name].by_default} == {"geometric", "color", "standard", "eager"}
    assert "plain" not in hints
    assert "plain" in facts.of("augmentation")
    tuned = [b for b in facts.backbones if b.name in ("vgg16", "vgg19", "resnet50", "efficientnet_lite0")]
    assert len(tuned) == 4
    assert all(backbone.hints.freeze_middle and backbone.hints.lr_early for backbone in tuned)


def test_settings_are_told_and_stand_behind_versions(install: InstallPlugin) -> None:
    """A run that goes on compares them: the version alone does not say what a plugin reads from elsewhere."""
    code = AUGMENTATION.format(name="set", hints="None") + "    settings_id = 'scale 1'\n"
    install("set-plugin", code, group="tlsearch.augmentations", set="It")
    facts = describe_plugins()
    assert "geometric" not in facts.settings
    versions = {name: facts.versions()[name] for name in ("set", "geometric")}
    told = facts.with_settings(versions)
    assert told == {**versions, "set": f"set-plugin 2.5, settings {facts.settings['set']}"}
    assert len(facts.settings["set"]) == 12


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("nobody@own", GOOD.replace("vgg16", "nobody"), "its backbone 'nobody' is not installed"),
        ("vgg16@imagenet", GOOD.replace("@own", "@imagenet"), "vgg16 has weights 'imagenet' already"),
        ("vgg16", GOOD.replace("vgg16@own", "vgg16"), "not of the form backbone@weights"),
        ("vgg16@own", GOOD.replace('    licence = "free"\n', ""), "does not say its licence"),
        ("vgg16@own", GOOD.replace("def file", "def path"), "it has no method file"),
    ],
)
def test_weights_that_cannot_be_used_are_said(install: InstallPlugin, name: str, code: str, said: str) -> None:
    install("own-weights", code, group="tlsearch.weights", **{name: "Own"})
    facts = describe_plugins()
    (broken,) = facts.broken
    assert (broken.entry.kind, broken.entry.name, broken.entry.distribution) == ("weights", name, "own-weights")
    assert said in broken.reason
    assert facts.fault("weights", name) == broken
    assert facts.fault("backbone", name) is None
    assert facts.of("weights") == {}


def test_the_file_is_written_once_and_whole(install: InstallPlugin, tmp_path: Path) -> None:
    install("own-weights", GOOD, group="tlsearch.weights", **{"vgg16@own": "Own"})
    folder = tmp_path / "weights"
    first = weights_file("vgg16@own", folder)
    assert first.read_bytes() == b"weights"
    assert first.parent.parent == folder
    assert first.parent.name.startswith("own-weights-2.5-")
    assert weights_file("vgg16@own", folder) == first
    assert [file.name for file in folder.iterdir()] == [first.parent.name]


def test_two_weights_of_one_package_are_two_files(install: InstallPlugin, tmp_path: Path) -> None:
    """Also where the author gives both the same name, and writes only what is not there."""
    code = GOOD.replace('target.write_bytes(b"weights")', "target.exists() or target.write_bytes(self.name.encode())")
    both = code + "class Other(Own):\n    name = 'vgg19@own'\n"
    install("own-weights", both, group="tlsearch.weights", **{"vgg16@own": "Own", "vgg19@own": "Other"})
    for name in ("vgg16@own", "vgg19@own", "vgg16@own"):
        assert weights_file(name, tmp_path / "weights").read_text() == name


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("return target", "raise SystemExit(4)", "raised SystemExit: 4"),
        ("return target", "return None", "gives None, where there is no file"),
        ("return target", "return str(target)", "own.h5', which is no pathlib.Path"),
        ("return target", "return folder / 'no.h5'", "where there is no file"),
    ],
)
def test_a_package_that_fails_to_give_its_file_is_blamed(
    install: InstallPlugin, tmp_path: Path, old: str, new: str, said: str
) -> None:
    install("own-weights", GOOD.replace(old, new), group="tlsearch.weights", **{"vgg16@own": "Own"})
    with pytest.raises(PluginFailedError, match="The weights plugin 'vgg16@own'") as caught:
        weights_file("vgg16@own", tmp_path / "weights")
    assert said in str(caught.value)
    assert caught.value.plugin == "weights vgg16@own"


def test_what_was_loaded_is_known_afterwards(install: InstallPlugin) -> None:
    install("torn-plugin", "raise OSError('torn')", torn="Torn")
    assert {state.status for state in last_known(find_plugins()).values()} == {"not loaded yet"}
    describe_plugins()
    states = {entry.name: state for entry, state in last_known(find_plugins()).items()}
    assert states.pop("torn").status == "broken"
    assert {state.status for state in states.values()} == {"loads"}
