"""The key of stored features: everything that can change the numbers changes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import pytest

from tests.helpers.networks.tiny import SIZE, Speckle, Tiny, make_extractor, make_network, make_pool
from tlsearch import backend as runtime
from tlsearch.features.extractor import Extractor
from tlsearch.features.prefix import Network
from tlsearch.features.store import key_digest
from tlsearch.features.view import PLAIN, View
from tlsearch.models.cuts import Cuts, Feature
from tlsearch.plugins import provenance as provenance_module
from tlsearch.plugins.provenance import plugin_digest

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

VIEW = View(policy="speckle", strength=0.5, number=1, seed=7)
DEPTH = 3


class Case:
    """What a key is made from; a test changes one thing of it."""

    def __init__(self, folder: Path) -> None:
        self.extractor: Extractor = make_extractor(folder)
        self.network: Network = make_network()
        self.view = VIEW
        self.feature = Feature("map", DEPTH)

    def digest(self) -> str:
        """The name under which the features would be kept."""
        return key_digest(self.extractor.key(self.network, self.view, self.feature))


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    """A case, and clean caches after it."""
    yield Case(tmp_path)
    provenance_module._source_digest.cache_clear()


def candidate(**changes: Any) -> Callable[[Case, pytest.MonkeyPatch], None]:
    """Change fields of the candidate."""

    def change(case: Case, patch: pytest.MonkeyPatch) -> None:
        case.network.candidate = replace(case.network.candidate, **changes)

    return change


def view(**changes: Any) -> Callable[[Case, pytest.MonkeyPatch], None]:
    """Change fields of the view."""

    def change(case: Case, patch: pytest.MonkeyPatch) -> None:
        case.view = replace(case.view, **changes)

    return change


def versions(**changes: str) -> Callable[[Case, pytest.MonkeyPatch], None]:
    """Another version of Keras or of its backend."""

    def change(case: Case, patch: pytest.MonkeyPatch) -> None:
        others = {**runtime.versions(), **changes}
        patch.setattr(runtime, "versions", lambda: others)

    return change


def provenance(kind: str) -> Callable[[Case, pytest.MonkeyPatch], None]:
    """A newer release of the backbone's or the augmentation's distribution."""

    def change(case: Case, patch: pytest.MonkeyPatch) -> None:
        case.extractor.provenance = lambda k, name: f"{name} {'1.1' if k == kind else '1.0'}"

    return change


def source(changed: type) -> Callable[[Case, pytest.MonkeyPatch], None]:
    """An edited plugin of the same version."""

    def change(case: Case, patch: pytest.MonkeyPatch) -> None:
        def digest(plugin: object) -> str:
            return plugin_digest(plugin) + ("edited" if isinstance(plugin, changed) else "")

        patch.setattr("tlsearch.features.extractor.plugin_digest", digest)

    return change


def dtype(depth: int) -> Callable[[Case, pytest.MonkeyPatch], None]:
    """Another stored dtype at a cut."""

    def change(case: Case, patch: pytest.MonkeyPatch) -> None:
        cuts = list(case.network.cuts)
        cuts[depth - 1] = replace(cuts[depth - 1], dtype="float32")
        case.network._known = Cuts(tuple(cuts))

    return change


def backbone(case: Case, patch: pytest.MonkeyPatch) -> None:
    """A backbone of another name, but the same source."""
    case.network.plugin.name = "other"


def pool(case: Case, patch: pytest.MonkeyPatch) -> None:
    """Other images."""
    case.extractor.pool = make_pool(seed=1)


def cut(case: Case, patch: pytest.MonkeyPatch) -> None:
    """The cut of another depth."""
    case.feature = Feature("map", 2)


def layer(case: Case, patch: pytest.MonkeyPatch) -> None:
    """The same depth at another layer."""
    cuts = list(case.network.cuts)
    cuts[DEPTH - 1] = replace(cuts[DEPTH - 1], layer="elsewhere")
    case.network._known = Cuts(tuple(cuts))


def what(case: Case, patch: pytest.MonkeyPatch) -> None:
    """Pooled features instead of maps."""
    case.feature = Feature("pool", DEPTH)


def precision(case: Case, patch: pytest.MonkeyPatch) -> None:
    """Extraction in bfloat16."""
    case.network.precision = "mixed_bfloat16"


def code_format(case: Case, patch: pytest.MonkeyPatch) -> None:
    """A newer way of computing features."""
    patch.setattr("tlsearch.features.extractor.FORMAT", 99)


CHANGES = {
    "images": pool,
    "image size": candidate(image_size=SIZE * 2),
    "backbone": backbone,
    "weights id": candidate(weights_id="other"),
    "cut": cut,
    "layer": layer,
    "map or pool": what,
    "plugin version": provenance("backbone"),
    "plugin source": source(Tiny),
    "augmentation version": provenance("augmentation"),
    "augmentation source": source(Speckle),
    "policy": view(policy="other"),
    "strength": view(strength=0.75),
    "view number": view(number=2),
    "seed": view(seed=8),
    "plain": view(strength=0.0),
    "dtype": dtype(DEPTH),
    "dtype of an earlier stage": dtype(1),
    "precision": precision,
    "keras": versions(keras="9.9"),
    "backend": versions(backend="jax"),
    "backend version": versions(tensorflow="9.9"),
    "format": code_format,
}


def test_the_key_is_the_same_for_the_same(case: Case, tmp_path: Path) -> None:
    assert Case(tmp_path / "other").digest() == case.digest()


@pytest.mark.parametrize("name", CHANGES)
def test_each_ingredient_changes_the_key(case: Case, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = case.digest()
    CHANGES[name](case, monkeypatch)
    assert case.digest() != before


@pytest.mark.parametrize("name", ["keras", "backend version", "plugin version", "plugin source", "weights id"])
def test_plain_features_change_too(case: Case, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    case.view = PLAIN
    before = case.digest()
    CHANGES[name](case, monkeypatch)
    assert case.digest() != before


def test_what_cannot_change_the_numbers_does_not_change_the_key(case: Case) -> None:
    """A plain view has one key whatever it is called; later cuts and the weights' path do not matter."""
    case.view = PLAIN
    before = case.digest()
    case.view = View(policy="speckle", strength=0.0, number=3, seed=9)
    assert case.digest() == before
    case.network.candidate = replace(case.network.candidate, weights_file="/elsewhere", weights="renamed")
    dtype(4)(case, pytest.MonkeyPatch())
    dtype(2)(case, pytest.MonkeyPatch())  # no stage end, so that nothing is rounded there on the way
    assert case.digest() == before


