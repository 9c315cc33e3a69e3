"""The conformance kit: what a plugin must do, as checks that an author runs on his own.

With pytest, subclass the tests of the kind, such as ``BackboneTests``, ``AugmentationTests`` or ``WeightsTests``, and
give the plugin as a fixture::

    from tlsearch.testing import BackboneTests

    class TestMyNet(BackboneTests):
        @pytest.fixture
        def plugin(self):
            return MyNet()

Without pytest, ``check_backbone(plugin)``, or ``check_plugin("backbone", plugin)``, gives a list of ``CheckResult``.
From the command line, `tlsearch plugins check NAME` runs the same checks. Every kind of plugin has such a class and
such a function.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tlsearch.plugins.kinds import NAMES

if TYPE_CHECKING:
    # For type checkers only: what belongs to a kind is made when it is asked for.
    from collections.abc import Callable

    from tlsearch.testing.classes import PluginTests as AugmentationTests
    from tlsearch.testing.classes import PluginTests as BackboneTests
    from tlsearch.testing.classes import PluginTests as CallbackTests
    from tlsearch.testing.classes import PluginTests as MetricTests
    from tlsearch.testing.classes import PluginTests as ReaderTests
    from tlsearch.testing.classes import PluginTests as WeightsTests
    from tlsearch.testing.kit import check_plugin
    from tlsearch.testing.outcome import CheckResult

    check_augmentation: Callable[..., list[CheckResult]]
    check_backbone: Callable[..., list[CheckResult]]
    check_reader: Callable[..., list[CheckResult]]
    check_callback: Callable[..., list[CheckResult]]
    check_metric: Callable[..., list[CheckResult]]
    check_weights: Callable[..., list[CheckResult]]

__all__ = [
    "AugmentationTests",
    "BackboneTests",
    "CallbackTests",
    "CheckResult",
    "MetricTests",
    "ReaderTests",
    "WeightsTests",
    "check_augmentation",
    "check_backbone",
    "check_callback",
    "check_metric",
    "check_plugin",
    "check_reader",
    "check_weights",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for: the classes need pytest, the checks do not."""
    if name.endswith("Tests") and (kind := name.removesuffix("Tests").lower()) in NAMES:
        from tlsearch.testing.classes import tests_of

        return tests_of(kind)
    if name == "CheckResult":
        from tlsearch.testing.outcome import CheckResult

        return CheckResult
    if name.startswith("check_") and (kind := name.removeprefix("check_")) in ("plugin", *NAMES):
        from tlsearch.testing.kit import check_plugin

        return check_plugin if kind == "plugin" else partial(check_plugin, kind)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
