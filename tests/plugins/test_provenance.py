"""Where a plugin comes from."""

from __future__ import annotations

from tlsearch.plugins.provenance import provenance
from tlsearch.plugins.registry import find_plugins


def test_provenance_is_distribution_and_version() -> None:
    (entry,) = [e for e in find_plugins("augmentation") if e.name == "flip"]
    assert provenance("augmentation", "flip") == f"{entry.distribution} {entry.version}"
    assert provenance("backbone", "small_cnn") == "tlsearch"
