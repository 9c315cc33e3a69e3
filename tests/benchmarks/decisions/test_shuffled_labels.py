"""Runs on shuffled labels: the labels say nothing, declared gains are counted, and a quick run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.common.results import Result
from benchmarks.common.stub_install import install_stub
from benchmarks.decisions import shuffled_labels as shuffled
from tlsearch.plugins.registry import load_plugin

Quick = Callable[..., Result]


def test_shuffled_labels_say_nothing_of_the_pictures(tmp_path: Path) -> None:
    sizes = {"train": 4, "test": 3}
    for seed in (3, 4):
        shuffled.write_shuffled(tmp_path / str(seed), seed, sizes)
    for split, count in sizes.items():
        assert [len(list((tmp_path / "3" / split / name).iterdir())) for name in shuffled.CLASSES] == [count] * 3
    files = {seed: sorted((tmp_path / seed).rglob("*.png"), key=lambda file: file.name) for seed in "34"}
    assert len({file.read_bytes() for file in files["3"]}) == 21
    # The order in which pictures are drawn says nothing of their class.
    assert [file.parent for file in files["3"]] != sorted(file.parent for file in files["3"])
    assert files["3"][0].read_bytes() != files["4"][0].read_bytes()


def test_declared_gains_are_counted() -> None:
    rows: list[dict[str, list[float] | None]] = [
        {"baseline": [-0.1, 0.2], "linear probe": [0.01, 0.2]},
        {"baseline": [-0.3, -0.1], "linear probe": [0.0, 0.2]},
        {"baseline": None, "linear probe": [-0.2, 0.2]},
    ]
    over_baseline, over_probe = shuffled.summary(rows)
    assert (over_baseline["runs"], over_baseline["gains declared"], over_baseline["losses declared"]) == (2, 0, 1)
    assert (over_probe["runs"], over_probe["gains declared"]) == (3, 1)


def test_runs_that_are_known_are_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def run(site: Path, store: str, seed: int, trials: int) -> dict[str, object]:
        asked.append(seed)
        return {"seed": seed, "baseline": [-0.1, 0.1], "linear probe": [-0.1, 0.1]}

    monkeypatch.setattr(shuffled, "run_shuffled", run)
    shuffled.shuffled_runs(tmp_path, 3, 7, 2, 8)
    results = tmp_path / shuffled.RESULTS
    results.write_text(results.read_text(encoding="utf-8") + '{"seed": 10, "base', encoding="utf-8")
    found = shuffled.shuffled_runs(tmp_path, 4, 7, 2, 8)
    assert sorted(asked) == [7, 8, 9, 10]
    assert [row["seed"] for row in found] == [7, 8, 9, 10]
    assert shuffled.shuffled_runs(tmp_path, 4, 7, 1, 8) == found
    assert len(asked) == 4


def test_the_stub_plugin_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(install_stub(tmp_path / "site"))
    plugin = load_plugin("backbone", "stub")
    model = plugin.build(32, tmp_path / "site" / "stub.npz")
    assert model.output_shape == (None, 4, 4, 16)
    assert [cut.layer for cut in plugin.cut_points(model)] == ["conv1", "conv2", "conv3"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_quick_run(quick: Quick, tmp_path: Path) -> None:
    figures = quick(shuffled.main, "--runs", "1", "--jobs", "1", "--work", str(tmp_path / "work")).figures
    assert figures["runs"] == 1
    assert figures["probe_won"] in (0, 1)
    assert [row["over"] for row in figures["rows"]] == ["baseline", "linear probe"]
    assert all(row["gains declared"] + row["losses declared"] <= row["runs"] <= 1 for row in figures["rows"])
    assert len((tmp_path / "work" / shuffled.RESULTS).read_text(encoding="utf-8").splitlines()) == 1
