"""The kit finds what is broken, in the check that is there for it, and nothing in what is sound."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.networks.tiny_tokens import TinyTokens
from tests.helpers.plugins.augmentations import BROKEN_AUGMENTATIONS, Grows, InPlace, Roll
from tests.helpers.plugins.backbones import (
    BROKEN,
    CutInsideBlock,
    IgnoresFile,
    Infinite,
    Net,
    NoMethod,
    Shrinking,
    Tiny,
    Unbuildable,
)
from tests.helpers.plugins.odd_backbones import ODD
from tlsearch.plugins.api import WeightSource
from tlsearch.plugins.kinds import kind_named
from tlsearch.testing import check_augmentation, check_backbone, check_plugin, check_weights
from tlsearch.testing.kit import installed_backends, target_of
from tlsearch.testing.network import difference
from tlsearch.testing.outcome import CheckResult, run_checks
from tlsearch.testing.process import LOADS, check_on_backend


def checks_of(kind: str) -> Mapping[str, Any]:
    """The checks of a kind by name."""
    return kind_named(kind).load_checks()


def by_name(results: list[CheckResult]) -> dict[str, CheckResult]:
    """Results by the check's name."""
    return {result.name: result for result in results}


def test_a_sound_backbone_passes() -> None:
    results = check_backbone(Net())
    assert [result for result in results if result.status not in ("passed", "skipped")] == []
    assert [result.name for result in results if result.status == "skipped"] == ["its weights are loaded"]
    assert list(by_name(results)) == list(checks_of("backbone"))


@pytest.mark.parametrize("cuts", [("end",), ("block", "end")])
def test_a_sound_backbone_with_few_cut_points_passes(cuts: tuple[str, ...]) -> None:
    plugin = Net()
    plugin.cuts = cuts
    assert [result for result in check_backbone(plugin) if result.status not in ("passed", "skipped")] == []


@pytest.mark.parametrize("leading", [0, 2])
def test_a_sound_backbone_that_gives_tokens_passes(leading: int) -> None:
    results = check_backbone(TinyTokens(leading))
    assert [result for result in results if result.status not in ("passed", "skipped")] == []


def test_gradients_are_seen_where_layers_make_all_that_passes_smaller() -> None:
    assert by_name(check_backbone(Shrinking()))["gradients reach everything after the cut"].status == "passed"


def test_a_fault_is_said_once_where_it_is() -> None:
    """One line and traceback for the author, and what needs the network is not run."""
    results = check_backbone(Unbuildable())
    ends = [(result.name, result.status) for result in results]
    assert ends[:2] == [("keeps the contract", "passed"), ("a network is built", "failed")]
    assert {status for _, status in ends[2:]} == {"not run"}
    assert {result.detail for result in results[2:]} == {"because 'a network is built' failed"}
    assert results[1].detail.endswith(", in build)")
    assert 'return self.widths["missing"]' in results[1].traceback


@pytest.mark.parametrize(("kind", "check", "said"), [*BROKEN, *ODD], ids=lambda value: getattr(value, "__name__", None))
def test_a_broken_backbone_fails_its_check(kind: type[Net], check: str, said: str) -> None:
    (result,) = run_checks({check: checks_of("backbone")[check]}, kind())
    assert result.status == "failed"
    assert said in result.detail
    assert "\n" not in result.detail


# Keras 3.15 turns variables into arrays in a way that NumPy 2 warns of.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_weights_that_are_named_must_be_loaded(tmp_path: Path) -> None:
    file = tmp_path / "net.weights.h5"
    Net().build(48, None).save_weights(file)
    source = WeightSource(trained_on="nothing", licence="free", path=file)
    name = "its weights are loaded"
    small = type("TinyIgnores", (Tiny, IgnoresFile), {})
    for kind, status in ((Net, "passed"), (IgnoresFile, "failed"), (Tiny, "passed"), (small, "failed")):
        plugin = type(kind.__name__, (kind,), {"weights": {"own": source}})()
        (result,) = run_checks({name: checks_of("backbone")[name]}, plugin)
        assert result.status == status, kind
    gone = type(
        "Gone",
        (Net,),
        {"weights": {"own": WeightSource(trained_on="nothing", licence="free", path=tmp_path / "no.h5")}},
    )()
    (result,) = run_checks({name: checks_of("backbone")[name]}, gone)
    assert "reinstall the plugin" in result.detail


def test_differences_are_shares_of_the_features_own_scale() -> None:
    features = np.linspace(-1, 1, 12).reshape(3, 4).astype(np.float32)
    for scale in (1e-20, 1e-10, 1.0, 1e10):
        assert difference(scale * (features + 0.1), scale * features) == pytest.approx(0.1, rel=1e-4)
    assert difference(0 * features, 0 * features) == 0
    assert difference(features, 0 * features) == float("inf")


