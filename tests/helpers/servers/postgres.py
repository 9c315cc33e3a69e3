"""A PostgreSQL server on a free loopback port, for as long as a test needs it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.helpers.servers.mlflow_server import free_port

USER, PASSWORD = "keeper", "s3cret/of@keeper"


@contextmanager
def postgres() -> Iterator[str]:
    """The host and port of a server whose database ``postgres`` opens to ``USER`` with ``PASSWORD``.

    Skips the test where PostgreSQL is not installed.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    ours = shutil.which("initdb")
    if not found and ours is None:
        pytest.skip("PostgreSQL is not installed")
    programs = found[-1] if found else Path(str(ours)).parent
    with TemporaryDirectory(prefix="tlsearch-postgres-") as folder:
        data, port = Path(folder) / "data", free_port()
        password = Path(folder) / "password"
        password.write_text(PASSWORD)
        as_user = _as_user(Path(folder))
        subprocess.run(
            [*as_user, str(programs / "initdb"), "-D", data, "-U", USER, "--pwfile", password, "-A", "scram-sha-256"],
            check=True, capture_output=True, cwd=folder,
        )  # fmt: skip
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        control = [*as_user, str(programs / "pg_ctl"), "-D", str(data), "-w"]
        # Its output goes into a file, for it would keep a pipe open.
        subprocess.run([*control, "-l", f"{folder}/log", "-o", options, "start"], check=True, cwd=folder)
        try:
            yield f"127.0.0.1:{port}"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, cwd=folder, stdout=subprocess.DEVNULL)


def _as_user(folder: Path) -> list[str]:
    """How to start its programs, which refuse to run as root."""
    if os.getuid():
        return []
    try:
        owner = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    for file in folder.iterdir():
        os.chown(file, owner.pw_uid, owner.pw_gid)
    return ["runuser", "-u", "postgres", "--"]
