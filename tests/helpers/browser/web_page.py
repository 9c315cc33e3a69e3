"""Pages in a real browser: what they printed and asked for, whether they show an error, whether anything is cut off."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# The elements whose text does not fit: wider than their box and not meant to be scrolled. What has no size is hidden.
_CUT_OFF = """
() => [...document.querySelectorAll('body *')].filter(element => {
  const style = getComputedStyle(element);
  const hides = ['hidden', 'clip'].includes(style.overflowX) || style.textOverflow === 'ellipsis';
  const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
  return own && hides && element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1;
}).map(element => element.tagName + ': ' + element.textContent.trim().slice(0, 60))
"""

# Texts of drawings that reach beyond the drawing's edge.
_OUTSIDE = """
() => [...document.querySelectorAll('svg')].flatMap(drawing => {
  const frame = drawing.getBoundingClientRect();
  return [...drawing.querySelectorAll('text')].filter(text => {
    const box = text.getBoundingClientRect();
    return box.width > 0 && (box.left < frame.left - 1 || box.right > frame.right + 1
      || box.top < frame.top - 1 || box.bottom > frame.bottom + 1);
  }).map(text => text.textContent);
})
"""

_TOO_WIDE = """
() => [...document.querySelectorAll('body *')].filter(element => {
  for (let parent = element.parentElement; parent; parent = parent.parentElement)
    if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(parent).overflowX)) return false;
  return element.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
}).map(element => element.tagName + '.' + element.className)
"""


def find_chromium() -> str:
    """The path of the system's Chromium; the test is skipped where there is none."""
    for name in CHROMIUMS:
        if found := shutil.which(name):
            return found
    pytest.skip("no Chromium is installed: apt-get install chromium")


@contextmanager
def start_browser() -> Iterator[Browser]:
    """The system's Chromium without a window, driven by playwright; skips where one of them is missing."""
    path = find_chromium()
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'")
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path)
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page with everything that it complained of: ``console`` has errors and warnings of the console and exceptions,
    ``requests`` the addresses that it asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.console: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self._note("error", str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.console.append(f"{kind}: {text}")

    def overflow(self) -> dict[str, Any]:
        """What does not fit: pixels by which the page is too wide and the elements that make it so, elements whose text
        is cut off, and texts outside of their drawing."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return {
            "too wide": max(0, wide),
            "because of": self.page.evaluate(_TOO_WIDE) if wide > 0 else [],
            "cut off": self.page.evaluate(_CUT_OFF),
            "outside": self.page.evaluate(_OUTSIDE),
        }


FITS: dict[str, Any] = {"too wide": 0, "because of": [], "cut off": [], "outside": []}
"""What ``Watched.overflow`` says of a page where everything fits."""
