"""Addresses give what the folder gives that lies there. No test leaves this machine."""

from __future__ import annotations

import os
import shutil
import threading
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.servers.folder_server import Handler, Server, options, read, refusal
from tlsearch.data.sources import read_source
from tlsearch.data.survey import scan
from tlsearch_plugins.readers.remote import mirror
from tlsearch_plugins.readers.remote.file_systems import Remote

# The libraries close their connections when the process ends.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.filterwarnings("ignore:.*utcnow")]


def test_a_folder_of_a_server_gives_what_the_folder_gives(tmp_path: Path, served: Path, server: Server) -> None:
    (served / "dataset" / "train" / ".hidden.png").write_bytes(b"x")
    index = scan(f"{server.url}/dataset/", reading=options(tmp_path))
    assert index.fingerprint == scan(served / "dataset").fingerprint
    assert index.root.name == "dataset"
    assert index.reading is not None
    assert index.reading.understood[0] == f"16 files of {server.url}/dataset/"
    assert len(server.gets()) == 16


def heard_while(address: str, folder: Path) -> list[tuple[float, float, str]]:
    """What is told of progress while an address is read, and that it comes from one thread and only rises."""
    told: list[tuple[float, float, str]] = []
    threads = set()

    def progress(done: float, total: float, what: str) -> None:
        threads.add(threading.get_ident())
        told.append((done, total, what))

    read_source(address, replace(options(folder), progress=progress))
    assert threads == {threading.get_ident()}
    for before, after in pairwise(told):
        assert before[0] <= after[0] or before[2].partition(":")[0] != after[2].partition(":")[0]
    return told


def test_it_is_told_how_far_a_download_is(tmp_path: Path, served: Path, server: Server) -> None:
    told = heard_while(f"{server.url}/dataset", tmp_path)
    size = sum(file.stat().st_size for file in (served / "dataset").rglob("*.png"))
    assert told[0] == (0.0, 1.0, f"looking what lies at {server.url}/dataset")
    assert told[-1][:2] == (1.0, 1.0)
    assert told[-1][2] == (
        f"downloading {server.url}/dataset: 16 of 16 files, {size / 1e6:,.1f} of {size / 1e6:,.1f} MB"
    )
    assert len({done for done, *_ in told}) > 4  # files arrive several at once
    assert [what for *_, what in heard_while(f"{server.url}/dataset", tmp_path)] == [told[0][2]]  # nothing to be done


def test_it_is_told_how_far_one_large_file_is(
    tmp_path: Path, served: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Path(shutil.make_archive(str(served / "pets"), "zip", served / "dataset"))
    with archive.open("ab") as stream:  # a zip file may have anything before its end; here it is a comment
        stream.seek(-2, os.SEEK_END)
        stream.write((60_000).to_bytes(2, "little") + b"x" * 60_000)

    def drip(self: Handler, source: Any, target: Any) -> None:
        while block := source.read(8192):
            target.write(block)
            target.flush()
            time.sleep(0.03)

    monkeypatch.setattr(Handler, "copyfile", drip)
    monkeypatch.setattr(mirror, "_SHOWN_EVERY", 0.01)
    told = heard_while(f"{server.url}/pets.zip", tmp_path)
    downloading = [done for done, _, what in told if what.startswith("downloading")]
    assert len([done for done in set(downloading) if 0 < done < 1]) >= 2
    assert downloading[-1] == 1
    unpacking = [(done, what) for done, _, what in told if what.startswith("unpacking pets.zip: ")]
    assert unpacking[-1][0] == 1
    assert "16 files" in unpacking[-1][1]


def test_only_what_has_changed_is_downloaded(tmp_path: Path, served: Path, server: Server) -> None:
    address = f"{server.url}/dataset"
    read(address, tmp_path)
    server.asked.clear()
    read(address, tmp_path)
    assert server.gets() == []

    files = sorted((served / "dataset").rglob("*.png"))
    files[0].unlink()
    shutil.copy(files[2], files[1])  # which is another size
    shutil.copy(files[2], files[3].with_name("new.png"))
    os.utime(files[1], (1, 1))
    index = scan(address, reading=options(tmp_path))
    assert len(server.gets()) == 2
    assert index.fingerprint == scan(served / "dataset").fingerprint


def test_an_interrupted_download_goes_on(tmp_path: Path, served: Path, server: Server) -> None:
    downloads = Remote.download

    def in_order(self: Remote, file: Any, target: str, on_bytes: Any) -> None:
        if "test/ash/003" not in file.path:
            downloads(self, file, target, on_bytes)
            return
        raise ConnectionResetError

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Remote, "download", in_order)
        assert "cannot be reached (ConnectionResetError)" in refusal(f"{server.url}/dataset", tmp_path)
    already = len(server.gets())
    assert already
    assert not list((tmp_path / "cache").rglob("*.part"))
    server.asked.clear()
    index = scan(f"{server.url}/dataset", reading=options(tmp_path))
    assert len(server.gets()) == 16 - already
    assert index.fingerprint == scan(served / "dataset").fingerprint


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_an_archive_of_a_server(tmp_path: Path, served: Path, server: Server, kind: str) -> None:
    archive = Path(shutil.make_archive(str(served / "pets"), kind, served / "dataset"))
    index = scan(f"{server.url}/{archive.name}?download=1", reading=options(tmp_path))
    assert index.fingerprint == scan(served / "dataset").fingerprint
    assert index.reading is not None
    assert index.reading.understood[0].startswith("1 file of http://127.0.0.1:")
    assert index.reading.understood[1] == f"unpacked {archive.name} (16 files)"


