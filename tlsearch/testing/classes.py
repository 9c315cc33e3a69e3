"""The kit for pytest: subclass, and give the plugin as the fixture ``plugin``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

import pytest

from tlsearch.plugins.kinds import kind_named
from tlsearch.testing.kit import BACKENDS, installed_backends, target_of
from tlsearch.testing.outcome import Check, Checking, CheckResult
from tlsearch.testing.process import check_on_backend


class PluginTests:
    """The rules of a kind of plugin, a test each."""

    kind: ClassVar[str]
    checks: ClassVar[Mapping[str, Check]]

    expected_failures: ClassVar[Mapping[str, str]] = {}
    """Names of checks that the plugin cannot pass, each with the reason; such a check must fail."""

    _last: ClassVar[tuple[Any, Checking] | None] = None

    @pytest.fixture
    def plugin(self) -> Any:
        """The plugin to be checked: overwrite this."""
        raise NotImplementedError(f"{type(self).__name__} must have a fixture 'plugin' that gives the plugin")

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A test for each rule of the kind."""
        if "check" in metafunc.fixturenames:
            metafunc.parametrize("check", list(self.checks))

    def test_rule(self, plugin: Any, check: str) -> None:
        """One rule."""
        _judge(self._checking(plugin).result(check))

    @classmethod
    def _checking(cls, plugin: Any) -> Checking:
        """The checks of this plugin, and of the results those that there are; of one plugin after the other."""
        if cls._last is None or cls._last[0] is not plugin:
            cls._last = plugin, Checking(cls.checks, plugin, cls.expected_failures)
        return cls._last[1]

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_on_every_other_backend(self, plugin: Any, backend: str) -> None:
        """All checks again, in a process of their own, on each other backend of Keras that is installed."""
        if not kind_named(self.kind).uses_backend:
            pytest.skip(f"a {self.kind} uses no backend")
        import keras

        if backend == keras.backend.backend():
            pytest.skip(f"{backend} is the backend of all other tests here")
        if backend not in installed_backends():
            pytest.skip(f"{backend} is not installed")
        try:
            target = target_of(plugin)
        except ValueError as error:
            pytest.skip(str(error))
        results = list(check_on_backend(backend, self.kind, target, self.expected_failures))
        failed = [f"{result.name}: {_sentence(result)}" for result in results if result.status == "failed"]
        if failed:
            pytest.fail(f"on {backend}: " + "\n".join(failed), pytrace=False)


@cache
def tests_of(kind: str) -> type[PluginTests]:
    """The class of tests for a kind of plugin."""
    name = f"{kind.capitalize()}Tests"
    body = {"kind": kind, "checks": kind_named(kind).load_checks(), "__doc__": f"The rules of the kind {kind}."}
    return type(name, (PluginTests,), body)


def _judge(result: CheckResult) -> None:
    if result.status in ("skipped", "not run"):
        pytest.skip(result.detail if result.status == "skipped" else f"not run, {result.detail}")
    if result.status == "expected failure":
        pytest.xfail(result.detail)
    if not result.ok:
        pytest.fail(_sentence(result), pytrace=False)


def _sentence(result: CheckResult) -> str:
    """What is wrong, and the traceback from the plugin's own code on: that of the kit says nothing to its author."""
    return f"{result.detail}\n\n{result.traceback}" if result.traceback else result.detail
