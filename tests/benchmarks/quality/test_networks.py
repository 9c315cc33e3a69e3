"""The comparison of the bundled networks: a quick run, and what is made of the features."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.common.results import Result
from benchmarks.figures.groups import GROUPS
from benchmarks.quality import networks

Quick = Callable[..., Result]

# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.slow
def test_a_quick_run_probes_and_times_every_network(quick: Quick) -> None:
    pytest.importorskip("tlsearch_efficientnet_lite", reason="the larger networks are a package of their own")
    result = quick(networks.main)
    (found,) = result.figures["datasets"].values()
    assert list(found) == list(networks.NETWORKS)
    for sizes in found.values():
        assert list(sizes) == [networks.SAME, networks.EQUAL]
        assert {row["size"] for row in sizes.values()} == {32}  # the least that these networks take
        assert 0.3 < sizes[networks.SAME]["last"] <= 1
    for values in result.figures["costs"].values():
        assert values[networks.NETWORKS[0]] == 1.0
    group = GROUPS["networks"]
    assert "efficientnet_lite2" in group.render(result)
    assert "points" in group.brief(result)


def test_the_best_other_cut_is_joined() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(2), 30)
    noise = rng.normal(size=(60, 3)).astype("float32")
    telling = (labels[:, None] + rng.normal(0, 0.01, (60, 1))).astype("float32")
    last, joined, cut = networks.probed({"a": noise, "b": telling, "head": noise[::-1].copy()}, labels, seed=0)
    assert cut == "b"
    assert joined.all()
    assert last.mean() < 0.8


def test_a_gain_has_its_standard_error() -> None:
    right, first = np.array([True, True, False, True]), np.array([True, False, True, False])
    # differences 0, 1, -1, 1: mean 0.25, standard deviation 0.829
    assert networks.gain(right, first) == (0.25, 0.4146)
    assert networks.gain(first, first) == (0.0, 0.0)


def test_equal_seconds_are_less_pixels_for_what_computes_more() -> None:
    first = SimpleNamespace(work=2e9, default_image_size=224, min_image_size=32)
    larger = SimpleNamespace(work=4e9, default_image_size=224, min_image_size=32)
    assert networks.equal_size(first, first, 128) == 128
    assert networks.equal_size(larger, first, 128) == 88  # half the pixels would be 90.5
    assert networks.equal_size(larger, first, 32) == 32


def test_a_sample_keeps_the_share_of_every_class(make_dataset: Callable[..., Path], tmp_path: Path) -> None:
    root = make_dataset(tmp_path, classes=("ash", "birch"), per_class=12, size=8, splits=("train",))
    for file in sorted((root / "train" / "birch").iterdir())[6:]:
        file.unlink()
    sample = networks.read_sample(root, 15)
    assert np.bincount(sample.labels).tolist() == [10, 5]
    assert [file.name for file in sample.files[10:]] == [f"{n:03}.png" for n in range(5)]
    assert sample.pixels(16).shape == (15, 16, 16, 3)
    (root / "empty" / "train").mkdir(parents=True)
    with pytest.raises(ValueError, match="holds no images"):
        networks.read_sample(root / "empty", 15)


def test_costs_are_multiples_of_the_first_network(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    monkeypatch.setattr("time.process_time", lambda: clock)

    def call(seconds: float) -> Callable[[], None]:
        def work() -> None:
            nonlocal clock
            clock += seconds

        return work

    assert list(networks._turns([call(2), call(3), call(5)], repeats=3).values()) == [1.0, 1.5, 2.5]


def test_without_the_larger_networks_it_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tlsearch.plugins.registry.find_plugins", lambda kind: [])
    with pytest.raises(SystemExit) as ended:
        networks.main(["--quick"])
    assert ended.value.code == 2
    assert "pip install ./plugins/tlsearch-efficientnet-lite" in capsys.readouterr().err
