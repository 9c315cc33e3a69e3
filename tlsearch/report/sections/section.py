"""What every section gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tlsearch.report.images import Chart, PhotoSheet


@dataclass(frozen=True)
class Section:
    """What the template shows, by name, and the pictures that are files too."""

    shown: Mapping[str, Any]
    pictures: tuple[Chart | PhotoSheet, ...] = ()
