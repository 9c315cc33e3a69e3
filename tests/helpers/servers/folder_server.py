"""A server that shows a folder, and what is read from its addresses."""

from __future__ import annotations

import functools
import http.server
from pathlib import Path
from typing import Any

import pytest

from tlsearch.data.sources import read_source
from tlsearch.errors import DataError
from tlsearch.plugin_api import Reading, ReadingOptions

SECRETS = ("hunter2", "SIGNATURE")


class Server(http.server.ThreadingHTTPServer):
    """Serves a folder.

    Attributes:
        asked: "METHOD path" of every request.
        failing: Paths that hold one of these words are answered with ``status``.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        self.asked: list[str] = []
        self.failing: dict[str, int] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def gets(self, ending: str = ".png") -> list[str]:
        return [asked for asked in self.asked if asked.startswith("GET") and asked.endswith(ending)]


class Handler(http.server.SimpleHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def send_head(self) -> Any:
        self.server.asked.append(f"{self.command} {self.path}")
        for word, status in self.server.failing.items():
            if word in self.path:
                self.send_error(status)
                return None
        return super().send_head()


def options(folder: Path) -> ReadingOptions:
    return ReadingOptions(cache=folder / "cache")


def read(address: str, folder: Path) -> Reading:
    return read_source(address, options(folder))


def refusal(address: str, folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(address, folder)
    said = str(caught.value)
    assert said.endswith(".")
    assert "\n" not in said
    assert not any(secret in said for secret in SECRETS)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return said
