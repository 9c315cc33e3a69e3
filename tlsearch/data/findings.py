"""Remarks on a data set: what kinds there are, and how grave each is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["info", "warning"]

KINDS: Mapping[str, Severity] = {
    "reading": "warning",
    "skipped": "warning",
    "passed_over": "info",
    "conflicting_labels": "warning",
    "duplicates": "info",
    "conflicting_lookalikes": "warning",
    "lookalikes": "info",
    "crossing_duplicates": "warning",
    "crossing_lookalikes": "warning",
    "crossing_groups": "warning",
    "groups": "info",
    "no_split": "warning",
    "class_names": "warning",
    "tiny_classes": "warning",
    "imbalance": "warning",
    "constant": "warning",
    "small_images": "warning",
    "colour_shortcut": "warning",
    "few_test_images": "info",
}
"""What findings there are, and how grave each is."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A remark: ``kind`` is fixed for programs, ``message`` one line for people, ``files`` those meant."""

    kind: str
    severity: Severity
    message: str
    files: tuple[str, ...] = ()


def finding(kind: str, message: str, files: tuple[str, ...] = ()) -> Finding:
    """A remark of that kind."""
    return Finding(kind=kind, severity=KINDS[kind], message=message, files=files)