@pytest.mark.parametrize("name", ["policy", "strength", "view number", "seed", "augmentation source", "keras"])
def test_rendered_pixels_are_keyed_likewise(case: Case, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = key_digest(case.extractor._pixel_key(SIZE, case.view))
    CHANGES[name](case, monkeypatch)
    assert key_digest(case.extractor._pixel_key(SIZE, case.view)) != before


def test_the_source_of_the_whole_package_counts(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_plugin"
    (package / "networks").mkdir(parents=True)
    for name in ("__init__.py", "helper.py", "networks/__init__.py"):
        (package / name).write_text("")
    (package / "networks" / "net.py").write_text("class Net:\n    name = 'net'\n")
    monkeypatch.syspath_prepend(tmp_path)
    from some_plugin.networks.net import Net  # type: ignore[import-not-found]  # written just now

    def digest() -> str:
        provenance_module._source_digest.cache_clear()
        return plugin_digest(Net())

    seen = [digest()]
    assert digest() == seen[0] != "unknown"
    for name in ("networks/net.py", "helper.py", "__init__.py"):
        with (package / name).open("a") as file:
            file.write("# edited\n")
        seen.append(digest())
    (tmp_path / "beside.py").write_text("")
    assert digest() == seen[-1]
    assert len(set(seen)) == 4


def test_a_plugin_without_source_is_not_an_error() -> None:
    made = type("Made", (), {"__module__": "builtins"})()
    assert plugin_digest(made) == "unknown"


def test_versions_name_keras_and_the_backend() -> None:
    found = runtime.versions()
    backend = keras.backend.backend()
    assert found["keras"] == keras.__version__
    assert found["backend"] == backend
    assert set(found) == {"keras", "backend", backend}
