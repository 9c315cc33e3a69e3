"""The page of ``examples/web``, built as its README says, and asked in the system's Chromium."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.common.machine import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SOURCE = ROOT / "examples" / "web"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
UNREACHABLE = ("ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH")
"""What npm says where there is no registry."""

TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}

SECONDS_A_PICTURE = 10.0


class MissingToolError(Exception):
    """What the page needs to be built or shown is not on this machine; the message says what."""


def find_chromium() -> str:
    """The path of the system's Chromium.

    Raises:
        MissingToolError: There is none.
    """
    for name in CHROMIUMS:
        if found := shutil.which(name):
            return found
    raise MissingToolError("no Chromium is installed: apt-get install chromium")


def build_page(model: Path, work: Path) -> Path:
    """Build the page with an exported ONNX file in a copy of its folder below ``work``, and give the built folder.

    Raises:
        MissingToolError: There is no node or npm, or no registry answers.
        RuntimeError: The build fails.
    """
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise MissingToolError(f"{tool} is not installed: apt-get install npm")
    source, site = work / "web", work / "site"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("node_modules", "site"))
    _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], source)
    _run(["npm", "run", "build", "--", str(model.absolute()), str(site)], source)
    shutil.rmtree(source)
    return site


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        said = f"{done.stdout}\n{done.stderr}"
        kind = MissingToolError if any(code in said for code in UNREACHABLE) else RuntimeError
        raise kind(f"{' '.join(command)} failed: {said.strip()[-1000:]}")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a plain web server on ``folder``, on this machine's loopback."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def guess_type(self, path: str | PathLike[str]) -> str:
            """The type of a file; the system may not know these."""
            return TYPES.get(Path(path).suffix) or super().guess_type(path)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def open_page(browser: Browser, address: str, watch: Callable[[Page], object] | None = None) -> Page:
    """The page, loaded with its model; after that it has no network. ``watch`` gets it before it asks for anything."""
    context = browser.new_context()
    page = context.new_page()
    if watch is not None:
        watch(page)
    page.goto(f"{address}/index.html")
    # The policy of the page forbids what playwright's wait_for_function does.
    page.locator("#status", has_text="It knows").wait_for(timeout=120_000)
    context.set_offline(True)
    return page


def answers(page: Page, pictures: Sequence[Path]) -> list[Any]:
    """What the page says of picture files that are chosen in it: probabilities, or the sentence of an error."""
    before = page.locator("article").count()
    page.set_input_files("#files", [str(picture) for picture in pictures])
    last = page.locator("[data-probabilities], [data-error]").nth(before + len(pictures) - 1)
    last.wait_for(state="attached", timeout=SECONDS_A_PICTURE * 1000 * len(pictures))
    cards = page.locator("article").evaluate_all("cards => cards.map(card => ({...card.dataset}))")[before:]
    return [json.loads(card["probabilities"]) if "probabilities" in card else card["error"] for card in cards]
