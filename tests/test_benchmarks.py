"""The benchmarks in small, so that they cannot rot: they simulate what they say, and count it right."""

from __future__ import annotations

import gzip
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tlsearch.stats.metrics import score

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import honesty  # noqa: E402 - found through the path above
import honesty_coverage as coverage  # noqa: E402
import honesty_more_data as more_data  # noqa: E402
import honesty_optimism as optimism  # noqa: E402
import honesty_shuffled as shuffled  # noqa: E402
import honesty_worlds as worlds  # noqa: E402
import scratch  # noqa: E402


def silent(text: str) -> None:
    """No progress wanted."""


@pytest.mark.parametrize("n", coverage.SIZES)
@pytest.mark.parametrize("imbalance", [1, 7])
def test_simulated_classes_fall_evenly_to_the_smallest(n: int, imbalance: float) -> None:
    counts = worlds.class_counts(n, imbalance)
    assert counts.sum() == n
    assert counts.min() >= 1
    assert (np.diff(counts) <= 1).all()
    assert counts[0] / counts[-1] == pytest.approx(imbalance, rel=0.5 if n < 370 else 0.2)


@pytest.mark.parametrize("grouping", ["none", "copies", "patients"])
def test_the_truth_of_a_simulated_world_is_what_many_images_show(grouping: worlds.Grouping) -> None:
    simulator = worlds.Simulator(replace(worlds.WORLDS[2], grouping=grouping), 20_000)
    rng = np.random.default_rng(1)
    tests = [simulator.draw(rng) for _ in range(4)]
    for metric in worlds.METRICS:
        for said, truth in zip(("winner", "other"), simulator.truth(metric), strict=True):
            assert np.mean([score(t.y, getattr(t, said), metric) for t in tests]) == pytest.approx(truth, abs=0.01)


def test_images_of_a_group_are_alike_and_models_agree() -> None:
    simulator = worlds.Simulator(replace(worlds.WORLDS[1], grouping="copies"), 4000)
    drawn = simulator.draw(np.random.default_rng(0))
    assert drawn.groups is not None
    right = (drawn.y == drawn.winner).astype(float)
    pairs = drawn.groups[1:] == drawn.groups[:-1]
    assert 0.3 < pairs.mean() < 0.5
    assert np.corrcoef(right[1:][pairs], right[:-1][pairs])[0, 1] > 0.4
    assert abs(np.corrcoef(right[1:][~pairs], right[:-1][~pairs])[0, 1]) < 0.1
    assert (drawn.winner == drawn.other).mean() > 0.85


def test_a_tally_counts_on_which_side_the_truth_lies() -> None:
    tally = coverage.Tally()
    for low, high in ((0.0, 0.2), (0.1, 0.4), (0.35, 0.5), (0.2, 0.3)):
        tally.add((low, high), 0.3)
    row = tally.row()
    assert (row["coverage"], row["below"], row["above"], row["simulations"]) == (0.5, 0.25, 0.25, 4)


def test_what_falls_short_is_named_and_what_simulation_error_explains_is_not() -> None:
    row = {"metric": "accuracy", "interval": "score", "world": "w", "groups": "none", "n": 45, "simulations": 2000}
    assert coverage.shortfalls([{**row, "coverage": 0.925}]) == []
    assert coverage.shortfalls([{**row, "coverage": 0.91}]) == ["accuracy, score, w, none, 45, 0.91"]


@pytest.mark.parametrize("grouping", ["none", "copies"])
def test_intervals_hold_the_truth_of_a_small_simulation(grouping: worlds.Grouping) -> None:
    rows = list(coverage._cover(replace(worlds.WORLDS[0], grouping=grouping), 100, 60, 0))
    assert len(rows) == 6
    assert all(float(str(row["coverage"])) >= 0.85 for row in rows)


def test_exact_coverage_of_wilsons_interval() -> None:
    lowest = {
        (row["n"], row["interval"], row["accuracy"]): float(str(row["lowest"])) for row in coverage.exact_wilson()
    }
    assert all(value > 0.926 for (_, _, accuracy), value in lowest.items() if accuracy == "0.60 to 0.950")
    assert lowest[100, "amended", "0.95 to 0.995"] > 0.92 > 0.9 > lowest[100, "Wilson", "0.95 to 0.995"]


def test_equal_models_are_seldom_told_apart() -> None:
    rows = list(coverage._reject(replace(worlds.WORLDS[4], other=worlds.WORLDS[4].winner), 45, 40, 0))
    assert [row["metric"] for row in rows] == list(worlds.METRICS)
    assert all(float(str(row["p below .05"])) <= 0.25 < float(str(row["p stated"])) for row in rows)


def test_the_interval_of_more_data_is_compared_with_the_true_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(more_data, "SIZES", (60,))
    (row,) = more_data.more_data(4, 0, silent)
    assert row["n"] == 60
    assert 0.02 < float(str(row["true gain"])) < 0.15
    assert row["simulations"] == 4
    assert float(str(row["width"])) > 0.05


