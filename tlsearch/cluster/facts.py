"""What must be the same on every node, because results depend on it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class HostFacts:
    """What a node has installed.

    Attributes:
        node: How people know the node: the name of its machine.
        node_id: How Ray knows it.
        python: The version of Python, such as 3.12.
        tlsearch: The version of tlsearch.
        keras: The version of Keras.
        plugins: Every plugin that is installed there, with its version, sorted.
    """

    node: str
    node_id: str
    python: str
    tlsearch: str
    keras: str
    plugins: tuple[str, ...]


def difference(here: HostFacts, there: HostFacts) -> str:
    """What is not the same on a node as here, as a clause for people; empty where all is."""
    for name in ("python", "tlsearch", "keras"):
        one, other = getattr(here, name), getattr(there, name)
        if one != other:
            return f"it has {name.capitalize() if name != 'tlsearch' else name} {other} and this machine has {one}"
    lacking = sorted(set(here.plugins) - set(there.plugins))
    further = sorted(set(there.plugins) - set(here.plugins))
    if lacking:
        return f"it lacks the {lacking[0]}, which is installed here"
    if further:
        return f"it has the {further[0]}, which is not installed here"
    return ""
