"""Whatever a plugin raises is said to be its fault."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tlsearch.errors import PluginFailedError, WeightsError
from tlsearch.plugins.guard import Guarded, blamed, blaming, culprit
from tlsearch.plugins.kinds.augmentation import GuardedAugmentation
from tlsearch.plugins.kinds.backbone import GuardedBackbone
from tlsearch.plugins.provenance import plugin_digest

IMAGES = np.zeros((2, 4, 4, 3), np.uint8)


def backbone(**methods: Any) -> Any:
    """A guarded backbone with these methods."""
    return GuardedBackbone(SimpleNamespace(name="net", default_image_size=64, **methods))


def rendering(result: Any) -> Any:
    """What a guarded augmentation gives that makes ``result`` of any images."""
    plugin: Any = SimpleNamespace(name="blur", render=lambda images, strength, rng: result)
    return GuardedAugmentation(plugin).render(IMAGES, 1.0, np.random.default_rng(0))


def failing(error: BaseException) -> Any:
    """A method that raises."""

    def method(*_: object) -> None:
        raise error

    return method


@pytest.mark.parametrize("method", ["build", "cut_points", "preprocess"])
@pytest.mark.parametrize("error", [KeyError("x\ny"), SystemExit(3), ValueError("torn")])
def test_a_backbone_that_raises_is_blamed(method: str, error: BaseException) -> None:
    arguments = (64, None) if method == "build" else (None,)
    with pytest.raises(PluginFailedError, match=f"backbone plugin 'net' raised {type(error).__name__}") as caught:
        getattr(backbone(**{method: failing(error)}), method)(*arguments)
    assert caught.value.plugin == "backbone net"
    assert "\n" not in str(caught.value)


def test_weights_that_do_not_fit_are_no_fault_of_the_plugin() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        backbone(build=failing(ValueError("own.h5 does not fit"))).build(64, Path("own.h5"))
    with pytest.raises(PluginFailedError):
        backbone(build=failing(KeyError("x"))).build(64, Path("own.h5"))


def test_all_else_is_the_plugins_own() -> None:
    guarded = backbone(weights={"a": 1})
    assert (guarded.name, guarded.default_image_size, guarded.weights) == ("net", 64, {"a": 1})
    with pytest.raises(AttributeError):
        _ = guarded.nothing
    assert plugin_digest(GuardedBackbone(_Own())) == plugin_digest(_Own()) != "unknown"  # type: ignore[arg-type] # no backbone


def test_any_kind_can_be_guarded() -> None:
    plugin = SimpleNamespace(name="own", size=3, work=lambda factor: 2 * factor, fall=failing(KeyError("x")))
    guarded = Guarded("tool", plugin, ("work", "fall"))
    assert (guarded.size, guarded.work(factor=4)) == (3, 8)
    with pytest.raises(PluginFailedError, match="The tool plugin 'own' raised KeyError"):
        guarded.fall()


class _Own:
    """Of a file that has a digest, and with code of its own."""

    def fall(self) -> None:
        raise RuntimeError("torn")


def test_the_culprit_is_whose_code_raised() -> None:
    plugins = [("backbone other", np.random.default_rng(0)), ("backbone own", _Own())]
    with pytest.raises(RuntimeError) as caught:
        _Own().fall()
    assert culprit(caught.value, plugins) == "backbone own"
    assert culprit(caught.value, plugins[:1]) == ""
    failed = blamed(caught.value, "backbone own", _Own())
    line = caught.tb.tb_next.tb_lineno if caught.tb.tb_next else 0
    assert str(failed) == (
        f"The backbone plugin 'own' raised RuntimeError: torn (tests/plugins/test_guard.py:{line}, in fall)."
    )
    assert failed.plugin == "backbone own"


@pytest.mark.parametrize("result", [IMAGES[:, :2], IMAGES.astype(np.float32), None, [1, 2]])
def test_an_augmentation_must_keep_shape_and_type(result: Any) -> None:
    with pytest.raises(PluginFailedError, match="augmentation plugin 'blur'") as caught:
        rendering(result)
    assert caught.value.plugin == "augmentation blur"


def test_a_good_augmentation_is_left_alone() -> None:
    assert rendering(IMAGES) is IMAGES


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError(), WeightsError("not here")])
def test_what_is_nobodys_fault_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, blaming("backbone", SimpleNamespace(name="net")):
        raise error
    assert caught.value is error