def test_the_old_rule_is_more_optimistic_than_ours() -> None:
    rows = optimism.optimism(12, 0, silent)
    gaps = {(row["validation images"], row["rule"]): float(str(row["points too high"])) for row in rows}
    assert gaps[45, "best epoch of the best trial"] > gaps[45, "mean of the last three epochs"] > 1
    assert gaps[45, "best epoch of the best trial"] > gaps[340, "best epoch of the best trial"] > 0.5
    assert gaps[340, "confirmed on resampled folds"] < gaps[340, "mean of the last three epochs"]


def test_a_simulated_curve_ends_at_its_truth() -> None:
    search = optimism.Search(20_000, 20_000, np.random.default_rng(0))
    said, true = search.curve(3, np.arange(20_000))
    assert true[-1] == pytest.approx(search.truth[3], abs=0.001)
    assert said == pytest.approx(true, abs=0.015)
    assert true[0] < true[-1] - 0.1


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

    def run(site: Path, store: str, seed: int) -> dict[str, object]:
        asked.append(seed)
        return {"seed": seed, "baseline": [-0.1, 0.1], "linear probe": [-0.1, 0.1]}

    monkeypatch.setattr(shuffled, "_run", run)
    shuffled.shuffled(tmp_path, 3, 7, 2, silent)
    results = tmp_path / shuffled.RESULTS
    results.write_text(results.read_text(encoding="utf-8") + '{"seed": 10, "base', encoding="utf-8")
    found = shuffled.shuffled(tmp_path, 4, 7, 2, silent)
    assert sorted(asked) == [7, 8, 9, 10]
    assert [row["seed"] for row in found] == [7, 8, 9, 10]
    assert shuffled.shuffled(tmp_path, 4, 7, 1, silent) == found
    assert len(asked) == 4


def test_the_stub_plugin_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tlsearch.plugins import registry

    monkeypatch.syspath_prepend(shuffled.install_plugin(tmp_path / "site"))
    plugin = registry.load_plugin("backbone", "stub")
    model = plugin.build(32, tmp_path / "site" / "stub.npz")
    assert model.output_shape == (None, 4, 4, 16)
    assert [cut.layer for cut in plugin.cut_points(model)] == ["conv1", "conv2", "conv3"]


def test_every_part_of_the_benchmark_has_a_name() -> None:
    with pytest.raises(SystemExit):
        honesty.main(["nonsense"])
    assert set(honesty.PARTS) == {"wilson", "coverage", "bootstrap", "p-values", "more-data", "optimism", "shuffled"}


def write_idx(folder: Path, name: str, values: np.ndarray) -> None:
    head = bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(gzip.compress(head + values.tobytes()))


@pytest.fixture
def idx_folder(tmp_path: Path) -> Path:
    """Four idx files of ten classes: a bright bar, whose row tells the class, on noise."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 200), ("t10k", 60)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        pixels = rng.integers(0, 60, (count, 28, 28)).astype(np.uint8)
        for picture, label in zip(pixels, labels, strict=True):
            picture[2 + 2 * label : 5 + 2 * label] += 150
        write_idx(tmp_path, f"{part}-images-idx3-ubyte.gz", pixels)
        write_idx(tmp_path, f"{part}-labels-idx1-ubyte.gz", labels)
    return tmp_path


def test_fashion_mnist_is_read_from_idx_files(idx_folder: Path) -> None:
    data = scratch.read_data(idx_folder, 100, 40, 0)
    assert data.train_pixels.shape == (100, 28, 28)
    assert data.test_labels.tolist() == [n % 10 for n in range(40)]
    assert len(data.fold.val) == 15
    assert {n % 10 for n in data.fold.val} == set(range(10))
    assert set(data.fold.val).isdisjoint(data.fold.train)
    with pytest.raises(SystemExit, match="dataset-fashion-mnist"):
        scratch.read_data(idx_folder / "nowhere", 10, 10, 0)


def test_scratch_trains_what_a_run_trains() -> None:
    from tlsearch.pipeline import baseline

    session = SimpleNamespace(config=SimpleNamespace(batch_size=32, seed=5))
    facts = SimpleNamespace(candidate=SimpleNamespace(backbone="small_cnn", image_size=64), cuts=(1, 2, 3, 4))
    of_a_run = [baseline._spec(session, "standard", facts, 700, rate) for rate in baseline.RATES]  # type: ignore[arg-type] # all that is read of them
    assert scratch.baseline_specs(4, 64, 700, 5) == of_a_run


def test_the_published_recipe_has_the_published_size(idx_folder: Path) -> None:
    figures = scratch.train_recipe(scratch.read_data(idx_folder, 60, 20, 0), 1, 0)
    assert figures["parameters"] == 493_772
    assert 0 <= figures["test"] <= 1


# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_scratch_benchmark_in_small(
    idx_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "RATES", (1e-3,))
    arguments = ["--data", str(idx_folder), "--images", "120", "--tests", "40", "--image-size", "32", "--epochs", "2"]
    assert scratch.main(arguments) in (0, 1)
    said = capsys.readouterr().out
    assert "small CNN, as the baseline" in said
    assert "majority class" in said
    assert "of the published 0.9343" in said
