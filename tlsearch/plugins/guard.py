"""Plugins at work: whatever one of them raises is said to be its fault, by name."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlsearch.errors import PluginFailedError, TlsearchError
from tlsearch.plugins.api import Augmentation, Backbone, CutPoint, Images

if TYPE_CHECKING:
    import keras


@contextmanager
def blaming(kind: str, name: str) -> Iterator[None]:
    """Turn what is raised inside into a ``PluginFailedError`` of this plugin, even ``SystemExit``."""
    try:
        yield
    except (KeyboardInterrupt, MemoryError, TlsearchError):
        raise
    except BaseException as error:
        raise blamed(error, f"{kind} {name}") from error


def blamed(error: BaseException, plugin: str) -> PluginFailedError:
    """What ``error`` is when it is the fault of ``plugin``, kind and name."""
    kind, _, name = plugin.partition(" ")
    what = " ".join(str(error).split())[:300]
    said = f"The {kind} plugin '{name}' raised {type(error).__name__}{': ' + what if what else ''}."
    return PluginFailedError(said, plugin=plugin)


class GuardedBackbone:
    """A backbone whose methods raise ``PluginFailedError``; all else is the plugin's own, which is ``guarded``."""

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
    """An augmentation that raises ``PluginFailedError``, also where what it gives is not what it was given."""

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
            raise PluginFailedError(
                f"The augmentation plugin '{name}' turned {images.shape} uint8 into {found}; it must keep both.",
                plugin=f"augmentation {name}",
            )
        return rendered


def unguarded(plugin: object) -> object:
    """The plugin itself."""
    return plugin.guarded if isinstance(plugin, GuardedBackbone | GuardedAugmentation) else plugin


def culprit(error: BaseException, plugins: Iterable[tuple[str, object]]) -> str:
    """Which of ``plugins``, each with its kind and name, has code in which ``error`` was raised; empty if none has.

    The innermost of several: code of a network's own layers runs inside Keras, where no method of the plugin is called.
    Several plugins may share a package; then the one whose own file it is.
    """
    files = {name: file for name, plugin in plugins if (file := _file(plugin)) is not None}
    frames = [Path(frame.f_code.co_filename) for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__)))]
    own = (name for frame in frames for name, file in files.items() if frame == file)
    packaged = (name for frame in frames for name, file in files.items() if _shares_package(frame, file))
    return next(own, None) or next(packaged, "")


def _file(plugin: object) -> Path | None:
    """The file that a plugin's class is in."""
    file = getattr(sys.modules.get(type(plugin).__module__), "__file__", None)
    return Path(file) if file else None


def _shares_package(frame: Path, file: Path) -> bool:
    return (file.parent / "__init__.py").exists() and frame.is_relative_to(file.parent)
