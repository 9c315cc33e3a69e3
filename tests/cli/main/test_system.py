"""What a system has against a command: files that cannot be written, names that cannot be, a folder that is gone."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.runs.small_run import tlsearch
from tlsearch.results.result import RunResult, write_result

LONG = "a" * 300


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "data", "--output", LONG],
        ["run", LONG],
        ["run", "data", "--output", "circle"],
        ["run", "circle"],
        ["resume", LONG],
        ["report", "circle"],
        ["check", LONG],
        ["cache", "info", "--cache-dir", LONG],
        ["predict", LONG, "x.png"],
    ],
)
def test_a_path_that_there_cannot_be_is_a_sentence(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    done = tlsearch(*arguments)
    assert done.exit_code == 2, done.output
    assert "but it must be a path that the system can follow (" in done.stderr
    assert "unexpectedly" not in done.output


def test_a_report_in_a_folder_that_may_only_be_read(sample: RunResult, disk: Callable[[str], Path]) -> None:
    folder = disk("size=10m")
    write_result(sample, folder)
    disk("ro")
    done = tlsearch("report", folder)
    assert done.exit_code == 2, done.output
    assert done.stderr == (
        f"error: {folder} cannot be used (Read-only file system): change what it permits, or name another place.\n"
    )
    assert "Pre-training helped." in done.stdout  # the result is shown all the same


def test_a_report_on_a_full_disk(sample: RunResult, disk: Callable[[str], Path]) -> None:
    folder = disk("size=1m")
    write_result(sample, folder)
    (folder / "in the way").write_bytes(b"0" * (os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize))
    done = tlsearch("report", folder)
    assert done.exit_code == 1, done.output
    assert done.stderr in (  # the system names no file where it was open already
        f"error: {place} is full: make room there, and call this again.\n" for place in (folder, "A disk")
    )


def test_the_cache_of_a_disk_that_may_only_be_read_is_shown_and_not_cleared(disk: Callable[[str], Path]) -> None:
    folder = disk("size=1m")
    (folder / "features").mkdir()
    (folder / "features" / "abc.npy").write_bytes(b"0" * 1000)
    disk("ro")
    assert "1 files" in tlsearch("cache", "info", "--cache-dir", folder).stdout
    done = tlsearch("cache", "clear", "--cache-dir", folder)
    assert done.exit_code == 2, done.output
    assert "cannot be used (Read-only file system)" in done.stderr


def test_sources_that_cannot_be_removed_are_not_called_removed(disk: Callable[[str], Path]) -> None:
    folder = disk("size=1m")
    (folder / "features").mkdir()
    (folder / "sources" / "pets").mkdir(parents=True)
    (folder / "sources" / "pets" / "a.png").write_bytes(b"0" * 1000)
    disk("ro")
    done = tlsearch("cache", "clear", "--sources", "--cache-dir", folder)
    assert done.exit_code == 2, done.output
    assert f"{folder / 'sources'}\nremoved 0 files, 0.00 MB\n" in done.stdout
    assert f"1 file in {folder / 'sources'} cannot be removed: change what it permits" in done.stderr


def started(code: str, cwd: Path, *, before: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    """A process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        preexec_fn=before,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
    )


FAILING = """
import click
from tlsearch.cli.main import cli, main

def fail():
    raise ValueError("a picture called \\udce9")

cli.add_command(click.Command("fail", callback=fail))
main(["fail"])
"""


def test_an_error_that_names_a_file_without_a_name_in_utf8_is_kept(tmp_path: Path) -> None:
    done = started(FAILING, tmp_path)
    assert done.returncode == 1
    sentence, _, file = done.stderr.rstrip(".\n").partition("; the details are in ")
    assert sentence == r"error: tlsearch failed unexpectedly (ValueError: a picture called \udce9)"
    assert r"a picture called \udce9" in Path(file).read_text()
    Path(file).unlink()


def test_where_no_file_can_be_written_the_details_are_printed(tmp_path: Path) -> None:
    done = started(FAILING, tmp_path, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    assert done.stderr.endswith("; no file can be written, so the details stand above.\n")


RUN = "from tlsearch.cli.main import main\nmain(['run', '/images'])"


def test_a_working_directory_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    done = started(f"import os\nos.rmdir(os.getcwd())\n{RUN}", tmp_path / "gone")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: The working directory is no longer there: change to another one.\n"


def test_a_working_directory_without_a_name_in_utf8_is_a_sentence(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    done = started(RUN, folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: The name of the working directory '")
    assert done.stderr.endswith("is no text in UTF-8: rename it.\n")
    assert list(folder.iterdir()) == []
