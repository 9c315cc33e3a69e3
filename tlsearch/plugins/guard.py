"""Plugins at work: whatever one of them raises is said to be its fault, by name."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from tlsearch.errors import PluginFailedError, TlsearchError
from tlsearch.plugins.traces import place_of


@contextmanager
def blaming(kind: str, plugin: Any) -> Iterator[None]:
    """Turn what is raised inside into a ``PluginFailedError`` of this plugin, even ``SystemExit``."""
    try:
        yield
    except (KeyboardInterrupt, MemoryError, TlsearchError):
        raise
    except BaseException as error:
        raise blamed(error, f"{kind} {plugin.name}", plugin) from error


def blamed(error: BaseException, name: str, plugin: object) -> PluginFailedError:
    """What ``error`` is when it is the fault of ``plugin``, whose kind and name are ``name``. It says the line."""
    kind, _, called = name.partition(" ")
    error_text = raised(error, type(plugin).__module__)
    return PluginFailedError(f"The {kind} plugin '{called}' raised {error_text}.", plugin=name)


def raised(error: BaseException, module: str) -> str:
    """Say what was raised and on which line of the package of ``module``, on one line."""
    what, place = " ".join(str(error).split())[:300], place_of(error, module)
    return f"{type(error).__name__}{': ' + what if what else ''}{f' ({place})' if place else ''}"


class Guarded:
    """A plugin that the engine is about to use. All but its methods is the plugin's own, which is ``guarded``.

    Args:
        kind: The name of its kind.
        plugin: The plugin.
        methods: The names of methods whose errors become ``PluginFailedError``. A subclass that has methods of its own
            for that needs to name none.
    """

    def __init__(self, kind: str, plugin: Any, methods: Collection[str] = ()) -> None:
        self.kind, self.guarded = kind, plugin
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.guarded, name)
        return self._blaming(found) if name in self._methods else found

    def _blaming(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            with blaming(self.kind, self.guarded):
                return method(*args, **kwargs)

        return call


def unguarded(plugin: object) -> object:
    """The plugin itself."""
    return plugin.guarded if isinstance(plugin, Guarded) else plugin


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
