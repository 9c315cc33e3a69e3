"""What a kind of plugin is: all that discovery, loading, checks and the scaffold know of it."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

IDENTIFIER = r"[a-z]([a-z0-9_]*[a-z0-9])?"
"""A regular expression for a name that can be that of a module, too."""


def about(plugin: Any) -> dict[str, Any]:
    """What a plugin is: the first line of its docstring."""
    return {"about": next(iter((type(plugin).__doc__ or "").strip().splitlines()), "")}


@dataclass(frozen=True, kw_only=True)
class PluginKind:
    """A kind of plugin.

    Attributes:
        name: What it is called: the name of its module in this package and of its folder of templates.
        group: The entry-point group under which plugins of this kind are registered.
        contract: The class whose public methods a plugin must have.
        summary: What a plugin of this kind is, in a few words.
        usage: The options of ``tlsearch run DATASET`` that use the plugin ``{name}``; empty where it is always used.
        checks: ``module:attribute`` of the conformance checks, a mapping of names to functions.
        validate: Says what in a plugin that has all methods breaks the contract, or None.
        describe: Gives the facts that ``plugins show`` prints. It may build a network.
        wrap: Puts a guard around a plugin that the engine is about to use. None is the guard that names the plugin
            in whatever its methods raise.
        uses_backend: Whether plugins of this kind work with a backend of Keras. Otherwise they are at work in the
            process that plans a run, which must import none, and are checked once instead of on every backend.
        reserved: Names that the engine itself gives a meaning.
        name_pattern: A regular expression for the names that ``plugins new`` accepts.
        refuse: Says in a sentence why ``plugins new`` cannot begin a plugin of a name of that form, or gives None.
    """

    name: str
    group: str
    contract: type
    summary: str
    usage: str
    checks: str
    validate: Callable[[Any], str | None] = lambda plugin: None
    describe: Callable[[Any], Mapping[str, Any]] = about
    wrap: Callable[[Any], Any] | None = None
    uses_backend: bool = True
    reserved: frozenset[str] = frozenset()
    name_pattern: str = IDENTIFIER
    refuse: Callable[[str], str | None] = lambda name: None

    @property
    def methods(self) -> tuple[str, ...]:
        """The names of the methods that a plugin must have."""
        return tuple(n for n, value in vars(self.contract).items() if callable(value) and not n.startswith("_"))

    def load_checks(self) -> Mapping[str, Callable[[Any], None]]:
        """The conformance checks by name. Each raises ``AssertionError`` where a plugin fails it."""
        checks: Mapping[str, Callable[[Any], None]] = pkgutil.resolve_name(self.checks)
        return checks
