"""The conformance kit: what a plugin must do, as checks that an author runs on his own.

With pytest, subclass ``BackboneTests``, ``AugmentationTests`` or ``WeightsTests`` and give the plugin as a fixture::

    from tlsearch.testing import BackboneTests

    class TestMyNet(BackboneTests):
        @pytest.fixture
        def plugin(self):
            return MyNet()

Without pytest, ``check_backbone(plugin)``, ``check_augmentation(plugin)`` and ``check_weights(plugin)`` give a list of
``CheckResult``. From the command line, `tlsearch plugins check NAME` runs the same checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tlsearch.testing.classes import AugmentationTests, BackboneTests, WeightsTests
    from tlsearch.testing.kit import check_augmentation, check_backbone, check_weights
    from tlsearch.testing.outcome import CheckResult

__all__ = [
    "AugmentationTests",
    "BackboneTests",
    "CheckResult",
    "WeightsTests",
    "check_augmentation",
    "check_backbone",
    "check_weights",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for: the classes need pytest, the checks do not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name.endswith("Tests"):
        from tlsearch.testing import classes

        return getattr(classes, name)
    from tlsearch.testing import kit, outcome

    return outcome.CheckResult if name == "CheckResult" else getattr(kit, name)
