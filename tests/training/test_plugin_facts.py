"""What the worker tells of plugins, weights of other packages among them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tlsearch.plugin_states import last_known
from tlsearch.registry import find_plugins
from tlsearch.training.plugin_facts import describe_plugins

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


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))


def test_weights_of_a_package_join_those_of_the_backbone(install: InstallPlugin, tmp_path: Path) -> None:
    install("own-weights", GOOD, group="tlsearch.weights", **{"vgg16@own": "Own"})
    facts = describe_plugins(tmp_path / "weights")
    vgg16 = next(b for b in facts.backbones if b.name == "vgg16")
    assert list(vgg16.weights) == ["imagenet", "own"]  # the first stays the default
    assert vgg16.added == ("own",)
    assert vgg16.weights["own"].path == tmp_path / "weights" / "own-weights-2.5" / "own.h5"
    assert (vgg16.weights["own"].trained_on, vgg16.weights["own"].licence) == ("my own", "free")
    assert facts.weights == {"vgg16@own": "own-weights 2.5"}
    assert facts.broken == ()


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("nobody@own", GOOD.replace("vgg16", "nobody"), "its backbone 'nobody' is not installed"),
        ("vgg16@imagenet", GOOD.replace("@own", "@imagenet"), "vgg16 has weights 'imagenet' already"),
        ("vgg16@own", GOOD.replace("target.write", "raise SystemExit(4); target.write"), "raised SystemExit: 4"),
        ("vgg16@own", GOOD.replace("return target", "return None"), "it gives None, where there is no file"),
        ("vgg16", GOOD.replace("vgg16@own", "vgg16"), "not of the form backbone@weights"),
        ("vgg16@own", GOOD.replace('    licence = "free"\n', ""), "does not say its licence"),
        ("vgg16@own", GOOD.replace("def file", "def path"), "it has no method file"),
    ],
)
def test_weights_that_cannot_be_used_are_said(
    install: InstallPlugin, tmp_path: Path, name: str, code: str, said: str
) -> None:
    install("own-weights", code, group="tlsearch.weights", **{name: "Own"})
    facts = describe_plugins(tmp_path / "weights")
    ((kind, broken, distribution, reason),) = facts.broken
    assert (kind, broken, distribution) == ("weights", name, "own-weights")
    assert said in reason
    assert facts.weights == {}
    assert all("own" not in b.weights for b in facts.backbones)


def test_what_was_loaded_is_known_afterwards(install: InstallPlugin, tmp_path: Path) -> None:
    install("torn-plugin", "raise OSError('torn')", torn="Torn")
    assert {state.status for state in last_known(find_plugins()).values()} == {"not checked yet"}
    describe_plugins(tmp_path / "weights")
    states = {entry.name: state for entry, state in last_known(find_plugins()).items()}
    assert states.pop("torn").status == "broken"
    assert {state.status for state in states.values()} == {"ok"}
