"""Augmentations: random changes of images with a strength."""

from __future__ import annotations

from typing import Any

import numpy as np

from tlsearch.errors import PluginFailedError
from tlsearch.plugins.api import AUGMENTATION_GROUP, Augmentation, AugmentationHints, Images
from tlsearch.plugins.guard import Guarded, blaming
from tlsearch.plugins.kinds.kind import PluginKind, about

ROLES = ("mild", "strong", None)


class GuardedAugmentation(Guarded):
    """An augmentation that raises ``PluginFailedError``, also where what it gives is not what it was given."""

    def __init__(self, plugin: Augmentation) -> None:
        super().__init__("augmentation", plugin)

    def render(self, images: Images, strength: float, rng: np.random.Generator) -> Images:
        """See ``Augmentation``."""
        name = self.guarded.name
        with blaming("augmentation", self.guarded):
            rendered: Images = self.guarded.render(images, strength, rng)
            found = f"{rendered.shape} {rendered.dtype}"
        if rendered.shape != images.shape or rendered.dtype != np.uint8:
            raise PluginFailedError(
                f"The augmentation plugin '{name}' turned {images.shape} uint8 into {found}; it must keep both.",
                plugin=f"augmentation {name}",
            )
        return rendered


def _fault(plugin: Any) -> str | None:
    hints = getattr(plugin, "hints", None)
    if hints is None:
        return None
    if not isinstance(hints, AugmentationHints):
        return f"its hints are of the type {type(hints).__name__}, not AugmentationHints"
    if hints.role not in ROLES:
        return f"its role is {hints.role!r}, where 'mild', 'strong' or None is needed"
    return None


def _describe(plugin: Any) -> dict[str, Any]:
    hints = getattr(plugin, "hints", None) or AugmentationHints()
    return {**about(plugin), "by_default": "yes" if hints.by_default else "no", "role": hints.role}


KIND = PluginKind(
    name="augmentation",
    group=AUGMENTATION_GROUP,
    contract=Augmentation,
    summary="a random change of images with a strength",
    usage="--augment none --augment {name}",
    checks="tlsearch.testing.augmentation:CHECKS",
    validate=_fault,
    describe=_describe,
    wrap=GuardedAugmentation,
    reserved=frozenset({"none"}),
)
