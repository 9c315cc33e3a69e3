"""Plugins at work: whatever one of them raises is said to be its fault, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch.errors import PluginError, TlsearchError
from tlsearch.plugin_api import Augmentation, Backbone, CutPoint, Images

if TYPE_CHECKING:
    import keras


@contextmanager
def blaming(kind: str, name: str) -> Iterator[None]:
    """Turn what is raised inside into a ``PluginError`` of this plugin, even ``SystemExit``."""
    try:
        yield
    except (KeyboardInterrupt, MemoryError, TlsearchError):
        raise
    except BaseException as error:
        what = " ".join(str(error).split())[:300]
        raise PluginError(
            f"The {kind} plugin '{name}' raised {type(error).__name__}{': ' + what if what else ''}.", plugin=name
        ) from error


class GuardedBackbone:
    """A backbone whose methods raise ``PluginError``; all else is the plugin's own, which is ``guarded``."""

    def __init__(self, plugin: Backbone) -> None:
        self.guarded = plugin

    def __getattr__(self, name: str) -> Any:
        return getattr(self.guarded, name)

    def build(self, image_size: int, weights: Path | None) -> keras.Model:
        """See ``Backbone``. A ``ValueError`` about a weights file is no fault of the plugin."""
        with blaming("backbone", self.guarded.name):
            try:
                return self.guarded.build(image_size, weights)
            except ValueError as error:
                if weights is None:
                    raise
                misfit = error
        raise misfit

    def cut_points(self, model: keras.Model) -> Sequence[CutPoint]:
        """See ``Backbone``."""
        with blaming("backbone", self.guarded.name):
            return list(self.guarded.cut_points(model))

    def preprocess(self, images: Any) -> Any:
        """See ``Backbone``."""
        with blaming("backbone", self.guarded.name):
            return self.guarded.preprocess(images)


class GuardedAugmentation:
    """An augmentation that raises ``PluginError``, also where what it gives is not what it was given."""

    def __init__(self, plugin: Augmentation) -> None:
        self.guarded = plugin

    def __getattr__(self, name: str) -> Any:
        return getattr(self.guarded, name)

    def render(self, images: Images, strength: float, rng: np.random.Generator) -> Images:
        """See ``Augmentation``."""
        name = self.guarded.name
        with blaming("augmentation", name):
            rendered = self.guarded.render(images, strength, rng)
            found = f"{rendered.shape} {rendered.dtype}"
        if rendered.shape != images.shape or rendered.dtype != np.uint8:
            raise PluginError(
                f"The augmentation plugin '{name}' turned {images.shape} uint8 into {found}; it must keep both.",
                plugin=name,
            )
        return rendered


def unguarded(plugin: object) -> object:
    """The plugin itself."""
    return getattr(plugin, "guarded", plugin)
