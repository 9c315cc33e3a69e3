"""Buckets give what the folder gives that lies there. No test leaves this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.servers.bucket import serve_bucket
from tests.helpers.servers.folder_server import options, read, refusal
from tlsearch.data.survey import scan

# The libraries close their connections when the process ends.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.filterwarnings("ignore:.*utcnow")]


@pytest.fixture
def bucket(served: Path) -> Iterator[Any]:
    """A bucket ``pets`` of a local S3 server that holds the folder ``served``."""
    with serve_bucket("pets", served, "v1") as client:
        yield client


def test_a_bucket_gives_what_the_folder_gives(tmp_path: Path, served: Path, bucket: Any) -> None:
    index = scan("s3://pets/v1/dataset", reading=options(tmp_path))
    assert index.fingerprint == scan(served / "dataset").fingerprint
    times = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*.png")}

    bucket.delete_object(Bucket="pets", Key="v1/dataset/train/ash/000.png")
    bucket.put_object(
        Bucket="pets",
        Key="v1/dataset/train/ash/009.png",
        Body=(served / "new.png").read_bytes() if (served / "new.png").exists() else next(iter(times)).read_bytes(),
    )
    again = read("s3://pets/v1/dataset", tmp_path)
    names = {item.path for item in again.items}
    assert "train/ash/000.png" not in names
    assert "train/ash/009.png" in names
    kept = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*.png")}
    assert len(kept.items() & times.items()) == 15


def test_an_archive_in_a_bucket(tmp_path: Path, served: Path, bucket: Any) -> None:
    archive = shutil.make_archive(str(tmp_path / "pets"), "zip", served / "dataset")
    bucket.upload_file(archive, "pets", "pets.zip")
    index = scan("s3://pets/pets.zip", reading=options(tmp_path))
    assert index.fingerprint == scan(served / "dataset").fingerprint


@pytest.mark.parametrize("ending", [".png", ""])
def test_a_table_in_a_bucket_brings_the_images_that_it_names(
    tmp_path: Path, served: Path, bucket: Any, ending: str
) -> None:
    files = sorted((served / "dataset" / "train").rglob("*.png"))
    rows = ["file,label"]
    for number, file in enumerate(files):
        bucket.upload_file(str(file), "pets", f"flat/images/{number}.png")
        rows.append(f"{number}{ending},{file.parent.name}")
    bucket.upload_file(str(files[0]), "pets", "flat/images/another.png")
    bucket.put_object(Bucket="pets", Key="flat/labels.csv", Body="\n".join(rows).encode())
    reading = read("s3://pets/flat/labels.csv", tmp_path)
    assert {item.file.name: set(item.labels) for item in reading.items} == {
        f"{number}.png": {file.parent.name} for number, file in enumerate(files)
    }
    assert reading.understood[0] == "9 files of s3://pets/flat/labels.csv"


def test_what_a_bucket_refuses(tmp_path: Path, bucket: Any) -> None:
    assert refusal("s3://pets/v2", tmp_path) == "There is nothing at s3://pets/v2: check the address."
    assert "There is nothing at s3://nobody/v2" in refusal("s3://nobody/v2", tmp_path)
