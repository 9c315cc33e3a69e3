"""Pictures in archives and folders answer as the files; what is broken says so and stops nothing."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.helpers.models.asking import png, problem
from tests.helpers.models.colour_model import write_picture
from tlsearch.predictor import Predictor

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def write_archive(path: Path, members: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return path
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar", "photos.tar.gz"])
def test_the_pictures_in_an_archive(name: str, predictor: Predictor, tmp_path: Path) -> None:
    members = {
        "cats/b.png": png((200, 0, 0)),
        "__MACOSX/cats/._b.png": b"junk",
        "cats/notes.txt": b"words",
        "cats/no ending": png((0, 200, 0)),
        "README": b"words",
        "cats/broken.jpg": b"\xff\xd8\xff",
        "a.png": png((0, 0, 200)),
    }
    archive = write_archive(tmp_path / name, members)
    found = predictor.predict([archive])
    assert [item.name for item in found] == [
        f"{archive}/{member}" for member in ("cats/b.png", "cats/no ending", "cats/broken.jpg", "a.png")
    ]
    assert [item.label for item in found] == ["red", "green", None, "blue"]
    assert [item.path for item in found] == [None] * 4


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_a_member_whose_path_leads_out_is_set_aside_and_named(name: str, predictor: Predictor, tmp_path: Path) -> None:
    paths = ("../../tmp/evil.png", "a/../../evil.png", "..\\evil.png", "..notes/b.png")
    archive = write_archive(
        tmp_path / name,
        {**{path: png((200, 0, 0)) for path in paths}, "../notes.txt": b"", "good.png": png((0, 0, 200))},
    )
    found = predictor.predict([archive])
    assert [item.name for item in found] == [*(f"{archive}/{path}" for path in paths[:3]), f"{archive}/good.png"]
    assert [item.label for item in found] == [None, None, None, "blue"]
    assert all("its path leads out of the archive" in str(item.error) for item in found[:3])


def test_an_archive_that_is_broken_or_empty_says_so_and_stops_nothing(predictor: Predictor, tmp_path: Path) -> None:
    whole = write_archive(tmp_path / "a.tar", {f"{n}.png": png((200, 0, 0)) for n in range(9)})
    (tmp_path / "cut.tar").write_bytes(whole.read_bytes()[:3000])
    (tmp_path / "none.zip").write_text("words")
    (tmp_path / "other.rar").write_text("words")
    write_archive(tmp_path / "empty.zip", {"notes.txt": b"words"})
    names = ("cut.tar", "none.zip", "other.rar", "empty.zip", "a.tar")
    found = predictor.predict([tmp_path / name for name in names])
    reasons = {Path(item.name).name: item.error for item in found if item.error}
    assert "it is a broken archive" in str(reasons["cut.tar"])
    assert "it is a broken archive" in str(reasons["none.zip"])
    assert "what stands before" in str(reasons["cut.tar"])
    assert "what stands before" not in str(reasons["none.zip"])
    assert "unpack it and name the folder" in str(reasons["other.rar"])
    assert reasons["empty.zip"] == "it is an archive without images"
    assert [item.label for item in found if item.name.startswith(str(whole))] == ["red"] * 9


def test_one_broken_file_in_a_zip_costs_no_other(predictor: Predictor, tmp_path: Path) -> None:
    """Whatever way it is compressed, and whatever is wrong with it."""
    red, path = png((200, 0, 0)), tmp_path / "a.zip"
    kinds = {"bz2.png": zipfile.ZIP_BZIP2, "lzma.png": zipfile.ZIP_LZMA, "zip.png": zipfile.ZIP_DEFLATED}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("first.png", red)
        for name, kind in kinds.items():
            archive.writestr(name, red, kind)
        archive.writestr("other.png", red)
        archive.writestr("last.png", red)
        places = {member.filename: member.header_offset for member in archive.infolist()}
    data = bytearray(path.read_bytes())
    for name in kinds:
        start = places[name] + 30 + len(name)
        data[start + 8 : start + 24] = bytes(16)
    data[places["other.png"] + 8] = 99  # a way to compress that nobody knows, here and in the list at the end
    data[data.rindex(b"other.png") - 46 + 10] = 99
    path.write_bytes(data)
    found = {item.name.rpartition("/")[2]: item for item in predictor.predict([path])}
    assert list(found) == ["first.png", *kinds, "other.png", "last.png"]
    assert [name for name, item in found.items() if item.error is None] == ["first.png", "last.png"]
    assert all(str(found[name].error).startswith("it is broken") for name in kinds)
    assert "compressed in a way that cannot be read here" in str(found["other.png"].error)


def test_links_in_an_archive_are_not_followed(predictor: Predictor, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("b.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert "a link or a device" in problem(predictor, tmp_path / "a.tar")


def test_a_folder_without_images_and_links_to_nowhere_say_so(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("words")
    assert problem(predictor, tmp_path / "empty") == "it is a folder without images"
    write_picture(tmp_path / "some" / "a.png", (200, 0, 0))
    (tmp_path / "some" / "b.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "some" / "circle").symlink_to(tmp_path / "some")
    found = predictor.predict(tmp_path / "some")
    assert [(Path(item.name).name, item.error) for item in found] == [
        ("a.png", None), ("b.png", "the symbolic link leads nowhere"),
    ]  # fmt: skip
