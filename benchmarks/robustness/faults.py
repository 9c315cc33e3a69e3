"""The world that a soak runs in, and what goes wrong in it: a server, a proxy in front of it, a disk for its files."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psutil

from benchmarks.common.results import say
from tests.helpers.poor_files import poor
from tests.helpers.servers.bad_proxy import Behaviour, bad_proxy
from tests.helpers.servers.mlflow_server import free_port, mlflow_server
from tests.helpers.servers.postgres import PASSWORD as DATABASE_PASSWORD
from tests.helpers.servers.postgres import USER as DATABASE_USER
from tests.helpers.servers.postgres import postgres

ADMIN, ADMIN_PASSWORD = "admin", "p@ss/word-1234"

DISK_BYTES = 256 << 20
"""The size of the disk for the files of runs, where it is one of its own."""

PAUSES = (3.0, 30.0)
"""Seconds between the end of a fault and the next one, at least and at most."""


@dataclass(kw_only=True)
class World:
    """An MLflow server with logins on PostgreSQL, whose files lie on a disk of their own, behind a proxy.

    Attributes:
        home: The folder of the server.
        database: Host and port of PostgreSQL.
        port: Where the server answers.
        how: What the proxy does.
        disk: What stands for the full disk: "tmpfs", a file system of its own, or "shim", a library that refuses the
            server's writes as a full disk does.
        address: Of the proxy, without a login.
    """

    home: Path
    database: str
    port: int
    how: Behaviour
    disk: str
    address: str = ""
    _running: ExitStack = field(default_factory=ExitStack)

    @property
    def files(self) -> Path:
        """Where the server keeps the files of runs."""
        return self.home / "disk" / "files"

    @property
    def login(self) -> str:
        """The address of the proxy with the login."""
        return self.address.replace("://", f"://{ADMIN}:{quote(ADMIN_PASSWORD, safe='')}@")

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        variables = {
            "MLFLOW_AUTH_CONFIG_PATH": str(self.home / "auth.ini"),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "k",
            **(poor(room=self.files) if self.disk == "shim" else {}),
        }
        password = quote(DATABASE_PASSWORD, safe="")
        self._running.enter_context(
            mlflow_server(
                f"postgresql+psycopg2://{DATABASE_USER}:{password}@{self.database}/postgres",
                self.home / "server.log",
                self.port,
                options=("--app-name", "basic-auth", "--artifacts-destination", str(self.files)),
                variables=variables,
            )
        )

    def kill(self) -> None:
        """Kill the server and all its processes."""
        for process in psutil.Process().children():
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                if str(self.port) in process.cmdline():
                    os.killpg(process.pid, signal.SIGKILL)
        self._running.close()

    def fill_disk(self) -> None:
        """Leave no room for files of runs."""
        if self.disk == "shim":
            (self.files.parent / "full").touch()
            return
        with contextlib.suppress(OSError), (self.files.parent / "ballast").open("wb") as ballast:
            while True:
                ballast.write(bytes(1 << 16))
                ballast.flush()

    def empty_disk(self) -> None:
        """Make room again."""
        for name in ("full", "ballast"):
            (self.files.parent / name).unlink(missing_ok=True)


@contextmanager
def world(home: Path) -> Iterator[World]:
    """A world in the folder ``home``, with its server started; all of it ends with the block."""
    disk, place = "tmpfs", home / "disk"
    place.mkdir(parents=True)
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(place)]
    if subprocess.run(mounted, capture_output=True, check=False).returncode:
        disk = "shim"
    (place / "files").mkdir()
    (home / "auth.ini").write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{home}/auth.db\nadmin_username = {ADMIN}\n"
        f"admin_password = {ADMIN_PASSWORD}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    try:
        with postgres() as database:
            port = free_port()
            how = Behaviour(behind=f"http://127.0.0.1:{port}")
            made = World(home=home, database=database, port=port, how=how, disk=disk)
            with bad_proxy(how) as made.address:
                made.start()
                try:
                    yield made
                finally:
                    made.kill()
    finally:
        if disk == "tmpfs":
            subprocess.run(["umount", "--lazy", str(place)], capture_output=True, check=False)


class Faults:
    """What goes wrong, at random moments, in a thread of its own, for so many seconds; then all is mended.

    Attributes:
        counts: How often each fault has happened.
    """

    def __init__(self, where: World, seed: int, seconds: float) -> None:
        """Begin with the block, and end with it at the latest."""
        self._until = time.monotonic() + seconds
        self._world, self._chance = where, random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="faults", daemon=True)
        self.counts: Counter[str] = Counter()

    def __enter__(self) -> Faults:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _go_on(self) -> None:
        kinds: dict[str, Callable[[], None]] = {
            "server killed": self._kill_server,
            "files refused (413)": self._refuse_files,
            "slow answers": self._be_slow,
            "disk of files full": self._fill_disk,
            "worker killed": self._kill_worker,
        }
        while not self._over.wait(self._chance.uniform(*PAUSES)) and time.monotonic() < self._until:
            name = self._chance.choice(list(kinds))
            say(f"fault: {name}")
            kinds[name]()
            self.counts[name] += 1

    def _last(self, shortest: float, longest: float) -> None:
        self._over.wait(self._chance.uniform(shortest, longest))

    def _kill_server(self) -> None:
        self._world.kill()
        self._last(1.0, 15.0)
        self._world.start()

    def _refuse_files(self) -> None:
        self._world.how.refuse["/mlflow-artifacts/"] = 413
        self._last(5.0, 20.0)
        self._world.how.refuse.clear()

    def _be_slow(self) -> None:
        self._world.how.delay = self._chance.uniform(0.2, 1.5)
        self._last(5.0, 15.0)
        self._world.how.delay = 0.0

    def _fill_disk(self) -> None:
        self._world.fill_disk()
        self._last(5.0, 20.0)
        self._world.empty_disk()

    def _kill_worker(self) -> None:
        """Kill a worker of a run that goes on; waits a while for one."""
        until = time.monotonic() + 20
        while time.monotonic() < until and not self._over.wait(0.5):
            workers = [process for process in psutil.Process().children(recursive=True) if _is_worker(process)]
            if workers:
                with contextlib.suppress(psutil.Error):
                    self._chance.choice(workers).kill()
                return


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "tlsearch.worker" in process.cmdline()
    except psutil.Error:
        return False
