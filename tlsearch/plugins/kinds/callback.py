"""Callbacks: objects that follow a run."""

from __future__ import annotations

from tlsearch.callbacks import CALLBACK_GROUP, Callback
from tlsearch.plugins.kinds.kind import PluginKind

KIND = PluginKind(
    name="callback",
    group=CALLBACK_GROUP,
    contract=Callback,
    summary="an object that follows runs",
    usage="",
    checks="tlsearch.testing.callback:CHECKS",
    uses_backend=False,
)