def test_a_check_that_is_expected_to_fail_must_fail() -> None:
    reason = "its blocks are too small to cut between"
    name = "cut points are single tensors in order"
    results = by_name(check_backbone(CutInsideBlock(), {name: reason}))
    assert results[name].status == "expected failure"
    assert results[name].ok
    assert results[name].detail.startswith(reason)
    (result,) = run_checks({name: checks_of("backbone")[name]}, Net(), {name: reason})
    assert not result.ok
    assert "it passes, though it is expected to fail" in result.detail
    with pytest.raises(ValueError, match="there is no check 'speed'"):
        check_backbone(Net(), {"speed": "it is slow"})


def test_a_sound_augmentation_passes() -> None:
    assert [result for result in check_augmentation(Roll()) if result.status != "passed"] == []


@pytest.mark.parametrize(
    ("kind", "check", "said"), BROKEN_AUGMENTATIONS, ids=lambda value: getattr(value, "__name__", None)
)
def test_a_broken_augmentation_fails_its_check(kind: type[Roll], check: str, said: str) -> None:
    result = by_name(check_augmentation(kind()))[check]
    assert result.status == "failed"
    assert said in result.detail


@pytest.mark.parametrize(
    ("kind", "plugin", "failed"),
    [
        ("backbone", Infinite, "pictures go through the network"),
        ("backbone", NoMethod, "keeps the contract"),
        ("augmentation", InPlace, "the input is left untouched"),
        ("augmentation", Grows, "shape and type are kept"),
    ],
)
def test_dependent_checks_do_not_fail_together(kind: str, plugin: type, failed: str) -> None:
    results = check_plugin(kind, plugin())
    assert [result.name for result in results if result.status == "failed"] == [failed]
    assert [result for result in results if result.status == "not run"]


class Lite:
    """The bundled weights under another name: sound."""

    api_version = 1
    name = "efficientnet_lite0@again"
    trained_on = "ImageNet-1k"
    licence = "Apache-2.0"

    def file(self, folder: Path) -> Path:
        from tlsearch.plugins import registry

        path = registry.load_plugin("backbone", "efficientnet_lite0").weights["imagenet"].path
        assert isinstance(path, Path)
        return path


class NoFile(Lite):
    def file(self, folder: Path) -> Path:
        return folder / "nothing.h5"


class Elsewhere(Lite):
    name = "net_of_nobody@again"


def test_weights_of_a_package_are_checked() -> None:
    assert [result.status for result in check_weights(Lite())] == ["passed"] * 3
    assert [result.status for result in check_weights(NoFile())] == ["passed", "failed", "not run"]
    assert [result.status for result in check_weights(Elsewhere())] == ["passed", "passed", "skipped"]


def test_a_plugin_is_checked_in_another_process() -> None:
    results = list(check_on_backend("tensorflow", "augmentation", "shift"))
    assert [result.name for result in results] == list(checks_of("augmentation"))
    assert all(result.ok for result in results)
    (result,) = check_on_backend("tensorflow", "metric", "no_such_plugin")
    assert (result.name, result.status) == (LOADS, "failed")
    assert "There is no metric 'no_such_plugin'" in result.detail


HANGS = """
import time
import numpy as np

class Slow:
    api_version = 1
    name = "slow"
    greater_is_better = True
    uses_class_weights = False

    def score(self, labels, probabilities):
        if not labels.flags.writeable:
            self.wait()
        return float((probabilities.argmax(axis=1) == labels).mean())

    def wait(self):
        time.sleep(600)

class Crashes(Slow):
    name = "crashes"

    def wait(self):
        import os
        os._exit(7)
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("slow", "it took longer than 5 s and was stopped (lasting.py:17, in wait)"),
        ("crashes", "the process ended with code 7"),
    ],
)
def test_a_check_that_hangs_or_crashes_fails_alone(name: str, said: str, install: Callable[..., None]) -> None:
    install("lasting", HANGS, group="tlsearch.metrics", slow="Slow", crashes="Crashes")
    results = list(check_on_backend("tensorflow", "metric", name, limit=5))
    assert [result.name for result in results] == list(checks_of("metric"))
    (failed,) = [result for result in results if not result.ok]
    assert failed.name == "the score is pure"
    assert failed.detail.startswith(said)
    if name == "slow":
        assert failed.seconds >= 5
        assert failed.traceback.splitlines()[1].endswith('lasting.py", line 17 in wait')
        assert failed.traceback.splitlines()[-1].endswith("in score")


PRINTS = HANGS.replace("import time", "import os").replace(
    "time.sleep(600)", "os.write(1, b'half a line \\xff'); print(' and another', end='', flush=True)"
)


def test_a_plugin_may_print_what_it_likes(install: Callable[..., None]) -> None:
    install("printing", PRINTS, group="tlsearch.metrics", slow="Slow")
    results = list(check_on_backend("tensorflow", "metric", "slow"))
    assert [result.name for result in results] == list(checks_of("metric"))
    assert [result for result in results if not result.ok] == []


def test_backends_are_those_that_are_installed() -> None:
    assert "tensorflow" in installed_backends()


def test_a_class_inside_a_function_is_found_by_no_other_process() -> None:
    class Local(Roll): ...

    assert target_of(Roll()) == f"{Roll.__module__}:Roll"
    with pytest.raises(ValueError, match="not at the top of a module"):
        target_of(Local())
