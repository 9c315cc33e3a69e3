"""The page of a result, parsed as a browser does."""

from __future__ import annotations

import tempfile
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from PIL import Image

from tests.helpers.results.sample_result import SAMPLE
from tlsearch.report.html import write_report
from tlsearch.results.result import RunResult

VOID = {"meta", "img", "br", "link", "use", "input", "wbr"}


class Page(HTMLParser):
    """The tags, ids, addresses and visible text of a page; an unbalanced tag fails the test."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self._inside_word = False
        self.feed(self.source)
        self.close()
        assert self.open == []

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._inside_word = tag == "wbr"
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"style", "script"} & set(self.open):
            return
        if self._inside_word:
            self.words[-1] += data
        else:
            self.words.append(data)
        self._inside_word = False


def render(result: RunResult, tmp_path: Path) -> Page:
    """The page of a result. That of the sample without its pictures is drawn once for all tests."""
    if result is SAMPLE and not (tmp_path / "data").exists():
        return _sample_page()
    return _fresh_page(result, tmp_path)


def _fresh_page(result: RunResult, folder: Path) -> Page:
    return Page(write_report(result, folder / "out", folder / "data"))


@cache
def _sample_page() -> Page:
    with tempfile.TemporaryDirectory() as folder:
        return _fresh_page(SAMPLE, Path(folder))


def save_mistakes(tmp_path: Path, *names: str) -> None:
    for name in names or ("shirt/1.jpg", "hat/2.jpg"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (400, 300), (200, 30, 30)).save(path)
