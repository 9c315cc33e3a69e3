"""Further distributions that lie in the same checkout: a name of theirs is known where they are not installed."""

from __future__ import annotations

from collections.abc import Sequence

from tlsearch.utils.texts import choose_plugin, hint

BACKBONES = {
    "tlsearch-efficientnet-lite": ("efficientnet_lite1", "efficientnet_lite2"),
    "tlsearch-hub": ("vit_b16", "deit_tiny", "deit_small", "dinov2_small", "dinov2_base", "hub_preset"),
}
"""The backbones of each distribution."""


def not_there(kind: str, name: str, known: Sequence[str]) -> str:
    """What to say where no plugin of that name is installed: which distribution has it, or what is called alike.

    Args:
        kind: That of the plugin, or "plugin" for any.
        name: What was asked for.
        known: The names that there are.
    """
    for distribution, names in BACKBONES.items():
        if kind in ("backbone", "plugin") and name in names:
            return (
                f"The backbone {name!r} is not installed: it is one of {distribution}, so install that with "
                f"`pip install ./plugins/{distribution}` in a checkout of tlsearch."
            )
    return f"There is no {kind} {name!r}: {hint(name, known, choose_plugin(known))}"
