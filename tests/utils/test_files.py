"""Files that appear whole, locks between processes, and large arrays on a disk that is too small for them."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from tlsearch.data.images.pixels import new_pixels
from tlsearch.errors import RunError
from tlsearch.utils.files import atomic_path, file_lock, keep_on_disk, reserve, write_atomically
from tlsearch.utils.mapped import create_array


def test_the_room_of_an_array_is_set_aside_when_it_is_made(tmp_path: Path) -> None:
    file = tmp_path / "new.npy"
    array = create_array(file, (100, 1000), "uint8")
    assert file.stat().st_blocks * 512 >= 100_000
    array[99] = 7
    array.flush()
    np.testing.assert_array_equal(np.load(file)[98:, 0], [0, 7])
    assert file.stat().st_size == 100_000 + 128


def test_a_full_disk_is_told_before_anything_is_written(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        create_array(small_disk / "large.npy", (2_000_000,), "uint8")
    with pytest.raises(RunError, match=r"disk cannot hold 1\.4 MB more \(No space left on device\): make room there"):
        new_pixels(small_disk / "pixels.npy", 30, 125)
    assert list(small_disk.iterdir()) == []


def test_a_system_that_cannot_set_room_aside_gets_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "not here")

    monkeypatch.setattr("tlsearch.utils.files.os.posix_fallocate", refuse)
    array = create_array(tmp_path / "new.npy", (10, 10), "float32")
    array[:] = 2
    with (tmp_path / "plain").open("w+b") as file:
        reserve(file, 5000)
    assert array.sum() == 200
    assert (tmp_path / "plain").stat().st_size == 5000


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize(("content", "bytes_of"), [("grün\n", "grün\n".encode()), (b"\x00\r\n", b"\x00\r\n")])
def test_a_file_is_written_as_it_is(tmp_path: Path, content: str | bytes, bytes_of: bytes, durable: bool) -> None:
    (tmp_path / "file").write_text("what was there before")
    write_atomically(tmp_path / "file", content, durable=durable)
    assert (tmp_path / "file").read_bytes() == bytes_of
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_after_an_error_there_is_what_was_there_before(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "file").write_text("before")

    def fail() -> None:
        with atomic_path(tmp_path / "file") as part:
            part.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert (tmp_path / "file").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_on_a_full_disk_nothing_is_left_of_a_file(small_disk: Path) -> None:
    write_atomically(small_disk / "file", "before")
    with pytest.raises(OSError, match="No space left"):
        write_atomically(small_disk / "file", b"x" * 2_000_000)
    assert (small_disk / "file").read_text() == "before"
    assert [path.name for path in small_disk.iterdir()] == ["file"]


def test_where_nothing_is_written_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("before")
    with atomic_path(tmp_path / "file"):
        pass
    assert (tmp_path / "file").read_text() == "before"
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "no folder" / "file", "")


def test_of_writers_at_once_one_wins_as_a_whole(tmp_path: Path) -> None:
    texts = [str(number) * 200_000 for number in range(4)]
    seen: list[str] = []

    def write(text: str) -> None:
        for _ in range(10):
            write_atomically(tmp_path / "file", text)
            seen.append((tmp_path / "file").read_text())

    threads = [threading.Thread(target=write, args=[text]) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 40
    assert set(seen) <= set(texts)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


COUNT = """
import sys
from pathlib import Path
from tlsearch.utils.files import file_lock
file = Path(sys.argv[1])
for _ in range(25):
    with file_lock(file.with_name("lock")):
        file.write_text(str(int(file.read_text()) + 1))
"""


def test_one_process_at_a_time_is_inside(tmp_path: Path) -> None:
    (tmp_path / "count").write_text("0")
    running = [subprocess.Popen([sys.executable, "-c", COUNT, str(tmp_path / "count")]) for _ in range(3)]
    assert [process.wait(timeout=60) for process in running] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "75"
    assert [path.name for path in tmp_path.iterdir()] == ["count"]


def test_who_waits_too_long_is_told(tmp_path: Path) -> None:
    with file_lock(tmp_path / "lock"):
        with pytest.raises(TimeoutError), file_lock(tmp_path / "lock", timeout=0.1):
            pytest.fail("both are inside")
        assert (tmp_path / "lock").exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_file_system_without_locks_keeps_nobody_out_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    import fcntl

    def refuse(*_: object) -> None:
        raise OSError(number, "not here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    for _ in range(2):
        with file_lock(tmp_path / "lock", timeout=0):
            pass
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_lock_is_made(tmp_path: Path) -> None:
    with file_lock(tmp_path / "new" / "lock"):
        assert (tmp_path / "new" / "lock").exists()


def test_a_lock_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"), file_lock(tmp_path / "file" / "lock"):
        pytest.fail("inside")


def test_a_folder_is_on_the_disk_with_all_that_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model" / "inner").mkdir(parents=True)
    files = [tmp_path / "model" / "model.keras", tmp_path / "model" / "inner" / "head.npz"]
    for file in files:
        file.write_bytes(b"weights")
    synced = set[int]()
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))
    keep_on_disk(tmp_path / "model")
    assert synced == {file.stat().st_ino for file in files}
    keep_on_disk(tmp_path / "not there")

    def cannot(descriptor: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", cannot)  # on a file system that cannot be asked
    keep_on_disk(files[0])
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        keep_on_disk(files[0])
