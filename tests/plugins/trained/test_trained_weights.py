"""Trained weights: installed as a whole, found by name, carried as one file, removed."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.models.trained import trained_record
from tlsearch.errors import WeightsError
from tlsearch.plugins import facts, weights
from tlsearch.plugins.registry import LoadedPlugin, PluginEntry
from tlsearch.plugins.trained import bundle, store
from tlsearch.plugins.trained.record import TrainedWeights
from tlsearch.utils.cache_folders import trained_dir


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLSEARCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("TLSEARCH_WEIGHTS_DIR", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """What stands for a file of weights."""
    file = tmp_path / "trained.weights.h5"
    file.write_bytes(bytes(range(256)) * 20)
    return file


class Network:
    """A backbone that takes no weights but those of ``file``."""

    min_image_size = 16
    default_image_size = 64
    weights: Mapping[str, Any] = {"own": None}

    def __init__(self, content: bytes = b"") -> None:
        self.content = content

    def build(self, image_size: int, weights: Path) -> None:
        if self.content and weights.read_bytes() != self.content:
            raise ValueError(f"{weights} has other layers")


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    """The backbone that is installed, whatever it is called; no backend is loaded for it."""
    network = Network()
    monkeypatch.setattr("tlsearch.plugins.trained.bundle.registry.load_guarded", lambda kind, name: network)
    monkeypatch.setattr("tlsearch.plugins.trained.bundle.backend.prepare", lambda: None)
    return network


def test_installed_weights_are_found_with_what_they_were_trained_on(file: Path, tmp_path: Path) -> None:
    record = trained_record(file)
    assert store.trained_weights() == []
    place = store.install(record, file)
    assert place == tmp_path / "cache" / "trained" / "tiny@stripes" / "tiny@stripes.weights.h5"
    assert place.read_bytes() == file.read_bytes()
    assert store.trained_weights() == [record] == [store.find("tiny@stripes")]
    source = store.sources_for("tiny")["stripes"]
    assert source.trained_on == "stripes: 1,200 images of 3 classes by tlsearch 0.1.0"
    assert (source.licence, source.path, source.accuracy) == ("CC0", place, None)
    assert store.sources_for("other") == {}
    assert weights.resolve("tiny", "stripes", source).file == place


def test_what_training_began_with_is_told() -> None:
    assert trained_record(started_from="tiny@own").trained_on.endswith(" by tlsearch 0.1.0, from tiny@own")


def test_a_name_is_given_once(file: Path) -> None:
    record = trained_record(file)
    store.install(record, file)
    assert store.install(record, file).is_file()  # the same once more, as after an interruption
    with pytest.raises(WeightsError, match="tiny@stripes already: choose another --name, or remove them"):
        store.install(trained_record(file, seed=1), file)
    assert store.find("tiny@stripes") == record
    assert [p.name for p in trained_dir().iterdir()] == ["tiny@stripes"]


def test_a_folder_that_is_damaged_or_renamed_is_passed_over(file: Path) -> None:
    place = store.install(trained_record(file), file)
    place.parent.rename(place.parent.with_name("tiny@other"))
    assert store.trained_weights() == []
    store.install(trained_record(file), file)
    (place.parent / "provenance.json").write_text("{", encoding="utf-8")
    assert store.trained_weights() == []


def test_weights_that_are_not_those_of_the_provenance_are_refused(file: Path) -> None:
    place = store.install(trained_record(file), file)
    place.write_bytes(b"other")
    with pytest.raises(
        WeightsError, match=r"its hash differs .* with `tlsearch weights remove tiny@stripes`, and train or import"
    ):
        weights.resolve("tiny", "stripes", store.sources_for("tiny")["stripes"])
    with pytest.raises(WeightsError, match=r"is damaged .*`tlsearch weights remove tiny@stripes`"):
        bundle.export("tiny@stripes", Path("out.tlweights"))
    assert not Path("out.tlweights").exists()


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ({"images": -5}, "its images is -5"),
        ({"epochs": -1.0}, "its epochs is -1.0"),
        ({"accuracy": 1.2}, "its accuracy is 1.2"),
        ({"licence": "free " * 300}, "its licence is longer than 1000 letters"),
    ],
)
def test_a_provenance_that_no_training_writes_is_not_imported(
    file: Path, network: Network, odd: dict[str, Any], said: str
) -> None:
    record = trained_record(file)
    store.install(replace(record, **odd), file)
    bundle.export(record.label, Path("odd.tlweights"))
    store.remove(record.label)
    with pytest.raises(WeightsError, match=rf"odd\.tlweights is not a file of .* or is damaged \({said}\)"):
        bundle.import_file(Path("odd.tlweights"))
    assert store.trained_weights() == []


def test_removed_weights_are_gone_and_others_stay(file: Path) -> None:
    store.install(trained_record(file), file)
    store.install(trained_record(file, name="dots"), file)
    store.remove("tiny@stripes")
    assert [found.label for found in store.trained_weights()] == ["tiny@dots"]
    with pytest.raises(WeightsError, match=r"no trained weights 'tiny@stripes' .*: there are tiny@dots"):
        store.remove("tiny@stripes")


def test_an_export_replaces_an_export_and_nothing_else(file: Path) -> None:
    store.install(trained_record(file), file)
    target = Path("carried.tlweights")
    for _ in range(2):
        bundle.export("tiny@stripes", target)
    for other in (b"somebody's notes", b""):
        target.write_bytes(other)
        with pytest.raises(WeightsError, match=r"carried.tlweights is there already, and is no export of weights"):
            bundle.export("tiny@stripes", target)
        assert target.read_bytes() == other
    with pytest.raises(WeightsError, match="/dev/null is there already"):
        bundle.export("tiny@stripes", Path("/dev/null"))


def test_weights_are_carried_as_one_file_without_programs(file: Path, network: Network) -> None:
    record = trained_record(file)
    store.install(record, file)
    exported = Path("carried.tlweights")
    assert bundle.export("tiny@stripes", exported) == record
    first = exported.read_bytes()
    bundle.export("tiny@stripes", exported)
    assert exported.read_bytes() == first
    with zipfile.ZipFile(exported) as archive:
        assert archive.namelist() == ["provenance.json", "weights.h5"]
        assert json.loads(archive.read("provenance.json"))["sha256"] == record.sha256
    store.remove("tiny@stripes")
    network.content = file.read_bytes()
    assert bundle.import_file(exported) == (record, store.file_of("tiny@stripes"))
    assert store.file_of("tiny@stripes").read_bytes() == file.read_bytes()
    renamed, _ = bundle.import_file(exported, "again")
    assert [found.label for found in store.trained_weights()] == ["tiny@again", "tiny@stripes"]
    assert renamed.sha256 == record.sha256


def rewritten(file: Path, record: TrainedWeights, content: bytes, name: str = "weights.h5") -> Path:
    """A file as ``export`` writes it, with another content."""
    target = Path("rewritten.tlweights")
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("provenance.json", store.to_json(record))
        archive.writestr(name, content)
    return target


@pytest.mark.parametrize(
    ("changes", "content", "name", "said"),
    [
        ({}, b"other", "weights.h5", "its weights have another SHA-256"),
        ({}, None, "../weights.h5", r"is damaged \(There is no item named 'weights.h5' in the archive\)"),
        ({"backbone": "../up"}, None, "weights.h5", "'../up@stripes' is no name of a network"),
        ({"name": "a/b"}, None, "weights.h5", "'tiny@a/b' is no name of a network and of weights"),
        ({"name": "own"}, None, "weights.h5", "tiny has weights 'own' of its own: choose another --name"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    file: Path, network: Network, changes: dict[str, str], content: bytes | None, name: str, said: str
) -> None:
    exported = rewritten(file, trained_record(file, **changes), content or file.read_bytes(), name)
    with pytest.raises(WeightsError, match=said):
        bundle.import_file(exported)
    assert store.trained_weights() == []


@pytest.mark.parametrize("content", [b"", b"\x80\x04cos\nsystem\n", b"PK\x03\x04"])
def test_any_other_file_is_refused(content: bytes) -> None:
    other = Path("other.pth")
    other.write_bytes(content)
    with pytest.raises(WeightsError, match=r"other\.pth is not a file of `tlsearch weights export`"):
        bundle.import_file(other)
    with pytest.raises(WeightsError, match=r"none\.tlweights cannot be read"):
        bundle.import_file(Path("none.tlweights"))


@pytest.mark.parametrize(("version", "fix"), [("1.4", "install that version"), ("1.5", "export them again")])
def test_weights_that_do_not_fit_the_network_here_are_not_installed(
    version: str, fix: str, file: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported = rewritten(file, trained_record(file), file.read_bytes())
    network.content = b"of another version"
    entry = PluginEntry(kind="backbone", name="tiny", distribution="tiny-backbone", version=version, target="x:Y")
    found = {"backbone": [entry], "weights": []}
    monkeypatch.setattr("tlsearch.plugins.trained.bundle.registry.find_plugins", found.__getitem__)
    said = rf"do not fit tiny \(rewritten.tlweights has other layers\).*tiny-backbone 1.5; {fix}"
    with pytest.raises(WeightsError, match=said):
        bundle.import_file(exported)
    assert store.trained_weights() == []


@pytest.mark.parametrize("name", ["../../out", "a b", "a/b", "a@b", "", "."])
def test_a_name_that_no_run_could_give_is_refused(file: Path, network: Network, name: str) -> None:
    exported = rewritten(file, trained_record(file), file.read_bytes())
    with pytest.raises(WeightsError, match=r"--name is .*: give letters, digits"):
        bundle.import_file(exported, name)
    assert not trained_dir().exists()


def test_damaged_weights_can_be_removed_and_imported_anew(file: Path, network: Network) -> None:
    place = store.install(trained_record(file), file)
    exported = Path("whole.tlweights")
    bundle.export("tiny@stripes", exported)
    for damaged in (place.parent / "provenance.json", place):
        damaged.write_text("{")
        with pytest.raises(WeightsError, match=r"already: .* remove them with `tlsearch weights remove tiny@stripes`"):
            bundle.import_file(exported)
        store.remove("tiny@stripes")
        assert not place.parent.exists()
        assert bundle.import_file(exported)[1].read_bytes() == file.read_bytes()


@pytest.mark.parametrize("label", ["", ".", "..", "../cache", "tiny", "tiny@none", "tiny@../tiny@stripes"])
def test_nothing_but_trained_weights_is_removed(file: Path, label: str) -> None:
    store.install(trained_record(file), file)
    with pytest.raises(WeightsError, match="There are no trained weights"):
        store.remove(label)
    assert store.trained_weights() == [trained_record(file)]


def test_a_small_file_cannot_become_a_large_one(file: Path, network: Network) -> None:
    with zipfile.ZipFile("packed.tlweights", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("provenance.json", store.to_json(trained_record(file)))
        archive.write(file, "weights.h5")
    with pytest.raises(WeightsError, match="its parts are compressed, which an export does not do"):
        bundle.import_file(Path("packed.tlweights"))


def test_a_name_that_is_taken_is_not_overwritten_by_a_file(file: Path, network: Network) -> None:
    store.install(trained_record(file, seed=5), file)
    with pytest.raises(WeightsError, match="already: choose another --name"):
        bundle.import_file(rewritten(file, trained_record(file), file.read_bytes()))
    assert store.find("tiny@stripes").seed == 5


def test_a_backbone_says_which_trained_weights_it_has(file: Path) -> None:
    store.install(trained_record(file), file)
    store.install(trained_record(file, name="own"), file)
    entry = PluginEntry(kind="backbone", name="tiny", distribution="tiny-backbone", version="1.5", target="x:Y")
    described = facts._facts(LoadedPlugin(entry, Network()))
    assert list(described.weights) == ["own"]
    assert list(described.trained) == ["own", "stripes"]
    assert list(described.sources) == ["own", "stripes"]
    assert described.sources["own"] is None  # what the package brings goes before
    assert described.trained_on("stripes") == "stripes: 1,200 images of 3 classes by tlsearch 0.1.0"
