"""The watch over pages sees what it is there to see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.helpers.browser.web_page import FITS, Watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SOUND = """
<div style="overflow-x: auto; width: 200px"><p style="width: 900px">a wide table that can be scrolled</p></div>
<svg width="200" height="50"><text x="10" y="30">inside</text></svg>
"""


@pytest.mark.parametrize(
    ("fault", "kind", "named"),
    [
        ('<p style="width: 900px">wider than the page</p>', "because of", "P."),
        ('<p style="width: 60px; overflow: hidden; white-space: nowrap">cut off at its edge</p>', "cut off", "P: cut"),
        ('<svg width="90" height="50"><text x="60" y="30">reaches far beyond</text></svg>', "outside", "reaches far"),
    ],
)
def test_what_does_not_fit_is_found(browser: Browser, fault: str, kind: str, named: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 600})
    watched = Watched(page)
    page.set_content(SOUND)
    assert watched.overflow() == FITS
    page.set_content(SOUND + fault)
    assert watched.overflow()[kind][0].startswith(named)
    page.close()


def test_complaints_and_requests_are_noted(browser: Browser) -> None:
    page = browser.new_page()
    page.route("**/*", lambda route: route.abort())
    watched = Watched(page)
    page.set_content(
        "<script>console.warn('careful'); console.log('fine'); setTimeout(() => { throw Error('oh'); })</script>"
        "<img src='http://host.invalid/picture.png'>"
    )
    page.wait_for_function("document.images[0].complete")
    assert watched.requests == ["http://host.invalid/picture.png"]
    assert "warning: careful" in watched.console
    assert any("oh" in line for line in watched.console)
    assert not any("fine" in line for line in watched.console)
    page.close()
