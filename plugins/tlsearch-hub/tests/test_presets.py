"""Where presets come from: a folder, an environment variable, the hub."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlsearch.plugins.provenance import plugin_digest
from tlsearch_hub import fetch
from tlsearch_hub.any_preset import HubPreset
from tlsearch_hub.presets import Preset, presets_folder
from tlsearch_hub.published import DeiTTiny, DINOv2Base, DINOv2Small, ViTB16
from tlsearch_hub.tokens import scaled

Saved = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TLSEARCH_HUB_PRESET", raising=False)
    monkeypatch.setenv("TLSEARCH_HUB_PRESETS", str(tmp_path / "presets"))


def test_the_variable_names_a_folder_or_a_preset_in_the_folder_of_presets(
    saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved("vit")
    monkeypatch.setenv("TLSEARCH_HUB_PRESET", str(folder))
    by_path = HubPreset()
    monkeypatch.setenv("TLSEARCH_HUB_PRESETS", str(folder.parent))
    monkeypatch.setenv("TLSEARCH_HUB_PRESET", "vit")
    for plugin in (by_path, HubPreset()):
        assert plugin.weights["hub"].path == folder / "model.weights.h5"
        assert (plugin.min_image_size, plugin.default_image_size, plugin.title) == (32, 64, "vit")


def test_without_the_variable_it_has_no_weights_and_says_what_is_missing() -> None:
    plugin = HubPreset()
    assert plugin.weights == {}
    with pytest.raises(ValueError, match="set TLSEARCH_HUB_PRESET"):
        plugin.build(32, None)


def test_a_preset_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLSEARCH_HUB_PRESET", "deit_huge")
    with pytest.raises(ValueError, match=r"no preset in that folder.*tlsearch-hub fetch deit_huge"):
        HubPreset()


def test_a_published_network_has_weights_once_its_preset_is_there(saved: Saved, tmp_path: Path) -> None:
    assert DeiTTiny().weights == {}
    folder = presets_folder() / "deit_tiny_distilled_patch16_224_imagenet"
    folder.parent.mkdir()
    folder.symlink_to(saved("deit"))
    plugin = DeiTTiny()
    assert plugin.weights["hub"].trained_on == "ImageNet-1k, distilled"
    assert plugin.architecture.blocks == 2  # that of the preset


@pytest.mark.parametrize(
    ("kind", "millions"), [(ViTB16, 85.8), (DeiTTiny, 5.5), (DINOv2Small, 22.1)]
)  # of the papers, less their classifiers; DINOv2 at 518 px
def test_the_published_architectures_have_the_parameters_of_the_papers(kind: Any, millions: float) -> None:
    plugin = kind()
    count = plugin.build(plugin.architecture.side, None).count_params()
    assert count / 1e6 == pytest.approx(millions, rel=0.005)
    assert plugin.default_image_size == 224


def test_names_are_those_of_the_entry_points() -> None:
    assert [kind().name for kind in (ViTB16, DeiTTiny, DINOv2Small, DINOv2Base)] == [
        "vit_b16", "deit_tiny", "dinov2_small", "dinov2_base"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, {"ViTBackbone": 1.0, "DINOV2Backbone": (1 - 0.485) / 0.229}),
        ({"scale": 1 / 255, "offset": None}, {"ViTBackbone": 1.0}),
        ({"scale": [0.1, 0.2, 0.3], "offset": [1, 2, 3]}, {"ViTBackbone": 26.5}),
    ],
)
def test_pixels_are_scaled_as_the_preset_says_or_as_its_family_wants(
    said: dict[str, Any] | None, expected: dict[str, float], tmp_path: Path
) -> None:
    if said is not None:
        (tmp_path / "image_converter.json").write_text(json.dumps({"class_name": "C", "config": said}))
    for family, red in expected.items():
        white = np.asarray(scaled(np.full((1, 2, 2, 3), 255, np.uint8), Preset(tmp_path), family))
        assert white[0, 0, 0, 0] == pytest.approx(red, rel=1e-4)


@pytest.mark.parametrize("name", ["vit", "resnet"])
@pytest.mark.parametrize("file", ["image_converter.json", "config.json"])
def test_features_of_a_preset_whose_files_changed_are_other_features(
    name: str, file: str, saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of weights is the same, and so is all that is installed."""
    folder = tmp_path / "mine"
    shutil.copytree(saved(name), folder)
    monkeypatch.setenv("TLSEARCH_HUB_PRESET", str(folder))
    before = HubPreset()
    assert plugin_digest(before) == plugin_digest(HubPreset())
    if file == "image_converter.json":
        (folder / file).write_text(json.dumps({"class_name": "C", "config": {"scale": 0.5}}))
    else:
        known = json.loads((folder / file).read_text())
        known["config"] |= {"layer_norm_epsilon": 0.5} if name == "vit" else {"use_pre_activation": True}
        (folder / file).write_text(json.dumps(known))
    after = HubPreset()
    assert after.weights["hub"].path == before.weights["hub"].path
    assert plugin_digest(after) != plugin_digest(before)


def test_a_preset_whose_scale_of_pixels_cannot_be_read_is_told_at_once(
    saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(saved("vit"), folder)
    (folder / "image_converter.json").write_text("{")
    monkeypatch.setenv("TLSEARCH_HUB_PRESET", str(folder))
    with pytest.raises(ValueError, match=r"image_converter.json cannot be read"):
        HubPreset()


def test_fetch_writes_a_preset_that_is_used(saved: Saved, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder goes the same way as a preset of the hub."""
    assert fetch.main(["fetch", str(saved("vit")), "--to", str(tmp_path / "here")]) == 0
    assert Preset(tmp_path / "here" / "vit").is_here
    assert "hub_preset" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == ["vit"]


def test_fetching_the_folder_that_one_is_in_leaves_the_other_presets(
    saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(saved("vit"))
    other = tmp_path / "here" / "other"
    other.mkdir(parents=True)
    for preset in (".", "../vit", "."):
        assert fetch.main(["fetch", preset, "--to", str(tmp_path / "here")]) == 0
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == ["other", "vit"]
    assert Preset(tmp_path / "here" / "vit").is_here


def test_a_preset_that_is_in_its_place_stays_as_it_is(saved: Saved, tmp_path: Path) -> None:
    folder = tmp_path / "here" / "mine"
    shutil.copytree(saved("vit"), folder)
    (folder / "notes.txt").write_text("how I trained it")
    before = (folder / "config.json").stat().st_mtime_ns
    assert fetch.main(["fetch", str(folder), "--to", str(tmp_path / "here")]) == 0
    assert (folder / "notes.txt").read_text() == "how I trained it"
    assert (folder / "config.json").stat().st_mtime_ns == before


def test_what_cannot_be_fetched_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch.main(["fetch", "no_such_network", "--to", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("The preset 'no_such_network' could not be fetched")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("preset", "name"),
    [
        ("vit_base_patch16_224_imagenet", "vit_base_patch16_224_imagenet"),
        ("kaggle://keras/vit/keras/vit_base/4", "vit_base"),
        ("hf://user/own_vit", "own_vit"),
        ("/a/b/", "b"),
        ("..", Path("..").resolve().name),
        ("hf://..", "preset"),
    ],
)
def test_the_folder_has_the_name_of_the_preset(preset: str, name: str) -> None:
    assert fetch.name_of(preset) == name
