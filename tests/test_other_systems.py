"""Windows and macOS, as far as a Linux machine shows it: every module comes without what only POSIX systems have.

Nothing here runs on those systems. What they lack is taken away, and what asks for it must not notice.
"""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tlsearch.utils import files, signals
from tlsearch.utils.files import atomic_path
from tlsearch.utils.machine import usable_cores
from tlsearch.worker.client import KILLED

ROOT = Path(__file__).parents[1]
PACKAGES = (ROOT / "tlsearch", ROOT / "plugins" / "tlsearch_plugins")

# Of Python's documentation: "Availability: Unix" or "not Windows"; posix_fallocate, sched_getaffinity not on macOS.
OF_OS = """
chown chroot fchmod fchown fork forkpty getegid geteuid getgid getgroups getloadavg getpgid getpgrp getpriority
getresuid getsid getuid killpg lchown major minor mkfifo mknod nice openpty pathconf posix_fadvise posix_fallocate
posix_spawn pread preadv pwrite pwritev readv register_at_fork sched_getaffinity sched_setaffinity sendfile setegid
seteuid setgid setpgid setpriority setsid setuid statvfs sync sysconf tcgetpgrp ttyname uname wait wait3 wait4 waitid
WEXITSTATUS WIFEXITED WIFSIGNALED WNOHANG WTERMSIG writev
O_CLOEXEC O_DIRECT O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_SYNC O_TMPFILE
"""
OF_SIGNAL = """
SIGALRM SIGBUS SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTSTP SIGUSR1 SIGUSR2 SIGXCPU alarm getitimer
pause pthread_kill pthread_sigmask setitimer siginterrupt sigpending sigtimedwait sigwait sigwaitinfo
"""
MISSING = {"os": OF_OS.split(), "signal": OF_SIGNAL.split()}
MODULES = ("fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty")

ON_MACOS = {"os": ["sched_getaffinity", "posix_fallocate", "posix_fadvise", "O_TMPFILE", "O_DIRECT"], "signal": []}

# The libraries are imported first: they have their own ways with other systems. Then ours are imported once more, on
# macOS and on Windows. ``os.name`` stays, for Python's own paths ask it.
IMPORT = """
import importlib, os, pkgutil, signal, sys
import tlsearch, tlsearch_plugins
def ours():
    for package in (tlsearch, tlsearch_plugins):
        yield package.__name__
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            # One is code that MLflow runs, and sets a model when it is imported; the others are programs.
            if found.name.rpartition(".")[2] not in ("pyfunc_model", "__main__"):
                yield found.name
names = list(ours())
import keras, mlflow, optuna, matplotlib.pyplot, sklearn.linear_model, scipy.stats, PIL.Image, pandas, fsspec
for name in names:
    importlib.import_module(name)
for system, missing, modules in eval(sys.argv[1]):
    for name in [name for name in sys.modules if name.partition(".")[0] in ("tlsearch", "tlsearch_plugins")]:
        del sys.modules[name]
    for module, attributes in missing.items():
        for attribute in attributes:
            if hasattr(sys.modules[module], attribute):
                delattr(sys.modules[module], attribute)
    for name in modules:
        sys.modules[name] = None
    sys.platform = system
    for name in names:
        importlib.import_module(name)
    from tlsearch.utils import signals
    print(system, len(names), *(number.name for number in signals._BY_SYSTEM))
"""


def test_every_module_is_imported_without_what_the_system_lacks(tmp_path: Path) -> None:
    systems = [("darwin", ON_MACOS, ()), ("win32", MISSING, MODULES)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IMPORT, repr(systems)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    on_macos, on_windows = (line.split() for line in done.stdout.splitlines())
    assert int(on_macos[1]) == int(on_windows[1]) > 200
    assert on_macos[2:] == ["SIGTERM", "SIGHUP"]
    assert on_windows[2:] == ["SIGTERM"]


def _guarded(tree: ast.AST) -> set[str]:
    """What a file asks the system for with ``hasattr(os, "name")`` or ``getattr`` before it uses it."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    return {
        str(call.args[1].value)
        for call in calls
        if call.func.id in ("hasattr", "getattr")  # type: ignore[attr-defined]  # a Name, by the line above
        and len(call.args) > 1
        and isinstance(call.args[1], ast.Constant)
    }


def faults_of(text: str) -> list[str]:
    """What a module asks for that other systems do not have, without looking first."""
    tree = ast.parse(text)
    guarded, found = _guarded(tree), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            if node.attr in MISSING.get(node.value.id, ()) and node.attr not in guarded:
                found.append(name)
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
            found += [str(name) for name in names if name in MODULES]
    return found


def test_no_module_uses_what_only_posix_systems_have_without_looking() -> None:
    assert faults_of("import os\nos.fork()\nimport fcntl\nfrom pwd import getpwnam") == ["fcntl", "pwd", "os.fork"]
    assert faults_of('import os\nif hasattr(os, "nice"):\n    os.nice(3)') == []
    # MLflow runs this one beside a model, where it asks for nothing of the system.
    found = {
        str(file.relative_to(ROOT)): faults
        for folder in PACKAGES
        for file in folder.rglob("*.py")
        if (faults := faults_of(file.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_without_an_affinity_all_cores_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("tlsearch.utils.machine.ROOT", tmp_path)
    assert usable_cores() == os.cpu_count()


def test_an_interruption_that_waits_is_sent_again_without_signals_to_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("signal.pthread_kill")
    got: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: got.append(number))
    try:
        main = threading.main_thread().ident
        assert main is not None
        sender = threading.Thread(target=signals._send, args=(main, signal.SIGINT))
        sender.start()
        sender.join()
        for _ in range(100):  # a handler runs between two steps of the main thread
            if got:
                break
    finally:
        signal.signal(signal.SIGINT, before)
    assert got == [signal.SIGINT]


def test_the_code_of_a_killed_process_needs_no_signal() -> None:
    assert -signal.SIGKILL == KILLED


def test_a_mapped_file_that_cannot_be_renamed_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where a file that is mapped keeps its name."""
    mapped, before = [".part"], Path.replace

    def replace(self: Path, target: Path) -> Path:
        if self.name.endswith(mapped[0]):
            raise PermissionError(13, "the file is mapped", str(self))
        return before(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    target = tmp_path / "array.npy"
    with pytest.raises(PermissionError), atomic_path(target) as temporary:
        temporary.write_bytes(b"one")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(files, "RENAMES_MAPPED", False)
    with atomic_path(target) as temporary:
        temporary.write_bytes(b"two")
    assert [file.name for file in tmp_path.iterdir()] == ["array.npy"]
    assert target.read_bytes() == b"two"