def flat(served: Path) -> Path:
    """A folder with a table, the images that it names, in a folder of their own, and one that it does not name."""
    folder = served / "flat"
    (folder / "blue images").mkdir(parents=True)
    files = sorted((served / "dataset" / "train").rglob("*.png"))
    for file in files:
        shutil.copy(file, folder / "blue images" / f"{file.parent.name[0]}-{file.name}")
    shutil.copy(files[0], folder / "another.png")
    rows = [f"blue images/{file.parent.name[0]}-{file.name},{file.parent.name}" for file in files]
    (folder / "labels.csv").write_text("\n".join(["file,kind", *rows, "blue images/gone.png,ash"]))
    return folder


def test_a_table_of_a_server_brings_the_images_that_it_names(tmp_path: Path, served: Path, server: Server) -> None:
    folder = flat(served)
    address = f"{server.url}/flat/labels.csv?token=SIGNATURE"
    index = scan(address, reading=options(tmp_path))
    assert index.fingerprint == scan(folder / "labels.csv").fingerprint
    assert index.counts == {"ash": 4, "blue birch": 4}
    assert index.reading is not None
    assert index.reading.understood[0] == f"9 files of {server.url}/flat/labels.csv"
    assert sum("gone" not in asked for asked in server.gets(".png?token=SIGNATURE")) == 8
    server.asked.clear()
    assert scan(address, reading=options(tmp_path)).fingerprint == index.fingerprint
    assert not [asked for asked in server.gets(".png?token=SIGNATURE") if "gone" not in asked]


def test_a_table_of_a_server_without_images_beside_it(tmp_path: Path, served: Path, server: Server) -> None:
    folder = flat(served)
    shutil.move(folder / "labels.csv", served / "labels.csv")
    said = refusal(f"{server.url}/labels.csv?token=SIGNATURE", tmp_path)
    assert f"{server.url}/labels.csv is a table, and the images that it names do not lie beside it" in said
    assert f"such as {server.url}/, or the folder of images on this machine with --images DIR." in said
    here = replace(options(tmp_path), images=str(folder))
    assert len(scan(f"{server.url}/labels.csv", reading=here).images) == 8


def test_a_server_that_is_gone_is_read_from_its_copy_with_a_note(tmp_path: Path, served: Path, server: Server) -> None:
    address = f"{server.url}/dataset"
    first = read(address, tmp_path)
    server.failing["dataset"] = 503
    again = read(address, tmp_path)
    assert again.items == first.items
    (note,) = again.notes
    assert note.startswith("The copy of 2")
    assert note.endswith("is read. " + f"{address} cannot be read now, as the server answers 503: try again later.")
