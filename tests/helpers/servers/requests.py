"""Requests to the example server, and what it answers."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.servers import Question, ask


def raw(content: bytes) -> Question:
    return Question(content, "application/octet-stream")


def form(*files: Path) -> Question:
    """A form with these files, as a browser sends it."""
    parts = [
        b'--x\r\nContent-Disposition: form-data; name="a"; filename="%s"\r\nContent-Type: image/jpeg\r\n\r\n%s\r\n'
        % (file.name.encode(), file.read_bytes())
        for file in files
    ]
    return Question(b"".join(parts) + b"--x--\r\n", "multipart/form-data; boundary=x")


def refusal(address: str, question: Question, asked: str = "") -> tuple[int, str]:
    """The status and the sentence of an answer that is none."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(f"{address}/predict{asked}", question)
    with caught.value as answer:
        return answer.code, json.load(answer)["detail"]


def ask_health(address: str) -> Any:
    with urllib.request.urlopen(f"{address}/health", timeout=30) as answer:
        return json.load(answer)
