"""Small data sets made on the fly, shared by all tests."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings
from PIL import Image

from tests.helpers.networks import tiny_source
from tests.helpers.results.sample_result import SAMPLE
from tests.helpers.runs.small_run import TrialRecord, mixed_images, run_as_a_user
from tlsearch.plugins import registry
from tlsearch.results.result import RunResult
from tlsearch.utils import passwords

# Processes that run side by side have a core each: two threads a process wait for each other. Before TensorFlow starts.
if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")

# A database waits for the disk at every commit, 35 ms against .3 ms in memory, and a run commits hundreds of times. So
# what tests write goes into memory where there is enough; pytest.ini_options say that it is removed in the end.
SHARED_MEMORY = Path("/dev/shm")
if SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > 6e9:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(SHARED_MEMORY))

# The same examples everywhere, and no limit on time that a busy machine would break.
settings.register_profile("tlsearch", derandomize=True, deadline=None, database=None)
settings.load_profile("tlsearch")

MakeDataset = Callable[..., Path]

InstallPlugin = Callable[..., None]

MakeOnce = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(autouse=True)
def _no_known_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test hides the passwords of another one."""
    monkeypatch.setattr(passwords, "_known", {})


def texture(label: int, size: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """uint8 (size, size, 3): stripes whose direction, width and colour depend on ``label``, with noise.

    Phase and noise come from ``rng``, so that no two pictures are equal and a class has to be learned.
    """
    rows, columns = np.mgrid[0:size, 0:size] / size
    angle = label * 2.4
    waves = 3 + 2 * (label % 3)
    phase = rng.uniform(0, 2 * np.pi)
    stripes = np.sin(2 * np.pi * waves * (rows * np.sin(angle) + columns * np.cos(angle)) + phase)
    colour = 40 * np.array([np.cos(label), np.cos(label + 2), np.cos(label + 4)])
    pixels = 128 + 50 * stripes[..., None] + colour + rng.normal(0, 12, (size, size, 3))
    return np.asarray(pixels.clip(0, 255), dtype=np.uint8)


def write_dataset(
    folder: Path,
    classes: Sequence[str] = ("ash", "birch", "cedar"),
    per_class: int = 12,
    size: int = 48,
    splits: Sequence[str] = (),
    seed: int = 0,
) -> Path:
    """Write ``per_class`` pictures of every class, in every split folder where ``splits`` names some.

    The layout is ``folder/dataset/[split/]class/NNN.png``; gives ``folder/dataset``. The same arguments write
    the same bytes.
    """
    root = folder / "dataset"
    rng = np.random.default_rng(seed)
    for part in splits or ("",):
        for label, name in enumerate(classes):
            target = root / part / name
            target.mkdir(parents=True)
            for number in range(per_class):
                Image.fromarray(texture(label, size, rng)).save(target / f"{number:03}.png")
    return root


# A file of tests stays on one process, so the longest ones begin. The first makes the whole run that those of
# whole_runs and browser look at: the other process would have to wait for it, so it gets something else to do, which
# among the slow tests are those of a cluster and of several workers.
LONGEST_FIRST = (
    "whole_runs/test_run_again.py",
    "cluster/test_ray.py",
    "whole_runs/faults/test_resume.py",
    "whole_runs/faults/test_workers.py",
    "builtin_plugins/test_conformance.py",
    "pipeline/resize",
    "builtin_plugins/test_classics_conformance.py",
    "training",
    "models",
    "browser/test_mlflow_pages.py",
    "worker",
    "benchmarks",
    "search",
    "tracking",
    "whole_runs",
    "browser",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first; among others the order stays."""
    here = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        place = item.path.relative_to(here).as_posix() if item.path.is_relative_to(here) else ""
        return next((n for n, start in enumerate(LONGEST_FIRST) if place.startswith(start)), len(LONGEST_FIRST))

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """Leave the libraries' objects out of every collection of garbage, as the worker does: .3 s a time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _little_to_collect() -> Iterator[None]:
    """Leave what a file of tests has made out of the collections of the next ones, which take seconds in the end."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def make_dataset() -> MakeDataset:
    """The function ``write_dataset``: ``make_dataset(tmp_path, classes=..., per_class=..., size=...)``."""
    return write_dataset


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """``once(name, make)`` gives a folder that ``make(folder)`` has filled, one for all processes of this test run."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def folder_of(name: str, make: Callable[[Path], None]) -> Path:
        import fcntl  # not on Windows, where only the tests of whole runs need it

        folder, made = base / name, base / f"{name}.made"
        with (base / f"{name}.lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # let go when the file is closed
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)  # what a failed try has left
                folder.mkdir()
                make(folder)
                made.touch()
        return folder

    return folder_of


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the path, in which the distribution ``tiny-backbone`` is installed."""
    return tiny_source.install(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="session")
def images(once: MakeOnce) -> Path:
    """The data set of whole runs."""

    def make(folder: Path) -> None:
        mixed_images(write_dataset, folder)

    return once("images", make) / "dataset"


@pytest.fixture(scope="session")
def finished(once: MakeOnce, site: Path, images: Path) -> TrialRecord:
    """One complete run, as a user starts it, with an empty store. It makes its own record, and nobody changes it."""
    seconds = {"MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL": "1"}  # so that a short run has some
    return TrialRecord.of(once("home", lambda home: run_as_a_user(images, home, site, **seconds)))


@pytest.fixture(scope="session")
def tables(once: MakeOnce) -> Path:
    """A database of MLflow with its tables and without a run, to be copied: making the tables takes four seconds."""

    def make(folder: Path) -> None:
        from tlsearch.tracking.location import locate
        from tlsearch.tracking.quiet import quiet
        from tlsearch.tracking.store import open_client

        with quiet():
            open_client(locate("sqlite:///mlflow.db", folder))

    return once("tables", make) / "mlflow.db"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InstallPlugin:
    """Puts a distribution on the path, of this process and of those that it starts: its name, its module's text, and
    its entry points (name=module:attribute)."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))

    def make(distribution: str, code: str, group: str = "tlsearch.augmentations", **points: str) -> None:
        module = distribution.replace("-", "_")
        (site / f"{module}.py").write_text(code)
        info = site / f"{module}-2.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.5\n")
        lines = [f"{name} = {module}:{attribute}" for name, attribute in points.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]))
        # A module of an earlier test must not answer for this one.
        monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.setattr(registry, "_cache", {})
        registry._announced.cache_clear()

    return make


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Makes a file system with the given options (``size=1m``, ``ro``), or changes those of the one that is there."""
    folder = tmp_path / "disk"

    def mount(options: str) -> Path:
        made = folder.exists()
        folder.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"remount,{options}" if made else options, "none", str(folder)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("no file system of a chosen size can be mounted here")
        return folder

    yield mount
    if folder.exists():
        subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)


@pytest.fixture
def small_disk(disk: Callable[[str], Path]) -> Path:
    """A file system of one megabyte."""
    return disk("size=1m")


@pytest.fixture(scope="session")
def sample() -> RunResult:
    """The made-up result that the tests of the report use."""
    return SAMPLE
